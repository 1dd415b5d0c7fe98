import Foundation

/// Why a spectrum, a table or a data set cannot be used: which file, which field in it, what is wrong, what to do.
///
/// Always one line: `file: field: problem; remedy`.
public struct SpectrumError: Error, Sendable, Equatable, LocalizedError, CustomStringConvertible {
    /// The file, or `file#row`, concerned.
    public var file: String
    /// The field (header keyword, column, array) concerned; empty when it is the file as a whole.
    public var field: String
    /// What is wrong.
    public var problem: String
    /// What the user can do about it; may be empty.
    public var remedy: String

    /// An error about `field` of `file`.
    public init(file: String, field: String = "", problem: String, remedy: String = "") {
        self.file = file
        self.field = field
        self.problem = problem
        self.remedy = remedy
    }

    /// An error about `field` of the file at `url`.
    public init(_ url: URL, field: String = "", problem: String, remedy: String = "") {
        self.init(file: url.path, field: field, problem: problem, remedy: remedy)
    }

    /// `file: field: problem; remedy`, on one line.
    public var description: String {
        let subject = [file, field, problem].filter { !$0.isEmpty }.joined(separator: ": ")
        let line = remedy.isEmpty ? subject : subject + "; " + remedy
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// The same line, for `localizedDescription`.
    public var errorDescription: String? { description }
}
