import CTorch

/// An ATen operator, looked up once by name.
struct Operator: @unchecked Sendable {
    /// What a message calls it.
    let name: String
    private let callee: OpaquePointer

    /// - Parameters:
    ///   - name: the name in libtorch without its namespace, for example `add`.
    ///   - overload: the overload, for example `Tensor`; most operators have one that is empty.
    init(_ name: String, _ overload: String = "") {
        guard let callee = ctorch_operator_find("aten::" + name, overload) else {
            fatalError("libtorch \(TorchRuntime.version) has no operator aten::\(name).\(overload)")
        }
        self.name = name
        self.callee = callee
    }

    /// Calls the operator and returns its only result, or the first.
    func callAsFunction(_ arguments: Argument...) -> Tensor {
        var result: Tensor?
        call(arguments, capacity: 4) { index, value in
            let tensor = Tensor(owning: value.tensor)
            if index == 0 { result = tensor }
        }
        return result ?? .undefined
    }

    /// Calls an operator that returns exactly `count` tensors; undefined ones when it fails.
    func many(_ count: Int, _ arguments: Argument...) -> [Tensor] {
        var results: [Tensor] = []
        call(arguments, capacity: count) { _, value in results.append(Tensor(owning: value.tensor)) }
        return results.count == count ? results : Array(repeating: .undefined, count: count)
    }

    /// Calls an operator for its effect on its arguments.
    func perform(_ arguments: Argument...) {
        call(arguments, capacity: 1) { _, value in
            if let pointer = value.tensor { ctorch_release(pointer) }
        }
    }

    /// Calls an operator that returns a number; NaN when it fails.
    func number(_ arguments: Argument...) -> Double {
        var result = Double.nan
        call(arguments, capacity: 1) { _, value in result = value.real }
        return result
    }

    private func call(_ arguments: [Argument], capacity: Int, _ receive: (Int, ctorch_value) -> Void) {
        if arguments.contains(where: \.isUndefined) {
            if !Failure.isCaught { fatalError("\(name): an operand is undefined: the operation that made it failed") }
            return
        }
        let words = arguments.reduce(0) { $0 + $1.wordCount }
        let status = withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(words, 1)) { list in
            withUnsafeTemporaryAllocation(of: ctorch_argument.self, capacity: max(arguments.count, 1)) { lowered in
                withUnsafeTemporaryAllocation(of: ctorch_value.self, capacity: max(capacity, 1)) { results -> Int32 in
                    guard var next = list.baseAddress else { return 1 }
                    for (index, argument) in arguments.enumerated() {
                        lowered.initializeElement(at: index, to: argument.lower(words: &next))
                    }
                    var count = 0
                    let status = withExtendedLifetime(arguments) {
                        ctorch_call(
                            callee, lowered.baseAddress, arguments.count, results.baseAddress, capacity, &count)
                    }
                    for index in 0..<count { receive(index, results[index]) }
                    return status
                }
            }
        }
        if status != 0 {
            Failure.report(operation: name, shapes: arguments.flatMap(\.tensors).prefix(8).map(\.shape))
        }
    }
}
