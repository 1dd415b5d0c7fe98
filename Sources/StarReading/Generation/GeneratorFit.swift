import Datasets
import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Learns the spectra of an instrument as distributions, from stars of which it saw some.
public struct GeneratorFit {
    /// What can be chosen.
    public struct Options: Sendable {
        /// Numbers of a spectrum; nil for what the instrument's pixels ask for.
        public var components: Int?
        /// Gaussians.
        public var gaussians = 8
        /// Widths of the hidden layers.
        public var hidden = [256, 256, 256]
        /// Optimiser steps.
        public var steps = 6000
        /// Equal seeds give equal results.
        public var seed: UInt64 = 42

        /// The defaults.
        public init() {}
    }

    private let reader: StarReader
    private let options: Options
    private let progress: any ProgressSink
    private var training: [ObservedKnowledge] = []
    private var calibration: SpectrumCalibration
    private var hashes: [String] = []
    private let labels: [StellarLabel]

    /// - Parameters:
    ///   - reader: of the model whose encoders tell of spectra.
    ///   - options: sizes and steps.
    ///   - progress: where to report.
    public init(_ reader: StarReader, _ options: Options = Options(), progress: any ProgressSink = SilentProgress()) {
        (self.reader, self.options, self.progress) = (reader, options, progress)
        labels = SpectrumGenerator.labels(of: reader)
        calibration = SpectrumCalibration(reader, progress: progress)
    }

    /// Adds stars of a data set: its training split to learn from, its calibration split to tell how wide distributions are.
    /// - Parameters:
    ///   - data: the data set.
    ///   - isLabelled: whether its labels are on the scale that others are to be given on.
    public mutating func add(_ data: PairedDataSet, isLabelled: Bool) throws {
        progress.note("reading \(data.count(.train)) stars of \(data.url.lastPathComponent)")
        let own = isLabelled ? labels : []
        training.append(try ObservedKnowledge(reader, data, .train, labels: own))
        hashes.append(data.contentHash)
        try calibration.add(data, isLabelled: isLabelled)
    }

    /// Stars without which nothing can be learned.
    private static let fewest = 200
    /// Spectra that components are found from.
    private static let forComponents = 6000

    /// Learns the spectra of one instrument.
    /// - Parameters:
    ///   - target: the instrument.
    ///   - folder: where to keep the state of the training; a run that was interrupted goes on.
    /// - Throws: `Diagnostic` for fewer than 200 spectra; `Interrupted` when a stop was asked for.
    public func generator(of target: Instrument, folder: URL) throws -> SpectrumGenerator {
        let key = target.embeddingKey
        let parts = training.map { (stars: $0, rows: $0.rows(seenBy: target)) }.filter { !$0.rows.isEmpty }
        let count = parts.reduce(0) { $0 + $1.rows.count }
        guard count >= Self.fewest else {
            throw Diagnostic(
                problem: "\(count) training spectra of \(target.name) are too few to learn from",
                remedy: "give data sets with at least \(Self.fewest)")
        }
        func joined(_ spectra: (ObservedKnowledge) -> Tensor?, every step: Int) -> Tensor {
            Tensor.cat(
                parts.compactMap { part in
                    let chosen = part.rows.evenlySampled(max(1, part.rows.count / step))
                    return spectra(part.stars)?.rows(chosen)
                }, dim: 0)
        }
        // What goes together in one set says nothing of pixels that only another has: of both, what they share is learned.
        let shared = parts.reduce(Tensor.ones([target.grid.count])) { shared, part in
            let seen = part.stars.ivar[key]?.rows(part.rows).gt(0).to(.float32).sum(dims: [0])
            return seen.map { shared * $0.ge(Double(SpectrumBasis.fewest)).to(.float32) } ?? shared
        }
        let about = try describe(target, parts)
        let generator = try SpectrumGenerator(about)
        progress.note("\(target.title): \(about.components) components of \(count) spectra")
        try catchingTorchErrors {
            try withoutGradient {
                let step = max(1, (count + Self.forComponents - 1) / Self.forComponents)
                let basis = try SpectrumBasis(
                    joined({ $0.flux[key] }, every: step), ivar: joined({ $0.ivar[key] }, every: step) * shared,
                    count: about.components, seed: options.seed)
                try generator.basis.load(Dictionary(uniqueKeysWithValues: basis.stateDictionary()))
            }
        }
        setScales(generator, parts.map(\.stars))
        let contexts = parts.map { part in generator.context(part.stars.known.rows(part.rows).without(target)) }
        let evidence = try parts.map { try self.evidence(generator, $0.stars, $0.rows, key) }
        let source = GeneratorTask.Source(
            context: Tensor.cat(contexts, dim: 0),
            evidence: Mixture.Evidence.joined(evidence),
            blocks: generator.blocks, sources: about.sources.count)
        Generator.seed(options.seed)
        let task = GeneratorTask(generator.mixture, source)
        var training = TrainingOptions()
        (training.batch, training.length) = (256, .steps(options.steps))
        (training.learningRate, training.minimumLearningRate, training.warmup) = (1e-3, 0, options.steps / 20)
        (training.weightDecay, training.validateEvery) = (0.02, options.steps)
        let settings = ContentHash.of(
            ["\(about) \(options.hidden) \(options.steps) \(options.seed)", ContentHash.of(reader.file.url)].joined(
                separator: "\n"))
        let trainer = Trainer(
            task, options: training, seed: options.seed, folder: try RunFolder(folder.appending(path: target.name)),
            settings: settings, progress: progress)
        guard try trainer.run().isFinished else { throw Interrupted() }
        generator.evaluate()
        try calibration.calibrate(generator, of: target)
        return generator
    }

    /// Some share of pixels: dozens of numbers for spectra of thousands, fewer for those of hundreds.
    private static func components(pixels: Int) -> Int { min(32, max(4, Int(1.3 * Double(pixels).squareRoot()))) }

    private func describe(
        _ target: Instrument, _ parts: [(stars: ObservedKnowledge, rows: [Int])]
    ) throws -> SpectrumGenerator.Description {
        let others = reader.instruments.filter { other in
            other != target && parts.contains { !$0.stars.rows(seenBy: other).isEmpty }
        }
        func levels(_ instrument: Instrument) -> [Double] {
            let values = parts.flatMap { $0.stars.signalToNoise(of: instrument) }.filter { $0 > 0 }.map { log10($0) }
            let mean = values.reduce(0, +) / Double(max(1, values.count))
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))
            return [mean, max(variance.squareRoot(), 0.1)]
        }
        let sources = others.map { other in
            SpectrumGenerator.Description.Source(
                key: other.embeddingKey, width: reader.model.descriptionOfModel.summaryWidth(of: other),
                snr: levels(other))
        }
        let known = labels.compactMap { label -> SpectrumGenerator.Description.Known? in
            let values = parts.flatMap { part in
                part.stars.known.labels[label.name].map { all in part.rows.map { all[$0] } } ?? []
            }.filter(\.isFinite).sorted()
            guard values.count >= Self.fewest else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            let few = values.count / 500
            return .init(
                label: label, mean: mean, std: max(variance.squareRoot(), 1e-6),
                range: [label.value(learned: values[few]), label.value(learned: values[values.count - 1 - few])])
        }
        let components = options.components ?? Self.components(pixels: target.grid.count)
        return SpectrumGenerator.Description(
            instrument: target.embeddingKey, pixels: target.grid.count, components: components,
            mixture: .init(
                context: SpectrumGenerator.contextWidth(sources, labels: known.count), dimensions: components,
                components: options.gaussians, hidden: options.hidden),
            sources: sources, labels: known, ownSNR: levels(target), stretch: SpectrumWidths(levels: [0]),
            stars: parts.reduce(0) { $0 + $1.rows.count }, data: hashes)
    }

    /// Mean and spread of what encoders say.
    private func setScales(_ generator: SpectrumGenerator, _ stars: [ObservedKnowledge]) {
        withoutGradient {
            var (centres, scales): ([Tensor], [Tensor]) = ([], [])
            for source in generator.about.sources {
                let all = Tensor.cat(
                    stars.compactMap { part in
                        guard let summaries = part.known.summaries[source.key] else { return nil }
                        let seen = part.known.seen[source.key]?.enumerated().filter(\.element).map { Int64($0.offset) }
                        return summaries.indexSelect(0, Tensor(seen ?? [], shape: [seen?.count ?? 0]))
                    }, dim: 0)
                centres += [all.mean(dims: [0]), Tensor.zeros([2])]
                scales += [
                    all.std(dim: 0, unbiased: false, keepDims: false).clamp(min: 1e-6).reciprocal(), Tensor.ones([2]),
                ]
            }
            let rest = 2 * generator.about.labels.count + 2
            generator.centre.value = Tensor.cat(centres + [Tensor.zeros([rest])], dim: 0)
            generator.scale.value = Tensor.cat(scales + [Tensor.ones([rest])], dim: 0)
        }
    }

    /// In parts: the spectra of all stars once more would be too many.
    private func evidence(
        _ generator: SpectrumGenerator, _ stars: ObservedKnowledge, _ rows: [Int], _ key: String
    ) throws -> Mixture.Evidence {
        guard let flux = stars.flux[key], let ivar = stars.ivar[key] else { throw Interrupted() }
        return try catchingTorchErrors {
            try withoutGradient {
                var blocks: [Mixture.Evidence] = []
                for start in stride(from: 0, to: rows.count, by: 2048) {
                    try Interruption.check()
                    let part = rows[start..<min(start + 2048, rows.count)]
                    blocks.append(generator.basis.evidence(flux.rows(part), ivar: ivar.rows(part)))
                }
                return Mixture.Evidence.joined(blocks)
            }
        }
    }
}

/// What is known of stars in, the likelihood of their spectra out.
final class GeneratorTask: TrainingTask {
    struct Batch: Sendable {
        let context: Tensor
        let evidence: Mixture.Evidence
    }

    struct Source: BatchSource {
        /// `[N, C]`.
        let context: Tensor
        let evidence: Mixture.Evidence
        /// Columns of what may be known, sources first, the spectra's own signal to noise last.
        let blocks: [Range<Int>]
        let sources: Int

        func count(_ split: TrainingSplit) -> Int { split == .training ? context.size(0) : 0 }

        /// Shows of each star some of what is known: all questions that may be asked later are asked in training.
        func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch {
            let index = Tensor(rows.map(Int64.init), shape: [rows.count])
            let width = context.size(1)
            var shown = [Float](repeating: 1, count: rows.count * width)
            for star in rows.indices {
                let showsSources = Double.random(in: 0..<1, using: &random) < 0.6
                let chance = [0, 0, 0.5, 1][Int.random(in: 0..<4, using: &random)]
                for (place, block) in blocks.enumerated() {
                    let isShown =
                        place < sources
                        ? showsSources && (sources == 1 || Bool.random(using: &random))
                        : place == blocks.count - 1
                            ? Bool.random(using: &random) : Double.random(in: 0..<1, using: &random) < chance
                    if !isShown { for column in block { shown[star * width + column] = 0 } }
                }
            }
            return Batch(
                context: context.indexSelect(0, index) * Tensor(shown, shape: [rows.count, width]),
                evidence: evidence.rows(index))
        }
    }

    let model: Module
    let source: Source
    private let mixture: ConditionalMixture

    init(_ mixture: ConditionalMixture, _ source: Source) {
        (model, self.source, self.mixture) = (mixture, source, mixture)
    }

    /// A spectrum of which nothing at all was understood (two stars in one, say) shall not pull at all others.
    private static let worst = -1e4

    func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        let likelihood = mixture(batch.context).logLikelihood(of: batch.evidence)
        return [("loss", -likelihood.clamp(min: Self.worst).mean())]
    }
}
