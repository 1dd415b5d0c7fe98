import Datasets
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

    /// The stage that an instrument's encoder comes from, its folder's name, and the encoder's file.
    /// - Parameters:
    ///   - instrument: whose encoder.
    ///   - tunings: sets of labels that it has learned from, one after the other; nil for all of the configuration.
    ///   - fold: stars of the last set that it has not seen; nil where it has seen all.
    public func encoder(
        of instrument: Instrument, tunings: Int? = nil, without fold: Int? = nil
    ) -> (stage: String, folder: String, file: URL) {
        let tunings = tunings ?? configuration.instruments[instrument.name]?.finetune.count ?? 0
        let all =
            switch tunings {
            case 0: instrument.name
            case 1: "finetune-\(instrument.name)"
            default: "finetune-\(instrument.name)-\(tunings)"
            }
        let name = all + (fold.map { "-without-\($0)" } ?? "")
        return (
            tunings > 0 ? "finetune" : "pretrain", name,
            folder.appending(path: name).appending(path: "encoder.safetensors")
        )
    }

    /// What a model file remembers of how it was made.
    public func provenance(stage: String, data: PairedDataSet) -> [String: String] {
        ["configuration": configuration.name, "stage": stage, "tier": data.tier, "seed": "\(configuration.seed)"]
    }

    /// Makes sure that no other process trains the stage `name` in this folder, until the lock is released.
    public func lock(_ name: String) throws -> RunLock {
        try RunLock(folder.appending(path: name).appending(path: "lock"))
    }

    /// The training `name` of this context.
    /// - Parameters:
    ///   - name: of the stage.
    ///   - settings: what decides the result besides seed and data.
    ///   - data: the data set.
    ///   - output: where the result goes.
    public func run(_ name: String, settings: [String], data: PairedDataSet, output: URL) -> StageRun {
        let all = settings + ["seed \(configuration.seed)", "data \(data.tier), content \(data.contentHash)"]
        return StageRun(self, name: name, settings: all.joined(separator: "\n"), output: output)
    }
}
