/// Where a run tells how it goes. The command prints to standard error; tests and libraries stay silent.
public protocol ProgressSink {
    /// An interval was trained, or a validation done.
    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?)
    /// Something worth a line of its own: resumed, stopped early, interrupted.
    func note(_ text: String)
}

/// Says nothing.
public struct SilentProgress: ProgressSink {
    /// A sink that stays silent.
    public init() {}
    /// Reports an interval or a validation.
    public func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {}
    /// Reports something worth a line of its own.
    public func note(_ text: String) {}
}
