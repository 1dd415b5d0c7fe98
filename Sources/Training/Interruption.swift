import Foundation

/// Turns the first SIGINT or SIGTERM into a request to stop after the current step; the second ends at once.
public enum Interruption {
    /// Starts listening. Call once before long work.
    public static func listen() {
        let handler: @convention(c) (Int32) -> Void = { _ in
            if interruptionRequested != 0 { _exit(130) }
            interruptionRequested = 1
        }
        signal(SIGINT, handler)
        signal(SIGTERM, handler)
    }

    /// Ends long work that comes before the first step, and has nothing to save, when a stop was asked for.
    /// - Throws: `TrainingError.interrupted`.
    public static func check() throws {
        if isRequested { throw TrainingError.interrupted }
    }

    /// Whether a stop was asked for.
    public static var isRequested: Bool { interruptionRequested != 0 }
}

/// Written by a signal handler, where nothing but a plain store is allowed.
nonisolated(unsafe) private var interruptionRequested: sig_atomic_t = 0
