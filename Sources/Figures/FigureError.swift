import Foundation

/// What can go wrong while a figure is drawn, said in one line that names the file or program, the problem and the remedy.
public struct FigureError: LocalizedError, CustomStringConvertible, Sendable, Equatable {
    /// The kind of failure, for callers that react to it.
    public enum Kind: Sendable, Equatable {
        /// The gnuplot program was not found or cannot be run.
        case gnuplotMissing
        /// gnuplot ran and refused the script, crashed, or wrote no valid picture.
        case gnuplotFailed
        /// gnuplot did not finish in the time allowed.
        case timedOut
        /// The output exists and overwriting was not asked for.
        case outputExists
        /// The output folder is missing or cannot be written.
        case outputNotWritable
        /// The file extension is none of png, pdf, svg.
        case unknownFormat
        /// Arrays of a figure do not fit together.
        case invalidData
    }

    /// The kind of failure.
    public let kind: Kind
    /// The file or program concerned.
    public let subject: String
    /// What is wrong.
    public let problem: String
    /// What to do about it.
    public let remedy: String

    init(_ kind: Kind, _ subject: String, _ problem: String, remedy: String) {
        func line(_ text: String) -> String { text.split(whereSeparator: \.isNewline).joined(separator: " ") }
        self.kind = kind
        self.subject = line(subject)
        self.problem = line(problem)
        self.remedy = line(remedy)
    }

    /// "subject: problem; remedy", always one line.
    public var description: String { "\(subject): \(problem); \(remedy)" }

    /// The same line as ``description``.
    public var errorDescription: String? { description }
}
