import CTorch
import Support
import Synchronization

/// Where a failing operation leaves its error: in the innermost ``catchingTorchErrors(_:)`` scope, or nowhere, and then
/// the program stops.
final class Failure: Sendable {
    @TaskLocal private static var scope: Failure?

    private let first = Mutex<Diagnostic?>(nil)

    /// Whether some caller up the stack waits for errors.
    static var isCaught: Bool { scope != nil }

    /// Records the error with the scope, or stops the program.
    static func report(_ error: Diagnostic) {
        guard let scope else { fatalError(error.description) }
        scope.first.withLock { if $0 == nil { $0 = error } }
    }

    /// Reports what the last call into libtorch on this thread said.
    static func report(operation: String, shapes: [[Int]] = []) {
        report(Diagnostic(operation: operation, shapes: shapes, reason: String(cString: ctorch_last_error())))
    }

    static func collecting<R>(_ body: () throws -> R) throws -> R {
        let scope = Failure()
        let result = Result { try $scope.withValue(scope) { try body() } }
        // The first failed operation is the cause of whatever the body ran into afterwards.
        if let error = scope.first.withLock({ $0 }) { throw error }
        return try result.get()
    }
}

/// Runs `body` and throws the first error of an operation in it.
///
/// Inside the scope a failing operation returns an undefined tensor and later operations on it do nothing, so the body
/// runs to its end; `Tensor.floats()` and the like are then empty. Afterwards operations work as before.
/// - Throws: `Diagnostic`, or what `body` throws.
public func catchingTorchErrors<R>(_ body: () throws -> R) throws -> R {
    try Failure.collecting(body)
}

extension Diagnostic.Reason {
    /// An operation refused its tensors.
    public static let tensorOperation = Self("tensor operation")
}

extension Diagnostic {
    /// An operation that refused its tensors: its name, the shapes of its tensor arguments, and the first line of libtorch's
    /// reason (the others say where in libtorch).
    init(operation name: String, shapes: [[Int]] = [], reason: String) {
        let line = firstLine(reason)
        let problem =
            switch shapes.count {
            case 0: line
            case 1: "\(shapes[0]) does not fit (\(line))"
            default: "\(shapes.map(\.description).joined(separator: " and ")) do not fit (\(line))"
            }
        self.init(name, problem: problem, reason: .tensorOperation)
    }
}

/// libtorch's messages go on for many lines; the first says what is wrong.
func firstLine(_ message: String) -> String {
    message.split(whereSeparator: \.isNewline).first.map(String.init) ?? message
}
