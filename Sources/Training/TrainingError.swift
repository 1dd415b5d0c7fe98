/// Why a run ended before its time.
public enum TrainingError: Error, CustomStringConvertible {
    /// The loss or the gradient of a step is NaN or infinite; the last good checkpoint is untouched.
    ///
    /// `step` counts from 1; `saved` is the step of the last good checkpoint, `nil` when there is none yet.
    case notFinite(what: String, step: Int, rows: [Int], folder: String, saved: Int?)
    /// The run folder was started with other settings.
    case differentConfiguration(folder: String, difference: String)
    /// The run folder was started by a version that took data and validation rows otherwise.
    case earlierVersion(folder: String)
    /// A checkpoint does not hold what this run needs.
    case checkpoint(file: String, problem: String)
    /// The best model in the run folder is that of a run with other settings.
    case foreignBest(file: String, difference: String)
    /// The user asked to stop before the first step, while something that training needs was computed.
    case interrupted
    /// Another process trains in the folder.
    case locked(folder: String, process: String?)
    /// The run folder cannot be made or written.
    case folder(String, problem: String)
    /// Too few rows to train or validate.
    case tooFewRows(split: String, rows: Int, needed: Int)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .notFinite(let what, let step, let rows, let folder, let saved):
            "\(folder): \(what) is not finite at step \(step); its \(rows.count) rows are listed in not-finite.json, "
                + (saved.map { "the checkpoint of step \($0) is kept; " } ?? "")
                + "look at those spectra, or lower learningRate"
        case .differentConfiguration(let folder, let difference):
            "\(folder): this run was started with other settings (\(difference)); "
                + "give another --run folder, or --restart to begin anew"
        case .earlierVersion(let folder):
            "\(folder): this run was started by an earlier version, which told data apart by their counts and validated on "
                + "the first rows; give another --run folder, or --restart to begin anew"
        case .checkpoint(let file, let problem):
            "\(file): \(problem); delete it to begin anew, or give another --run folder"
        case .foreignBest(let file, let difference):
            "\(file): is the best model of a run with other settings (\(difference)); "
                + "give another --run folder, or --restart to begin anew"
        case .interrupted: "interrupted before the first step; the same command begins again"
        case .locked(let folder, let process):
            "\(folder): \(process.map { "process \($0)" } ?? "another process") is training there; "
                + "wait for its end, or give another --run folder"
        case .folder(let path, let problem):
            "\(path): the run folder cannot be written (\(problem)); give a --run folder that can"
        case .tooFewRows(let split, let rows, let needed):
            "the \(split) split has \(rows) rows, the run needs at least \(needed); lower batch, or give more data"
        }
    }
}
