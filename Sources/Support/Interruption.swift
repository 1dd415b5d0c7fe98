import Foundation

/// The user asked to stop before the first step, while something that the work needs was computed. Nothing is wrong.
public struct Interrupted: Error, CustomStringConvertible {
    /// Nothing else to say.
    public init() {}

    /// What to tell the user.
    public var description: String { "interrupted before the first step; the same command begins again" }
}

/// Turns the first SIGINT or SIGTERM into a request to stop after the current step; another, half a second later or
/// more, ends at once. (Programs that run others often pass on a signal which those have received already.)
public enum Interruption {
    /// Starts listening. Call once before long work.
    public static func listen() {
        let handler: @convention(c) (Int32) -> Void = { _ in
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let milliseconds = now.tv_sec * 1000 + now.tv_nsec / 1_000_000
            if interruptionRequested == 0 {
                firstInterruption = milliseconds
                interruptionRequested = 1
            } else if milliseconds - firstInterruption >= 500 {
                _exit(130)
            }
        }
        signal(SIGINT, handler)
        signal(SIGTERM, handler)
    }

    /// Ends long work that comes before the first step, and has nothing to save, when a stop was asked for.
    /// - Throws: `Interrupted`.
    public static func check() throws {
        if isRequested { throw Interrupted() }
    }

    /// Asks for a stop where no signal is listened for, or takes that back: programs that are not ours hear signals themselves.
    public static func request(_ isRequested: Bool = true) { interruptionRequested = isRequested ? 1 : 0 }

    /// Whether a stop was asked for.
    public static var isRequested: Bool { interruptionRequested != 0 }
}

/// Written by a signal handler, where hardly more than a plain store is allowed.
nonisolated(unsafe) private var interruptionRequested: sig_atomic_t = 0
/// When, in milliseconds of the monotonic clock; read by the handler alone.
nonisolated(unsafe) private var firstInterruption = 0
