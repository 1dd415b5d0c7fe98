import Datasets
import Foundation
import Simulation
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Labels read from spectra by an encoder that learned them: the model's own, changed a little or altogether, or one from nothing.
final class EncoderPredictor: Module, LabelPredictor {
    /// What learns.
    enum Learning: Sendable, Hashable {
        /// Low-rank changes of the model's encoder.
        case lowRank(Int)
        /// All parameters of the model's encoder.
        case all
        /// An encoder that has seen nothing before.
        case fromNothing
    }

    let network: LabelledEncoder
    let recipe: PredictorRecipe
    /// What differs from the model's own, in half precision where it is large.
    private let kept: [String: Tensor]

    /// What its encoder asks for beside the flux.
    var inputs: SpectrumInputs { network.backbone.inputs }

    func callAsFunction(_ input: AdaptationInput) throws -> Tensor {
        let spectra = try input.spectra.to(network.device)
        return try catchingTorchErrors { try withoutGradient { network(spectra) }.to(.cpu).to(.float64) }
    }

    func keptTensors(for labels: [Int]) -> [(String, Tensor)] { keptTensors }

    /// All that differs from the model's own.
    var keptTensors: [(String, Tensor)] { kept.sorted { $0.key < $1.key } }

    private static let hidden = [128]
    /// Of the low-rank changes.
    static let rank = 8

    /// An encoder from nothing: as large as some hundred stars can teach.
    private static func plain() -> ResidualEncoderConfiguration {
        var sizes = ResidualEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck, sizes.blocks, sizes.inputDropout, sizes.dropout) = (256, 128, 1, 0.1, 0.3)
        return sizes
    }

    // MARK: - Learning

    /// Learns from rows of a data set.
    /// - Parameters:
    ///   - learning: what learns.
    ///   - branch: the instrument's part of the model.
    ///   - data: spectra at rest with the labels, all in the training split.
    ///   - names: of the labels.
    ///   - scales: mean and spread of each label as it is learned: what is read is in their units.
    ///   - rows: to learn from.
    ///   - seed: equal seeds give equal results.
    static func learned(
        _ learning: Learning, _ branch: BranchDescription, _ encoder: any Encoder, data: PairedDataSet, names: [String],
        scales: (mean: [Double], std: [Double]), rows: [Int], seed: UInt64, device: Device,
        progress: any ProgressSink = SilentProgress()
    ) throws -> EncoderPredictor {
        Generator.seed(seed)
        let backbone = try copy(learning, branch, encoder)
        if learning == .fromNothing {
            let sample = try SpectrumRows(data, branch.instrument, .train, withErrors: true)
                .batch(rows.evenlySampled(2048), for: backbone.inputs)
            backbone.adapt(to: sample)
        }
        if case .lowRank(let rank) = learning { backbone.addLowRankUpdates(rank: rank) }
        try backbone.to(device)
        let task = try FineTuningTask(
            backbone, branch.instrument, try configuration(learning, branch.instrument, names, stars: rows.count),
            data: data, chosen: rows, scales: scales, device: device)
        // Batches of few stars are too little work for several threads, which would only wait for each other; the next batch is made
        // ready on another meanwhile.
        let train = { try task.trainInPassing(options: task.options, seed: seed, progress: progress) }
        if rows.count <= fewStars { try TorchRuntime.withOneThread(train) } else { try train() }
        var recipe = PredictorRecipe(hidden: hidden)
        switch learning {
        case .lowRank(let rank): recipe.rank = rank
        case .all: break
        case .fromNothing: recipe.encoder = EncoderConfiguration(plain())
        }
        let original =
            learning == .fromNothing
            ? [:] : Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ("backbone." + $0.0, $0.1) })
        // Of updates nothing is kept where nothing was learned, such as in a decoder that labels do not need.
        let idle = Set(
            task.network.stateDictionary().filter { $0.0.hasSuffix(".update.up") && $0.1.ne(0).any().item() == 0 }
                .map { String($0.0.dropLast("up".count)) })
        let kept = try task.network.stateDictionary().filter { name, tensor in
            if idle.contains(where: { name.hasPrefix($0) }) { return false }
            return try original[name].map { try tensor.to(.cpu).ne($0.to(.cpu)).any().item() != 0 } ?? true
        }.map { name, tensor in
            let own = try tensor.to(.cpu)
            return (name, own.rank > 1 ? own.to(.float16) : own.clone())
        }
        // What tells how far off it is shall be what a file will hold.
        return try EncoderPredictor(
            recipe, Dictionary(uniqueKeysWithValues: kept), labels: names.count, branch, encoder, device: device)
    }

    private static func copy(
        _ learning: Learning, _ branch: BranchDescription, _ encoder: any Encoder
    ) throws -> any Encoder {
        let pixels = branch.instrument.grid.count
        if learning == .fromNothing { return plain().makeEncoder(pixels: pixels) }
        let copy = Initializer.$isSkipped.withValue(true) { branch.encoder.makeEncoder(pixels: pixels) }
        try copy.load(Dictionary(uniqueKeysWithValues: encoder.stateDictionary()))
        return copy
    }

    private static func configuration(
        _ learning: Learning, _ instrument: Instrument, _ names: [String], stars: Int
    ) throws -> FineTuneConfiguration {
        var configuration = try JSONDecoder().decode(FineTuneConfiguration.self, from: Data("{}".utf8))
        configuration.names = names
        configuration.hidden = hidden
        configuration.degreesOfFreedom = 4
        // Labels of a few hundred stars follow each spectrum closely: any dropout of what is known already costs.
        if learning != .fromNothing { configuration.encoderDropout = 0 }
        configuration.encoderRate = learning == .all ? 0.3 : 1
        configuration.training = training(stars: stars)
        var augment = Augmentation()
        augment.ownNoise = 1
        if instrument.leastCoverage != nil { augment.gaps = 0.1 }
        if instrument.grid.isLogarithmic, !names.contains(RadialVelocity.label) { augment.velocity = 30 }
        configuration.augment = augment
        return configuration
    }

    /// Up to so many stars learn in small batches.
    private static let fewStars = 4000

    /// Steps grow with the stars, at first in proportion.
    static func training(stars: Int) -> TrainingOptions {
        let some = min(max(1.5 * Double(stars), 200), 1500)
        let steps = Int(stars <= 1000 ? some : min(1500 * (Double(stars) / 1000).squareRoot(), 16_000))
        var options = TrainingOptions()
        options.batch = stars <= fewStars ? 96 : 256
        options.length = .steps(steps)
        (options.learningRate, options.minimumLearningRate, options.warmup) = (1e-3, 0, steps / 8)
        (options.weightDecay, options.validateEvery) = (0.05, steps)
        return options
    }

    // MARK: - From a file

    /// The predictor of a model file.
    /// - Parameters:
    ///   - recipe: what it is.
    ///   - tensors: what was kept of it.
    ///   - labels: how many it reads.
    ///   - branch: the instrument's part of the model.
    ///   - encoder: the model's own.
    init(
        _ recipe: PredictorRecipe, _ tensors: [String: Tensor], labels: Int, _ branch: BranchDescription,
        _ encoder: any Encoder, device: Device = .cpu
    ) throws {
        let pixels = branch.instrument.grid.count
        let backbone: any Encoder = Initializer.$isSkipped.withValue(true) {
            (recipe.encoder ?? branch.encoder).makeEncoder(pixels: pixels)
        }
        if recipe.encoder == nil {
            try backbone.load(Dictionary(uniqueKeysWithValues: encoder.stateDictionary()), sharing: true)
        }
        if let rank = recipe.rank { backbone.addLowRankUpdates(rank: rank) }
        let head = Initializer.$isSkipped.withValue(true) {
            LabelHead(embedding: backbone.width, hidden: recipe.hidden ?? Self.hidden, dropout: 0, labels: labels)
        }
        let network = LabelledEncoder(backbone, head)
        let before = Dictionary(uniqueKeysWithValues: network.stateDictionary())
        guard Set(tensors.keys).isSubset(of: before.keys) else {
            throw Diagnostic(problem: "holds tensors that its encoder does not have")
        }
        try network.load(before.merging(tensors) { $1 }, sharing: true)
        backbone.mergeLowRankUpdates()
        try network.to(device)
        network.evaluate()
        (self.network, self.recipe, kept) = (network, recipe, tensors)
        super.init()
    }
}
