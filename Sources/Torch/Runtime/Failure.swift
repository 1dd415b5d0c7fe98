import CTorch
import Synchronization

/// Where a failing operation leaves its error: in the innermost ``catchingTorchErrors(_:)`` scope, or nowhere, and then
/// the program stops.
final class Failure: Sendable {
    @TaskLocal private static var scope: Failure?

    private let first = Mutex<TorchError?>(nil)

    /// Whether some caller up the stack waits for errors.
    static var isCaught: Bool { scope != nil }

    /// Records the error with the scope, or stops the program.
    static func report(_ error: TorchError) {
        guard let scope else { fatalError(error.description) }
        scope.first.withLock { if $0 == nil { $0 = error } }
    }

    /// Reports what the last call into libtorch on this thread said.
    static func report(operation: String, shapes: [[Int]] = []) {
        report(.operation(operation, shapes: shapes, reason: firstLine(String(cString: ctorch_last_error()))))
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
/// - Throws: ``TorchError``, or what `body` throws.
public func catchingTorchErrors<R>(_ body: () throws -> R) throws -> R {
    try Failure.collecting(body)
}
