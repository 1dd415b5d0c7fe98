import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Teaches a pre-trained encoder what labels are: a head on its summary, and the encoder itself, learn from labelled
/// spectra. The head is thrown away; alignment and posteriors read the encoder's features.
public struct FineTuning {
    let instrument: Instrument
    let configuration: FineTuneConfiguration
    /// Sets of labels that the encoder has learned from before.
    let before: Int
    let context: StageContext

    /// All that the encoder of an instrument learns from labels, in this order.
    public static func all(of instrument: Instrument, context: StageContext) -> [FineTuning] {
        (context.configuration.instruments[instrument.name]?.finetune ?? []).enumerated().map { before, configuration in
            FineTuning(instrument: instrument, configuration: configuration, before: before, context: context)
        }
    }

    /// The encoder's model file.
    public var output: URL { context.encoder(of: instrument, tunings: before + 1).file }

    /// Trains, resuming what was begun, and writes `<run>/finetune-<instrument>/encoder.safetensors`; and the same without each
    /// fold where the configuration asks for it.
    @discardableResult
    public func run() throws -> TrainingOutcome {
        let outcome = try train(without: nil)
        guard configuration.crossFit == true, outcome.isFinished else { return outcome }
        for fold in try FoldedStars(context.open(configuration.data)).folds {
            let outcome = try train(without: fold)
            guard outcome.isFinished else { return outcome }
        }
        return outcome
    }

    private func train(without fold: Int?) throws -> TrainingOutcome {
        let (_, name, output) = context.encoder(of: instrument, tunings: before + 1, without: fold)
        let lock = try context.lock(name)
        defer { lock.release() }
        let (stage, _, pretrained) = context.encoder(of: instrument, tunings: before)
        guard FileManager.default.fileExists(atPath: pretrained.path) else {
            throw Diagnostic(
                pretrained.path,
                problem: "the encoder of \(instrument.name) is missing; run `specclip \(stage)` first")
        }
        let data = try context.open(configuration.data)
        let settings =
            [try settingsText(configuration), "encoder \(ContentHash.of(pretrained))"]
            + (fold.map { ["without fold \($0)"] } ?? [])
        let run = context.run(name, settings: settings, data: data, output: output)
        if let outcome = try run.finished() { return outcome }
        let model = try ModelFile(contentsOf: pretrained).model(on: context.device)
        Generator.seed(context.configuration.seed)
        let chosen = try fold.map { try FoldedStars(data).rows(outside: [$0]) }
        let task = try FineTuningTask(
            model.branch(instrument).backbone, instrument, configuration, data: data, chosen: chosen,
            device: context.device)
        return try run.train(task, options: configuration.training) {
            let provenance = context.provenance(stage: "finetune", data: data)
            try ModelFile.write(model, provenance: provenance, to: output)
        }
    }
}

/// Encoder and head, which learn together.
final class LabelledEncoder: Module {
    let backbone: any Encoder
    let head: LabelHead

    init(_ backbone: any Encoder, _ head: LabelHead) {
        self.backbone = backbone
        self.head = head
        super.init()
    }

    /// Labels in units of their spread, `[B, labels]`.
    func callAsFunction(_ spectra: SpectrumBatch) -> Tensor { head(backbone.summary(backbone(spectra))).mean }
}

/// Spectra in, likelihood of their labels out.
final class FineTuningTask: TrainingTask {
    struct Batch: Sendable {
        let spectra: SpectrumBatch
        let clean: Tensor
        let labels: (targets: Tensor, present: Tensor)
    }

    struct Part: Sendable {
        let rows: AugmentedRows
        /// Per label, per star, in the form that is learned; NaN where missing.
        let labels: [[Double]]
    }

    struct Source: BatchSource {
        let parts: [TrainingSplit: Part]
        /// The rows that are learned from: those chosen among the stars that the instrument has seen.
        let chosen: [TrainingSplit: [Int]]
        let inputs: SpectrumInputs
        let names: [String]
        let mean: [Double]
        let std: [Double]
        let device: Device

        func count(_ split: TrainingSplit) -> Int { chosen[split]?.count ?? 0 }

        func batch(_ split: TrainingSplit, rows asked: [Int], random: inout StepRandom) throws -> Batch {
            guard let part = parts[split], let chosen = chosen[split] else {
                let none = Tensor.zeros([0])
                return Batch(spectra: SpectrumBatch(none), clean: none, labels: (none, none))
            }
            let wanted = asked.map { chosen[$0] }
            let shown = try part.rows.batch(wanted, random: &random)
            // What the augmentation changed about a star is part of its labels.
            let labels = StandardisedLabels(
                zip(wanted, shown.changes).map { row, changes in
                    zip(names, part.labels).map { $1[row] + (changes[$0] ?? 0) }
                }, mean: mean, std: std)
            return Batch(
                spectra: try shown.spectra(for: inputs).to(device), clean: try shown.clean.to(device),
                labels: (try labels.targets.to(device), try labels.present.to(device)))
        }
    }

    let model: Module
    let source: Source
    let network: LabelledEncoder
    private let configuration: FineTuneConfiguration

    /// - Parameters:
    ///   - backbone: the encoder, of which changes what is trainable.
    ///   - chosen: the training rows to learn from; nil for all.
    ///   - scales: mean and spread of each label as it is learned; those of the rows by default.
    init(
        _ backbone: any Encoder, _ instrument: Instrument, _ configuration: FineTuneConfiguration, data: PairedDataSet,
        chosen: [Int]? = nil, scales: (mean: [Double], std: [Double])? = nil,
        device: Device
    ) throws {
        let names = configuration.names
        var parts: [TrainingSplit: Part] = [:]
        for (split, of) in [(TrainingSplit.training, Split.train), (.validation, .validation)] {
            let labels = try names.map { name in
                try data.labels(name, split: of).map(StellarLabel(named: name).learned)
            }
            parts[split] = Part(
                rows: try AugmentedRows(data, instrument, of, configuration.augment), labels: labels)
        }
        let (mean, std) =
            try scales
            ?? StandardisedLabels.statistics(
                (parts[.training]?.labels ?? []).map { values in
                    (chosen ?? parts[.training]?.rows.seen ?? []).map { values[$0] }
                },
                names: names, minimumStars: 50, dataName: data.url.path)
        // A velocity that only the augmentation brings has no spread in the data set.
        let spread = scales == nil ? zip(names, std).map { $0 == RadialVelocity.label ? max($1, 100) : $1 } : std
        let head = LabelHead(
            embedding: backbone.width, hidden: configuration.hidden, dropout: configuration.dropout, labels: names.count
        )
        try head.to(device)
        if let probability = configuration.encoderDropout {
            for case let dropout as Dropout in backbone.modules() { dropout.probability = probability }
        }
        network = LabelledEncoder(backbone, head)
        self.model = network
        var rows = parts.mapValues(\.rows.seen)
        if let chosen { rows[.training] = chosen }
        source = Source(
            parts: parts, chosen: rows, inputs: backbone.inputs, names: names, mean: mean, std: spread, device: device)
        self.configuration = configuration
    }

    /// The labels of prepared spectra, per label, per star, in their units.
    func predict(_ spectra: SpectrumBatch) throws -> [[Double]] {
        let mean = try catchingTorchErrors {
            try withoutGradient { network(spectra) }.to(.cpu)
        }
        let values = mean.doubles()
        return source.names.enumerated().map { index, name in
            (0..<spectra.count).map { star in
                let learned = source.mean[index] + source.std[index] * values[star * source.names.count + index]
                return StellarLabel(named: name).value(learned: learned)
            }
        }
    }

    /// How it trains.
    var options: TrainingOptions { configuration.training }

    func rate(of path: String) -> Double {
        path.hasPrefix("backbone.") ? configuration.encoderRate ?? 1 : 1
    }

    func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        let summary = network.backbone.summary(network.backbone(batch.spectra))
        let likelihood = network.head.loss(
            summary, targets: batch.labels.targets, present: batch.labels.present,
            degreesOfFreedom: configuration.degreesOfFreedom)
        let pretraining = configuration.pretraining
        guard pretraining > 0 else { return [("loss", likelihood)] }
        let reconstruction = try network.backbone.pretrainingLoss(batch.spectra, finding: batch.clean)
        return [
            ("loss", likelihood + reconstruction * pretraining), ("labels", likelihood), ("spectra", reconstruction),
        ]
    }
}

/// A pre-trained encoder that was fine-tuned on some labelled stars, with the head that reads them: what a foundation
/// model is worth where labels are few.
public struct FineTunedNetwork {
    private let task: FineTuningTask

    /// Fine-tunes.
    /// - Parameters:
    ///   - model: holds the pre-trained encoder, which is changed.
    ///   - instrument: whose spectra they are.
    ///   - configuration: sizes, schedule and seed.
    ///   - data: the data set.
    ///   - chosen: rows of the training split to learn from.
    ///   - seed: equal seeds give equal results.
    ///   - progress: where to report.
    public init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ configuration: FineTuneConfiguration, data: PairedDataSet,
        chosen: [Int], seed: UInt64, progress: any ProgressSink = SilentProgress()
    ) throws {
        Generator.seed(seed)
        task = try FineTuningTask(
            model.branch(instrument).backbone, instrument, configuration, data: data, chosen: chosen, device: .cpu)
        try task.trainInPassing(options: configuration.training, seed: seed, progress: progress)
    }

    /// The labels of prepared spectra, per label, per star, in their units.
    public func predict(_ spectra: SpectrumBatch) throws -> [[Double]] {
        var labels: [[Double]] = []
        for start in stride(from: 0, to: spectra.count, by: 512) {
            let rows = (start..<min(start + 512, spectra.count)).map(Int64.init)
            let part = try task.predict(spectra.rows(Tensor(rows, shape: [rows.count])))
            labels = labels.isEmpty ? part : zip(labels, part).map { $0 + $1 }
        }
        return labels
    }
}
