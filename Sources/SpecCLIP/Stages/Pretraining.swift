import Datasets
import Foundation
import Simulation
import Spectra
import Support
import Torch
import Training

/// Pre-trains the encoder of one instrument on its spectra alone.
public struct Pretraining {
    let instrument: Instrument
    let configuration: InstrumentConfiguration
    let context: StageContext

    /// The pre-training of one instrument.
    public init(_ instrument: Instrument, _ configuration: InstrumentConfiguration, context: StageContext) {
        self.instrument = instrument
        self.configuration = configuration
        self.context = context
    }

    /// The encoder's model file.
    public var output: URL { Self.output(instrument, in: context.folder) }

    /// Where the pre-trained encoder of an instrument lies in a run's folder.
    public static func output(_ instrument: Instrument, in folder: URL) -> URL {
        folder.appending(path: instrument.name).appending(path: "encoder.safetensors")
    }

    /// Trains, resuming what was begun, and writes `<run>/<instrument>/encoder.safetensors`.
    /// - Parameter foreign: a run of another program to go on with, in a folder without a run.
    @discardableResult
    public func run(from foreign: (any ForeignRun)? = nil) throws -> TrainingOutcome {
        let lock = try context.lock(instrument.name)
        defer { lock.release() }
        let data = try context.open(configuration.pretrain.data)
        let run = context.run(
            instrument.name,
            settings: [try settingsText(configuration.encoder), try settingsText(configuration.pretrain)], data: data,
            output: output)
        if foreign == nil, let outcome = try run.finished() { return outcome }
        let description = ModelDescription(
            embedding: nil,
            branches: [BranchDescription(instrument: instrument, encoder: configuration.encoder)],
            provenance: context.provenance(stage: "pretrain", data: data))
        Generator.seed(context.configuration.seed)
        let model = SpecCLIPModel(description)
        try model.to(context.device)
        if let foreign {
            let notes = try foreign.check(model.branch(instrument).backbone, against: configuration.pretrain.training)
            for note in notes { context.progress(instrument.name).note(note) }
        }
        let task = try PretrainingTask(
            model, instrument, data: data, augmentation: configuration.pretrain.augment, device: context.device)
        return try run.train(task, options: configuration.pretrain.training, from: foreign) {
            try ModelFile.write(model, to: output)
        }
    }
}

/// Spectra in, self-supervised loss out.
final class PretrainingTask: TrainingTask {
    struct Source: BatchSource {
        private let parts: [TrainingSplit: (rows: AugmentedRows, seen: [Int])]
        private let inputs: SpectrumInputs
        private let device: Device

        init(_ rows: [TrainingSplit: AugmentedRows], inputs: SpectrumInputs, device: Device) {
            parts = rows.mapValues { ($0, $0.seen) }
            (self.inputs, self.device) = (inputs, device)
        }

        func count(_ split: TrainingSplit) -> Int { parts[split]?.seen.count ?? 0 }

        func batch(
            _ split: TrainingSplit, rows wanted: [Int], random: inout StepRandom
        ) throws -> (spectra: SpectrumBatch, clean: Tensor) {
            guard let (rows, seen) = parts[split] else { return (SpectrumBatch(Tensor.zeros([0])), Tensor.zeros([0])) }
            let batch = try rows.batch(wanted.map { seen[$0] }, random: &random)
            return (try batch.spectra(for: inputs).to(device), try batch.clean.to(device))
        }
    }

    let model: Module
    let source: Source
    private let encoder: any Encoder

    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, data: PairedDataSet, augmentation: Augmentation?,
        device: Device
    ) throws {
        let branch = try model.branch(instrument)
        self.model = branch.backbone
        encoder = branch.backbone
        let training = try AugmentedRows(data, instrument, .train, augmentation)
        source = Source(
            [
                .training: training,
                .validation: try AugmentedRows(data, instrument, .validation, augmentation),
            ], inputs: encoder.inputs, device: device)
        try encoder.adapt(to: training.asTheyAre(training.seen.evenlySampled(4096), for: encoder.inputs).to(device))
    }

    func losses(_ batch: (spectra: SpectrumBatch, clean: Tensor)) throws -> [(name: String, value: Tensor)] {
        [("loss", try encoder.pretrainingLoss(batch.spectra, finding: batch.clean))]
    }
}
