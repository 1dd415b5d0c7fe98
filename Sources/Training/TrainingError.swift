/// Why a run ended before its time.
public enum TrainingError: Error, CustomStringConvertible {
    /// The loss or the gradient of a step is NaN or infinite; the last good checkpoint is untouched.
    case notFinite(what: String, step: Int, rows: [Int], folder: String)
    /// The run folder was started with other settings.
    case differentConfiguration(folder: String, difference: String)
    /// A checkpoint does not hold what this run needs.
    case checkpoint(file: String, problem: String)
    /// Too few rows to train or validate.
    case tooFewRows(split: String, rows: Int, needed: Int)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .notFinite(let what, let step, let rows, let folder):
            "\(folder): \(what) is not finite at step \(step); its \(rows.count) rows are listed in not-finite.json, "
                + "the last good checkpoint is kept; look at those spectra, or lower learningRate"
        case .differentConfiguration(let folder, let difference):
            "\(folder): this run was started with other settings (\(difference)); "
                + "give another --run folder, or --restart to begin anew"
        case .checkpoint(let file, let problem):
            "\(file): \(problem); delete it to begin anew, or give another --run folder"
        case .tooFewRows(let split, let rows, let needed):
            "the \(split) split has \(rows) rows, the run needs at least \(needed); lower batch, or give more data"
        }
    }
}
