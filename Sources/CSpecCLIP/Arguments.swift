import CSpecCLIPHeader
import Support
import Torch

/// Arrays of the caller, by name, each copied once and straight into the numbers that are computed with.
struct Arguments {
    private var named: [String: UnsafeBufferPointer<specclip_array>] = [:]

    /// - Parameters:
    ///   - pointer: to arguments; may be nil where there are none.
    ///   - count: of them.
    /// - Throws: `Diagnostic` for counts and pointers that cannot be.
    init(_ pointer: UnsafePointer<specclip_argument>?, _ count: Int64) throws {
        guard count >= 0, count == 0 || pointer != nil else {
            throw Diagnostic("arguments", problem: "their number is \(count) where none are given")
        }
        for argument in UnsafeBufferPointer(start: pointer, count: Int(count)) {
            let name = argument.name.map { String(cString: $0) } ?? ""
            guard argument.count >= 0, argument.count == 0 || argument.arrays != nil else {
                throw Diagnostic(name, problem: "has \(argument.count) arrays where none are given")
            }
            named[name] = UnsafeBufferPointer(start: argument.arrays, count: Int(argument.count))
        }
    }

    /// How many arrays an argument has; nil where it is not given.
    func count(_ name: String) -> Int? { named[name]?.count }

    /// - Throws: `Diagnostic` that lists the known names where one was given that nobody reads.
    func check(known: [String]) throws {
        guard let unknown = named.keys.filter({ !known.contains($0) }).min() else { return }
        throw Diagnostic(unknown, problem: "is no argument here", remedy: suggestion(for: unknown, among: known))
    }

    /// Numbers of one array of an argument, in double precision; nil where the argument is not given.
    /// - Parameters:
    ///   - name: of the argument.
    ///   - index: of its array; where there is one alone, it stands for all.
    func numbers(_ name: String, _ index: Int = 0) throws -> [Double]? {
        guard let array = try array(name, index) else { return nil }
        switch array.type {
        case specclip_float64: return values(array, Double.self) { $0 }
        case specclip_float32: return values(array, Float.self) { Double($0) }
        case specclip_int32: return values(array, Int32.self) { Double($0) }
        case specclip_int64: return values(array, Int64.self) { Double($0) }
        default: throw Diagnostic(name, problem: "is no array of numbers", remedy: "give float32 or float64")
        }
    }

    /// As ``numbers(_:_:)``, in single precision.
    func floats(_ name: String, _ index: Int = 0) throws -> [Float]? {
        guard let array = try array(name, index) else { return nil }
        guard array.type == specclip_float32 else { return try numbers(name, index)?.map { Float($0) } }
        return values(array, Float.self) { $0 }
    }

    /// Flags of one array of an argument: what is not 0.
    func flags(_ name: String, _ index: Int = 0) throws -> [Bool]? {
        guard let array = try array(name, index) else { return nil }
        guard array.type == specclip_bool else { return try numbers(name, index)?.map { $0 != 0 } }
        return values(array, UInt8.self) { $0 != 0 }
    }

    /// Texts of the first array of an argument.
    func texts(_ name: String) throws -> [String]? {
        guard let array = try array(name, 0) else { return nil }
        guard array.type == specclip_text else {
            throw Diagnostic(name, problem: "is no array of texts", remedy: "give texts")
        }
        return values(array, UnsafePointer<CChar>?.self) { $0.map { String(cString: $0) } ?? "" }
    }

    /// A matrix of which each row is an array, `[rows, columns]`, in single or double precision; nil where it is not given.
    /// - Throws: `Diagnostic` where rows differ in length, or hold what is no number.
    func matrix(_ name: String, isDouble: Bool = false, allowsMissing: Bool = false) throws -> Tensor? {
        guard let count = count(name) else { return nil }
        let columns = try count == 0 ? 0 : length(name, 0)
        func all<Value>(_ row: (Int) throws -> [Value]?, _ isFine: (Value) -> Bool) throws -> [Value] {
            var values: [Value] = []
            values.reserveCapacity(count * columns)
            for place in 0..<count {
                let own = try row(place) ?? []
                guard own.count == columns else {
                    throw Diagnostic(
                        name, problem: "has \(own.count) numbers in row \(place) and \(columns) in row 0",
                        remedy: "give rows of one length")
                }
                guard allowsMissing || own.allSatisfy(isFine) else {
                    throw Diagnostic(
                        name, problem: "row \(place) holds a number that is not finite", remedy: "leave such rows out")
                }
                values += own
            }
            return values
        }
        let shape = [count, columns]
        return isDouble
            ? Tensor(try all({ try numbers(name, $0) }, \.isFinite), shape: shape)
            : Tensor(try all({ try floats(name, $0) }, \.isFinite), shape: shape)
    }

    private func length(_ name: String, _ index: Int) throws -> Int { Int(try array(name, index)?.count ?? 0) }

    private func array(_ name: String, _ index: Int) throws -> specclip_array? {
        guard let arrays = named[name] else { return nil }
        guard let array = arrays.count == 1 ? arrays[0] : arrays.indices.contains(index) ? arrays[index] : nil else {
            throw Diagnostic(name, problem: "has \(arrays.count) arrays, and none for star \(index)")
        }
        guard array.count >= 0, array.count == 0 || array.values != nil else {
            throw Diagnostic(name, problem: "has \(array.count) values where none are given")
        }
        return array
    }

    private func values<Stored: BitwiseCopyable, Value>(
        _ array: specclip_array, _: Stored.Type, _ convert: (Stored) -> Value
    ) -> [Value] {
        guard let base = array.values else { return [] }
        let (count, stride) = (Int(array.count), Int(array.stride))
        return [Value](unsafeUninitializedCapacity: count) { out, filled in
            guard let start = out.baseAddress else { return }
            for i in 0..<count {
                (start + i).initialize(to: convert(base.loadUnaligned(fromByteOffset: i * stride, as: Stored.self)))
            }
            filled = count
        }
    }
}
