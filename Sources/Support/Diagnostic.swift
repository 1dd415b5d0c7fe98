import Foundation

/// What is wrong with something the program was given, and what to do about it: one line for the person at the keyboard.
///
/// The only error type of this package. A room may add initialisers for what it says often, and a ``Reason`` where callers
/// act on what went wrong instead of showing it.
public struct Diagnostic: Error, Sendable, Equatable, LocalizedError, CustomStringConvertible {
    /// Something that callers react to; most errors are only told.
    public struct Reason: Hashable, Sendable {
        private let name: String

        /// A reason; two are equal if their names are.
        public init(_ name: String) { self.name = name }
    }

    /// The file, option or thing concerned; empty where the problem names it.
    public var subject: String
    /// Column, keyword, key or part of it concerned; empty for the whole.
    public var field: String
    /// What is wrong.
    public var problem: String
    /// What to do about it; empty where the problem says so already.
    public var remedy: String
    /// What callers react to; mostly nil.
    public var reason: Reason?

    /// An error about `field` of `subject`.
    public init(
        _ subject: String = "", field: String = "", problem: String, remedy: String = "", reason: Reason? = nil
    ) {
        self.subject = subject
        self.field = field
        self.problem = problem
        self.remedy = remedy
        self.reason = reason
    }

    /// An error about `field` of the file at `url`.
    public init(_ url: URL, field: String = "", problem: String, remedy: String = "", reason: Reason? = nil) {
        self.init(url.path, field: field, problem: problem, remedy: remedy, reason: reason)
    }

    /// `subject: field: problem; remedy`, on one line.
    public var description: String {
        let parts = [subject, field, problem].filter { !$0.isEmpty }.joined(separator: ": ")
        let line = remedy.isEmpty ? parts : parts + "; " + remedy
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// The same line, for `localizedDescription`.
    public var errorDescription: String? { description }
}

extension Diagnostic {
    /// A file that the system refuses to write, with a remedy for the system's reason.
    /// - Parameters:
    ///   - path: the file.
    ///   - code: the value of `errno`.
    public init(cannotWrite path: String, errno code: Int32) {
        let remedy =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: "free some space, or write elsewhere"
            case EACCES, EPERM, EROFS, ENOENT, ENOTDIR: "choose a folder that can be written"
            default: "check free space and permissions"
            }
        self.init(path, problem: "cannot be written (\(String(cString: strerror(code))))", remedy: remedy)
    }
}
