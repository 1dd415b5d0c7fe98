/// All containers that a pickle makes while it is read, held one by one, so that letting go of what is dropped never
/// recurses.
final class PickleContainers {
    private var lists: [PickleList] = []
    private var dictionaries: [PickleDictionary] = []
    private var objects: [PickleObject] = []

    func keep(_ list: PickleList) -> PickleList {
        lists.append(list)
        return list
    }

    func keep(_ dictionary: PickleDictionary) -> PickleDictionary {
        dictionaries.append(dictionary)
        return dictionary
    }

    func keep(_ object: PickleObject) -> PickleObject {
        objects.append(object)
        return object
    }

    /// Empties all containers but some: what a pickle made and dropped may be a cycle, or a chain as long as the file.
    func empty(except kept: Set<ObjectIdentifier>) {
        for list in lists where !kept.contains(ObjectIdentifier(list)) { list.values = [] }
        for dictionary in dictionaries where !kept.contains(ObjectIdentifier(dictionary)) { dictionary.entries = [] }
        for object in objects where !kept.contains(ObjectIdentifier(object)) {
            object.state = nil
            object.items.entries = []
            object.elements.values = []
        }
    }

    /// Refuses cycles and deep nesting below a value, without recursion and visiting everything once.
    /// - Returns: the containers that belong to the value.
    static func checkShape(_ root: PickleValue) throws -> Set<ObjectIdentifier> {
        var heights: [ObjectIdentifier: Int] = [:]
        var open: Set<ObjectIdentifier> = []
        var stack: [(id: ObjectIdentifier, children: [PickleValue], next: Int)] = []
        func enter(_ value: PickleValue) throws {
            guard let (id, children) = node(value), heights[id] == nil else { return }
            guard open.insert(id).inserted else {
                throw Unpickler.Problem(text: "a value contains itself")
            }
            stack.append((id, children(), 0))
        }
        try enter(root)
        while let last = stack.last {
            if last.next < last.children.count {
                stack[stack.count - 1].next += 1
                try enter(last.children[last.next])
                continue
            }
            stack.removeLast()
            open.remove(last.id)
            let height = 1 + (last.children.lazy.compactMap { node($0).flatMap { heights[$0.id] } }.max() ?? 0)
            guard height <= Unpickler.depthLimit else {
                throw Unpickler.Problem(text: "its values are nested more than \(Unpickler.depthLimit) deep")
            }
            heights[last.id] = height
        }
        return Set(heights.keys)
    }

    private static func node(_ value: PickleValue) -> (id: ObjectIdentifier, children: () -> [PickleValue])? {
        switch value {
        case .list(let list): (ObjectIdentifier(list), { list.values })
        case .dictionary(let dictionary):
            (ObjectIdentifier(dictionary), { dictionary.entries.flatMap { [$0.key, $0.value] } })
        case .object(let object):
            (
                ObjectIdentifier(object),
                {
                    [object.arguments, object.state ?? .none] + object.items.entries.flatMap { [$0.key, $0.value] }
                        + object.elements.values
                }
            )
        default: nil
        }
    }
}
