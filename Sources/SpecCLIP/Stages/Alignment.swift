import Datasets
import Foundation
import Support
import Torch
import Training

/// Aligns pre-trained encoders: projections and decoders learn, the encoders stay frozen.
public struct Alignment {
    let context: StageContext

    /// A stage of the training that `context` describes.
    public init(context: StageContext) { self.context = context }

    /// The aligned model's file.
    public var output: URL { context.folder.appending(path: "align").appending(path: "model.safetensors") }

    /// Trains, resuming what was begun, and writes `<run>/align/model.safetensors`.
    @discardableResult
    public func run() throws -> TrainingOutcome {
        let lock = try context.lock("align")
        defer { lock.release() }
        let configuration = context.configuration
        let data = try context.open(configuration.align.data)
        let description = try configuration.alignedModel(provenance: context.provenance(stage: "align", data: data))
        let run = try run(description, data)
        if let outcome = try run.finished() { return outcome }
        Generator.seed(configuration.seed)
        let model = SpecCLIPModel(description)
        try loadEncoders(model)
        try model.to(context.device)
        let task = try AlignmentTask(model, objective: configuration.align.objective, data: data, context: context)
        return try run.train(task, options: configuration.align.training) {
            try task.settleUnseenPixels()
            try ModelFile.write(model, to: output)
        }
    }

    private func run(_ description: ModelDescription, _ data: PairedDataSet) throws -> StageRun {
        // Encoders that were trained anew ask for a new alignment.
        let encoders = description.instruments.map { instrument in
            "encoder \(instrument.name) \(ContentHash.of(context.encoder(of: instrument).file))"
        }
        let settings = try [
            settingsText(description.branches), settingsText(context.configuration.align),
            "embedding \(context.configuration.embedding) + \(context.configuration.privateEmbedding ?? 0)",
        ]
        return context.run("align", settings: settings + encoders, data: data, output: output)
    }

    private func loadEncoders(_ model: SpecCLIPModel) throws {
        for instrument in model.instruments {
            let (stage, _, url) = context.encoder(of: instrument)
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw Diagnostic(
                    url.path,
                    problem: "the encoder of \(instrument.name) is missing; run `specclip \(stage)` first")
            }
            let file = try ModelFile(contentsOf: url)
            let backbone = try file.model().branch(instrument).backbone
            let state = Dictionary(uniqueKeysWithValues: backbone.stateDictionary())
            do {
                try model.branch(instrument).backbone.load(state, strict: true)
            } catch {
                throw Diagnostic(
                    url.path,
                    problem: "not the encoder of this configuration (\(error)); align with the configuration it was "
                        + "trained with, or run `specclip \(stage)` in another --run folder")
            }
            try model.branch(instrument).backbone.freeze()
        }
    }
}

/// Cached features and spectra of the same stars in, the alignment losses out.
final class AlignmentTask: TrainingTask {
    struct Batch: Sendable {
        var features: [String: Tensor] = [:]
        var flux: [String: Tensor] = [:]
        var valid: [String: Tensor] = [:]
        var presence: [String: [Bool]] = [:]
    }

    struct Source: BatchSource {
        struct Rows: Sendable {
            let spectra: SpectrumRows
            let features: FeatureCache
            /// Whether pixels may be missing.
            let hasMasks: Bool
            /// Whether the instrument has seen each star; nil where it has seen all.
            let presence: [Bool]?
        }
        private let rows: [TrainingSplit: [String: Rows]]
        /// The stars that two instruments at least have seen: others align nothing.
        private let stars: [TrainingSplit: [Int]]
        private let device: Device

        init(_ rows: [TrainingSplit: [String: Rows]], device: Device) {
            (self.rows, self.device) = (rows, device)
            stars = rows.mapValues { rows in
                (0..<(rows.values.first?.features.count ?? 0)).filter { star in
                    rows.values.count { $0.presence?[star] ?? true } >= min(2, rows.count)
                }
            }
        }

        func count(_ split: TrainingSplit) -> Int { stars[split]?.count ?? 0 }

        /// The training rows of an instrument.
        func rows(of key: String) -> Rows? { rows[.training]?[key] }

        func batch(_ split: TrainingSplit, rows places: [Int], random: inout StepRandom) throws -> Batch {
            var batch = Batch()
            let wanted = places.compactMap { stars[split]?[$0] }
            for (key, rows) in rows[split] ?? [:] {
                batch.features[key] = try rows.features.tensor(wanted).to(device)
                let spectra = try rows.spectra.batch(wanted, for: rows.hasMasks ? .valid : [])
                batch.flux[key] = try spectra.flux.to(device)
                batch.valid[key] = try spectra.valid?.to(device)
                batch.presence[key] = rows.presence.map { seen in wanted.map { seen[$0] } }
            }
            return batch
        }
    }

    /// What an ordered alignment trains: the model, and the logit scales of its widths.
    private final class Ordered: Module {
        let aligned: SpecCLIPModel
        let sharpness: WidthLogitScales

        init(_ aligned: SpecCLIPModel, embedding: Int) {
            self.aligned = aligned
            sharpness = WidthLogitScales(embedding: embedding)
            super.init()
        }
    }

    let model: Module
    let source: Source
    private let aligned: SpecCLIPModel
    private let widthScales: WidthLogitScales?
    private let objective: AlignmentObjective

    init(_ model: SpecCLIPModel, objective: AlignmentObjective, data: PairedDataSet, context: StageContext) throws {
        aligned = model
        self.objective = objective
        if objective.kind == .clipOrdered, let embedding = model.descriptionOfModel.embedding {
            let ordered = Ordered(model, embedding: embedding)
            (self.model, widthScales) = (ordered, ordered.sharpness)
            try ordered.sharpness.to(context.device)
        } else {
            (self.model, widthScales) = (model, nil)
        }
        let folder = try RunFolder(context.folder.appending(path: "align"))
        if context.restart { try folder.clearFeatures() }
        let progress = context.progress("align")
        var rows: [TrainingSplit: [String: Source.Rows]] = [:]
        for split in [TrainingSplit.training, .validation] {
            for instrument in model.instruments {
                let spectra = try model.rows(data, instrument, split.split)
                let name = "features-\(instrument.name)-\(split.rawValue).f32"
                let encoderFile = context.encoder(of: instrument).file
                progress.note("features of \(spectra.seen.count) \(instrument.title) spectra (\(split.rawValue))")
                let features = try FeatureCache(
                    at: folder.url.appending(path: name), rows: spectra, encoder: try model.branch(instrument).backbone,
                    device: context.device,
                    fingerprint: "\(SpectrumRows.form) \(data.contentHash) \(ContentHash.of(encoderFile))")
                rows[split, default: [:]][instrument.embeddingKey] = Source.Rows(
                    spectra: spectra, features: features, hasMasks: instrument.leastCoverage != nil,
                    presence: try data.presence(instrument, split: split.split))
            }
        }
        source = Source(rows, device: context.device)
    }

    /// Pixels that no star of the training had (a library ends somewhere): decoders have learned nothing of them, and what they
    /// draw would pass for an answer. They are drawn at the level of all spectra.
    func settleUnseenPixels() throws {
        for instrument in aligned.instruments where instrument.leastCoverage != nil {
            guard let rows = source.rows(of: instrument.embeddingKey) else { continue }
            var seen = Tensor.zeros([instrument.grid.count])
            for start in stride(from: 0, to: rows.spectra.count, by: 1024) {
                let part = Array(start..<min(start + 1024, rows.spectra.count))
                guard let valid = try rows.spectra.batch(part, for: .valid).valid else { return }
                seen = seen + valid.sum(dims: [0])
            }
            let branch = try aligned.branch(instrument)
            let level: Double = branch.reconstruction == .standardised ? 0 : 1
            for decoder in [branch.decoder, branch.crossDecoder] {
                try decoder?.settle(unseenBy: seen.clamp(max: 1), at: level)
            }
        }
    }

    func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        try objective.losses(
            AlignedViews(
                aligned, features: batch.features, flux: batch.flux, valid: batch.valid, presence: batch.presence,
                isOrdered: objective.kind == .clipOrdered, widthScales: widthScales))
    }
}
