import Support

extension Diagnostic.Reason {
    /// The gnuplot program was not found or cannot be run.
    public static let gnuplotMissing = Self("gnuplot missing")
    /// gnuplot ran and refused the script, crashed, or wrote no valid picture.
    public static let gnuplotFailed = Self("gnuplot failed")
    /// gnuplot did not finish in the time allowed.
    public static let timedOut = Self("timed out")
    /// The output exists and overwriting was not asked for.
    public static let outputExists = Self("output exists")
    /// The output folder is missing or cannot be written.
    public static let outputNotWritable = Self("output not writable")
    /// The file extension is none of png, pdf, svg.
    public static let unknownFormat = Self("unknown format")
    /// Arrays of a figure do not fit together.
    public static let invalidData = Self("invalid data")
}

extension Diagnostic {
    init(_ reason: Reason, _ subject: String, _ problem: String, remedy: String) {
        self.init(subject, problem: problem, remedy: remedy, reason: reason)
    }
}
