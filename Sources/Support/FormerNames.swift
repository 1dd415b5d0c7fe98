import Synchronization

/// Names that are still read but will not be for ever: collected while something is read, told by whoever asked for it.
public enum FormerNames {
    private static let met = Mutex<[String]>([])

    /// Notes that an old name was met.
    package static func note(_ former: String, now name: String) {
        let line = "'\(former)' is called '\(name)' now; the old name is read until version 0.3"
        met.withLock { if !$0.contains(line) { $0.append(line) } }
    }

    /// What was met since this was last asked, a line each.
    public static func take() -> [String] {
        met.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
