import Foundation

/// Reads a pickle (protocols 0 to 5) into inert values. A pickle is a program for a small stack machine; this one knows
/// no function to call: classes and functions become names, their calls become records.
///
/// Format: the comments of Python's `pickletools`. What the file may cost is bounded: every value is charged to a budget,
/// and cycles and deep nesting are refused before anyone walks the result.
final class Unpickler {
    /// What is wrong with a pickle; the caller adds the file.
    struct Problem: Error { var text: String }

    /// Nesting that no genuine file comes near.
    static let depthLimit = 200

    private var bytes: PickleBytes
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var budget: Int
    /// Every container made, so that a cycle or a long chain is taken apart without recursion.
    private let containers = PickleContainers()

    /// - Parameter budget: bytes of memory that the values may take.
    init(_ data: [UInt8], budget: Int) {
        bytes = PickleBytes(data)
        self.budget = budget
    }

    /// The value the pickle stands for.
    static func read(_ data: [UInt8], budget: Int) throws -> PickleValue {
        let machine = Unpickler(data, budget: budget)
        var kept: Set<ObjectIdentifier> = []
        defer { machine.containers.empty(except: kept) }
        let root = try machine.run()
        kept = try PickleContainers.checkShape(root)
        return root
    }

    private func run() throws -> PickleValue {
        while true {
            try charge(1)
            let position = bytes.position
            let code = try bytes.byte()
            if code == UInt8(ascii: ".") { return try pop() }
            guard try runConstant(code) || runContainer(code) || runObject(code) else {
                throw Problem(text: "byte \(position) of the pickle, \(code), is no instruction known here")
            }
        }
    }

    // MARK: - The machine

    private func charge(_ count: Int) throws {
        budget -= count
        guard budget >= 0 else { throw Problem(text: "its values would take far more memory than the file") }
    }

    private func push(_ value: PickleValue) throws {
        try charge(64)
        stack.append(value)
    }

    private func pop() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw Problem(text: "takes a value where there is none")
        }
        return value
    }

    private var top: PickleValue {
        get throws {
            guard stack.count > (marks.last ?? 0), let value = stack.last else {
                throw Problem(text: "uses a value where there is none")
            }
            return value
        }
    }

    private func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw Problem(text: "ends a group that was not begun") }
        let values = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return values
    }

    private func list(_ values: [PickleValue], isTuple: Bool = false) throws -> PickleValue {
        try charge(64 + 40 * values.count)
        return .list(containers.keep(PickleList(values, isTuple: isTuple)))
    }

    private func dictionary(_ values: [PickleValue] = []) throws -> PickleValue {
        try charge(64)
        let dictionary = containers.keep(PickleDictionary())
        try fill(dictionary, values)
        return .dictionary(dictionary)
    }

    private func fill(_ dictionary: PickleDictionary, _ values: [PickleValue]) throws {
        guard values.count % 2 == 0 else { throw Problem(text: "a dictionary has a key without a value") }
        try charge(80 * values.count / 2)
        for i in stride(from: 0, to: values.count, by: 2) { dictionary.entries.append((values[i], values[i + 1])) }
    }

    private func remember(_ index: Int) throws {
        try charge(64)
        memo[index] = try top
    }

    private func recall(_ index: Int) throws {
        guard let value = memo[index] else { throw Problem(text: "recalls value \(index), which was not stored") }
        try push(value)
    }

    // MARK: - Instructions

    /// Numbers, texts, and what stores and moves values.
    private func runConstant(_ code: UInt8) throws -> Bool {
        switch code {
        case 0x80:
            let version = try bytes.byte()
            guard version <= 5 else { throw Problem(text: "pickle protocol \(version) is newer than 5") }
        case 0x95: _ = try bytes.count(8)
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.integer(Int(try bytes.byte())))
        case UInt8(ascii: "M"): try push(.integer(try bytes.count(2)))
        case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: try bytes.count(4)))))
        case 0x8a: try push(try long(Int(try bytes.byte())))
        case 0x8b: try push(try long(try bytes.count(4)))
        case UInt8(ascii: "I"), UInt8(ascii: "L"): try push(try number(try bytes.line()))
        case UInt8(ascii: "F"):
            let text = try bytes.line()
            guard let value = Double(text) else { throw Problem(text: "'\(text.prefix(20))' is no number") }
            try push(.double(value))
        case UInt8(ascii: "G"):
            try push(.double(Double(bitPattern: try bytes.take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })))
        case UInt8(ascii: "X"): try text(try bytes.count(4))
        case 0x8c: try text(Int(try bytes.byte()))
        case 0x8d: try text(try bytes.count(8))
        case UInt8(ascii: "T"): try text(try bytes.count(4))
        case UInt8(ascii: "U"): try text(Int(try bytes.byte()))
        case UInt8(ascii: "V"): try push(.string(try bytes.line()))
        case UInt8(ascii: "S"): try push(.string(try bytes.line().trimmingCharacters(in: ["'", "\""])))
        case UInt8(ascii: "B"): try binary(try bytes.count(4))
        case UInt8(ascii: "C"): try binary(Int(try bytes.byte()))
        case 0x8e, 0x96: try binary(try bytes.count(8))
        case UInt8(ascii: "("):
            try charge(16)
            marks.append(stack.count)
        case UInt8(ascii: "0"):
            // POP ends an empty group as well.
            if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(try top)
        case UInt8(ascii: "p"): try remember(try index(try bytes.line()))
        case UInt8(ascii: "q"): try remember(Int(try bytes.byte()))
        case UInt8(ascii: "r"): try remember(try bytes.count(4))
        case 0x94: try remember(memo.count)
        case UInt8(ascii: "g"): try recall(try index(try bytes.line()))
        case UInt8(ascii: "h"): try recall(Int(try bytes.byte()))
        case UInt8(ascii: "j"): try recall(try bytes.count(4))
        default: return false
        }
        return true
    }

    private func text(_ length: Int) throws {
        let taken = try bytes.take(length)
        try charge(length)
        try push(.string(String(decoding: taken, as: UTF8.self)))
    }

    private func binary(_ length: Int) throws {
        let taken = try bytes.take(length)
        try charge(length)
        try push(.bytes(Array(taken)))
    }

    private func index(_ line: String) throws -> Int {
        guard let value = Int(line) else { throw Problem(text: "'\(line.prefix(20))' is no place to store at") }
        return value
    }

    private func number(_ line: String) throws -> PickleValue {
        if line == "00" || line == "01" { return .bool(line == "01") }
        let digits = line.hasSuffix("L") ? String(line.dropLast()) : line
        if let value = Int(digits) { return .integer(value) }
        guard let value = Double(digits) else { throw Problem(text: "'\(line.prefix(20))' is no number") }
        return .double(value)
    }

    /// A whole number of any size; one beyond 64 bits keeps its bytes.
    private func long(_ length: Int) throws -> PickleValue {
        let digits = try bytes.take(length)
        guard length <= 8 else {
            try charge(length)
            return .bytes(Array(digits))
        }
        var value: UInt64 = (digits.last ?? 0) & 0x80 != 0 ? .max : 0
        for byte in digits.reversed() { value = value << 8 | UInt64(byte) }
        return .integer(Int(Int64(bitPattern: value)))
    }

    /// Lists, tuples, dictionaries and sets.
    private func runContainer(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "]"), 0x8f: try push(try list([]))
        case UInt8(ascii: "l"): try push(try list(try popToMark()))
        case 0x91: try push(try list(try popToMark()))
        case UInt8(ascii: ")"): try push(try list([], isTuple: true))
        case UInt8(ascii: "t"): try push(try list(try popToMark(), isTuple: true))
        case 0x85, 0x86, 0x87:
            let values = try (0x85...code).map { _ in try pop() }
            try push(try list(values.reversed(), isTuple: true))
        case UInt8(ascii: "}"): try push(try dictionary())
        case UInt8(ascii: "d"): try push(try dictionary(try popToMark()))
        case UInt8(ascii: "a"):
            let value = try pop()
            try append([value])
        case UInt8(ascii: "e"), 0x90: try append(try popToMark())
        case UInt8(ascii: "s"):
            let (value, key) = (try pop(), try pop())
            try set([key, value])
        case UInt8(ascii: "u"): try set(try popToMark())
        default: return false
        }
        return true
    }

    private func append(_ values: [PickleValue]) throws {
        try charge(40 * values.count)
        switch try top {
        case .list(let list): list.values += values
        case .object(let object): object.elements.values += values
        default: throw Problem(text: "appends to what is no list")
        }
    }

    private func set(_ values: [PickleValue]) throws {
        switch try top {
        case .dictionary(let dictionary): try fill(dictionary, values)
        case .object(let object): try fill(object.items, values)
        default: throw Problem(text: "sets entries of what is no dictionary")
        }
    }

    /// Names, and what is made by calling them.
    private func runObject(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "c"): try push(try global(try bytes.line(), try bytes.line()))
        case 0x93:
            let (name, module) = (try pop(), try pop())
            guard let module = module.string, let name = name.string else { throw Problem(text: "names no class") }
            try push(try global(module, name))
        case UInt8(ascii: "R"), 0x81:
            let (arguments, callable) = (try pop(), try pop())
            try push(try made(by: callable, arguments))
        case 0x92:
            let (keywords, arguments, callable) = (try pop(), try pop(), try pop())
            let value = try made(by: callable, arguments)
            if case .object(let object) = value { object.state = keywords }
            try push(value)
        case UInt8(ascii: "i"):
            let callable = try global(try bytes.line(), try bytes.line())
            try push(try made(by: callable, try list(try popToMark(), isTuple: true)))
        case UInt8(ascii: "o"):
            let values = try popToMark()
            guard let callable = values.first else { throw Problem(text: "makes an object of nothing") }
            try push(try made(by: callable, try list(Array(values.dropFirst()), isTuple: true)))
        case UInt8(ascii: "b"):
            let state = try pop()
            // Dictionaries and tensors carry attributes too (`_metadata` of a state dictionary): nobody asks for them.
            if case .object(let object) = try top { object.state = state }
        case UInt8(ascii: "Q"):
            let reference = try pop()
            try push(try PickledTensors.storage(reference))
        default: return false
        }
        return true
    }

    private func global(_ module: String, _ name: String) throws -> PickleValue {
        try charge(module.utf8.count + name.utf8.count)
        return .global(module: module, name: name)
    }

    private func made(by callable: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
        let values = arguments.values ?? []
        guard case .global(let module, let name) = callable else {
            // A method of an object, for example: kept as a record like any other.
            return object("", "", try list([callable, arguments], isTuple: true))
        }
        switch (module, name) {
        case ("collections", "OrderedDict"), ("builtins", "dict"), ("__builtin__", "dict"):
            let made = try dictionary()
            guard case .dictionary(let dictionary) = made else { return made }
            for pair in values.first?.values ?? [] { try fill(dictionary, pair.values ?? []) }
            return made
        case ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "list"), ("builtins", "tuple"),
            ("__builtin__", "set"), ("__builtin__", "frozenset"), ("__builtin__", "list"), ("__builtin__", "tuple"),
            ("torch", "Size"):
            return try list(values.first?.values ?? [], isTuple: name == "Size" || name == "tuple")
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"):
            return try .tensor(PickledTensors.view(values))
        case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
            guard let value = values.first, case .tensor = value else {
                throw Problem(text: "a parameter has no tensor")
            }
            return value
        default:
            try charge(160)
            return object(module, name, arguments)
        }
    }

    private func object(_ module: String, _ name: String, _ arguments: PickleValue) -> PickleValue {
        .object(containers.keep(PickleObject(module: module, name: name, arguments: arguments)))
    }
}
