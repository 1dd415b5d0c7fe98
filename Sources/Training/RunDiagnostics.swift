import Foundation
import Support

extension Diagnostic.Reason {
    /// The run folder was started with other settings.
    public static let settingsDiffer = Self("training settings differ")
    /// The loss or the gradient of a step is NaN or infinite.
    public static let notFinite = Self("loss not finite")
}

/// What ends a run before its time.
extension Diagnostic {
    /// The loss or the gradient of a step is NaN or infinite; the last good checkpoint is untouched.
    /// - Parameters:
    ///   - step: counts from 1.
    ///   - saved: the step of the last good checkpoint, nil when there is none yet.
    static func notFinite(what: String, step: Int, rows: Int, folder: String, saved: Int?) -> Diagnostic {
        Diagnostic(
            folder,
            problem: "\(what) is not finite at step \(step); its \(rows) rows are listed in not-finite.json"
                + (saved.map { ", the checkpoint of step \($0) is kept" } ?? ""),
            remedy: "look at those spectra, or lower learningRate", reason: .notFinite)
    }

    /// The run folder was started with other settings.
    static func settingsDiffer(folder: String, difference: String) -> Diagnostic {
        Diagnostic(
            folder, problem: "this run was started with other settings (\(difference))", remedy: anew,
            reason: .settingsDiffer)
    }

    /// The run folder was started by a version that took data and validation rows otherwise.
    static func earlierVersion(folder: String) -> Diagnostic {
        Diagnostic(
            folder,
            problem:
                "this run was started by an earlier version, which told data apart by their counts and validated on "
                + "the first rows", remedy: anew)
    }

    /// A checkpoint does not hold what this run needs.
    static func checkpoint(file: String, problem: String) -> Diagnostic {
        Diagnostic(file, problem: problem, remedy: "delete it to begin anew, or give another --run folder")
    }

    /// The best model in the run folder is that of a run with other settings.
    static func foreignBest(file: String, difference: String) -> Diagnostic {
        Diagnostic(
            file, problem: "is the best model of a run with other settings (\(difference))", remedy: anew,
            reason: .settingsDiffer)
    }

    /// Another process trains in the folder.
    static func locked(folder: String, process: String?) -> Diagnostic {
        Diagnostic(
            folder, problem: "\(process.map { "process \($0)" } ?? "another process") is training there",
            remedy: "wait for its end, or give another --run folder")
    }

    /// The run folder cannot be made or written.
    static func folder(_ path: String, problem: String) -> Diagnostic {
        Diagnostic(
            path, problem: "the run folder cannot be written (\(problem))", remedy: "give a --run folder that can")
    }

    /// Too few rows to train or validate.
    static func tooFewRows(split: String, rows: Int, needed: Int) -> Diagnostic {
        Diagnostic(
            problem: "the \(split) split has \(rows) rows, the run needs at least \(needed)",
            remedy: "lower batch, or give more data")
    }

    private static var anew: String { "give another --run folder, or --restart to begin anew" }
}

/// What `not-finite.json` holds: the rows to look at when a loss is NaN or infinite.
struct NotFiniteReport: Codable {
    /// "the loss", "the gradient" or "the validation loss".
    let what: String
    /// Optimiser step, counted from 1.
    let step: Int
    /// `training` or `validation`.
    let split: String
    /// Row numbers within that split of the data set, from 0.
    let rows: [Int]

    func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(self).write(to: url, options: .atomic)
    }
}
