import Foundation
import Spectra
import Torch
import Training

/// What every stage of a training shares: the configuration, where data and runs live, the device, where to report.
public struct StageContext {
    /// All sections of the configuration.
    public var configuration: Configuration
    /// Folder that relative data names start from.
    public var dataFolder: URL
    /// Folder of this training; each stage has its own folder in it.
    public var folder: URL
    /// Where to compute.
    public var device: Device
    /// Begin anew instead of resuming.
    public var restart: Bool
    /// Makes the sink that a stage of this name reports to.
    public var progress: (String) -> any ProgressSink

    /// A context; nothing is read or written yet.
    public init(
        _ configuration: Configuration, dataFolder: URL, folder: URL, device: Device = .cpu, restart: Bool = false,
        progress: @escaping (String) -> any ProgressSink = { _ in SilentProgress() }
    ) {
        self.configuration = configuration
        self.dataFolder = dataFolder
        self.folder = folder
        self.device = device
        self.restart = restart
        self.progress = progress
    }

    /// Opens a stage's data set, or the configuration's own.
    public func open(_ name: String?) throws -> PairedDataSet {
        try PairedDataSet(opening: URL(fileURLWithPath: name ?? configuration.data, relativeTo: dataFolder))
    }

    /// What a model file remembers of how it was made.
    public func provenance(stage: String, data: PairedDataSet) -> [String: String] {
        ["configuration": configuration.name, "stage": stage, "tier": data.tier, "seed": "\(configuration.seed)"]
    }

    /// Makes sure that no other process trains the stage `name` in this folder, until the lock is released.
    public func lock(_ name: String) throws -> RunLock {
        try RunLock(folder.appending(path: name).appending(path: "lock"))
    }

    /// Runs one training in `<run>/<name>` and, once it is finished, writes its result to `output`.
    /// - Parameter settings: what decides the result besides seed and data.
    public func train<Task: TrainingTask>(
        _ task: Task, options: TrainingOptions, name: String, settings: [String], data: PairedDataSet,
        output: URL, write: () throws -> Void
    ) throws -> TrainingOutcome {
        let folder = try RunFolder(folder.appending(path: name))
        if restart { try folder.clear() }
        let sink = progress(name)
        sink.note(
            "\(task.source.count(.training)) spectra to train on, \(task.source.count(.validation)) to validate on, "
                + "\(task.model.parameterCount) parameters")
        if task.source.count(.validation) == 0 {
            sink.note("no validation split: the last weights are kept, whether they are the best or not")
        }
        let rows = task.source.count(.training)
        if rows < options.batch { sink.note("batch \(options.batch) is more than there is: \(rows) spectra a step") }
        let all = settings + ["seed \(configuration.seed)", "data \(data.fingerprint)"]
        let trainer = Trainer(
            task, options: options, seed: configuration.seed, folder: folder, settings: all.joined(separator: "\n"),
            progress: sink)
        let outcome = try trainer.run()
        // A finished run found again leaves its result alone: what was derived from it stays valid.
        if outcome.isFinished && (outcome.stepsTaken > 0 || !isUpToDate(output, after: [folder.last])) {
            try write()
        }
        return outcome
    }
}

/// A configuration section as stable text, to compare and to store.
public func settingsText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

extension PairedDataSet {
    /// Tells data sets apart wherever they lie: tier, counts, provenance.
    public var fingerprint: String {
        let counts = [Split.train, .validation, .test].map { "\(count($0))" }.joined(separator: "/")
        return "\(tier) \(counts) \(provenance)"
    }
}

/// Whether a result exists and is no older than the files it was made from: a process may be killed between the two.
public func isUpToDate(_ output: URL, after sources: [URL]) -> Bool {
    func time(_ url: URL) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    guard let written = time(output) else { return false }
    return sources.allSatisfy { source in time(source).map { written >= $0 } ?? true }
}
