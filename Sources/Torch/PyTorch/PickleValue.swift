/// A value in a pickle: inert data. Nothing named in the file is looked up or run.
///
/// Containers are references, since a pickle may hold one at many places; a reader that walks them should note where it
/// has been.
public enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    /// A list, tuple or set.
    case list(PickleList)
    case dictionary(PickleDictionary)
    /// Something made by a class or function that is not known here, with all it was made of.
    case object(PickleObject)
    /// A tensor whose numbers are still in the file.
    case tensor(PickledTensor)
    /// The memory behind tensors.
    case storage(PickledStorage)
    /// A class or function by name.
    case global(module: String, name: String)
}

/// Values in order.
public final class PickleList {
    /// The values.
    public internal(set) var values: [PickleValue]
    /// Whether it was a tuple.
    public let isTuple: Bool

    /// A list or tuple of values.
    public init(_ values: [PickleValue], isTuple: Bool = false) {
        self.values = values
        self.isTuple = isTuple
    }
}

/// Keys and values in the order of the file; of a key that repeats the last value counts.
public final class PickleDictionary {
    /// All entries in order.
    public internal(set) var entries: [(key: PickleValue, value: PickleValue)] {
        didSet { positions = nil }
    }
    private var positions: [String: Int]?

    /// A dictionary of these entries.
    public init(_ entries: [(key: PickleValue, value: PickleValue)] = []) { self.entries = entries }

    /// The value of a text key.
    public subscript(key: String) -> PickleValue? {
        if positions == nil {
            var found: [String: Int] = [:]
            for (index, entry) in entries.enumerated() {
                if case .string(let name) = entry.key { found[name] = index }
            }
            positions = found
        }
        return positions?[key].map { entries[$0].value }
    }

    /// The value of a number key.
    public subscript(key: Int) -> PickleValue? {
        entries.last { if case .integer(key) = $0.key { true } else { false } }?.value
    }

    /// Text keys in order.
    public var names: [String] {
        entries.compactMap { if case .string(let name) = $0.key { name } else { nil } }
    }
}

/// An instance of a class that is not known here: its name, what it was made from, and the attributes it had.
public final class PickleObject {
    /// Module of the class or function.
    public let module: String
    /// Its name.
    public let name: String
    /// What it was called with.
    public let arguments: PickleValue
    /// The attributes it was given, usually a dictionary.
    public internal(set) var state: PickleValue?
    /// Entries it was given as a dictionary.
    public let items = PickleDictionary()
    /// Values it was given as a list.
    public let elements = PickleList([])

    init(module: String, name: String, arguments: PickleValue) {
        self.module = module
        self.name = name
        self.arguments = arguments
    }

    /// An attribute, an entry, or (of a `torch.nn.Module`) a parameter, buffer or module of this name.
    public subscript(name: String) -> PickleValue? {
        let attributes = state?.dictionary
        return attributes?[name] ?? items[name]
            ?? ["_modules", "_parameters", "_buffers"].lazy.compactMap { attributes?[$0]?[name] }.first
    }
}

/// The memory behind tensors: which member of the archive, of which type, how many elements.
public struct PickledStorage: Sendable, Hashable {
    /// Name under `data/` in the archive.
    public let key: String
    /// Type of its elements.
    public let dtype: DType
    /// Number of elements.
    public let count: Int
}

/// A tensor whose numbers are still in the file: a view of a storage.
public struct PickledTensor: Sendable, Hashable {
    /// Where the numbers are.
    public let storage: PickledStorage
    /// Elements before the first one.
    public let offset: Int
    /// Size of every dimension.
    public let shape: [Int]
    /// Elements from one index to the next, per dimension.
    public let strides: [Int]

    /// Type of its elements.
    public var dtype: DType { storage.dtype }
    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
}

extension PickleValue {
    /// The value of a text key of a dictionary, or an attribute of an object.
    public subscript(name: String) -> PickleValue? {
        switch self {
        case .dictionary(let dictionary): dictionary[name]
        case .object(let object): object[name]
        default: nil
        }
    }

    /// The whole number, also where it is stored as a float or a bool.
    public var int: Int? {
        switch self {
        case .integer(let value): value
        case .double(let value): Int(exactly: value)
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The number.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The truth value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The text.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The tensor.
    public var tensor: PickledTensor? { if case .tensor(let value) = self { value } else { nil } }
    /// The dictionary.
    public var dictionary: PickleDictionary? { if case .dictionary(let value) = self { value } else { nil } }
    /// The object.
    public var object: PickleObject? { if case .object(let value) = self { value } else { nil } }
    /// The values of a list or tuple.
    public var values: [PickleValue]? { if case .list(let value) = self { value.values } else { nil } }
}

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
