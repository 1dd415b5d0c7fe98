import Support
import Training

/// Everything that decides an ordered auto-encoder but its data: written into the model file, read from YAML.
public struct BottleneckConfiguration: Codable, Sendable, Hashable {
    /// Number of latents K.
    public var width: Int
    /// Encoder and decoder.
    public var network: NetworkConfiguration
    /// How widths are trained.
    public var objective: OrderedObjective
    /// How well a reconstruction tells the data.
    public var likelihood: LikelihoodConfiguration
    /// How data are scaled before the encoder sees them.
    public var scaling: DataScaling
    /// Fixes initial weights and the order of rows.
    public var seed: UInt64
    /// Batches, epochs, rate and stopping.
    public var training: EpochTraining

    enum CodingKeys: String, CodingKey, CaseIterable {
        case width, network, objective, likelihood, scaling, seed, training
    }

    /// A linear IOB with unit variance; the published way for data as they are.
    public init(
        width: Int, network: NetworkConfiguration, objective: OrderedObjective = .linear,
        likelihood: LikelihoodConfiguration = .init(), scaling: DataScaling = .none, seed: UInt64 = 42,
        training: EpochTraining = .init()
    ) {
        self.width = width
        self.network = network
        self.objective = objective
        self.likelihood = likelihood
        self.scaling = scaling
        self.seed = seed
        self.training = training
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        width = try fields.required(.width)
        network = try fields(.network, default: .dense(hidden: [256, 256], activation: .gelu, shortcut: true))
        objective = try fields(.objective, default: .linear)
        likelihood = try fields(.likelihood, default: .init())
        scaling = try fields(.scaling, default: .common)
        seed = try fields(.seed, default: 42)
        training = try fields(.training, default: .init())
    }

    /// What makes training on rows of this shape impossible, as `field: problem; remedy`; `nil` when nothing does.
    public func problem(shape: [Int]) -> String? {
        guard (1...(1 << 16)).contains(width) else { return "width: \(width) latents; give 1 to 65536" }
        if let problem = network.problem(shape: shape) { return "network.\(problem)" }
        if let problem = objective.problem(width: width) { return "objective.\(problem)" }
        return likelihood.problem.map { "likelihood.\($0)" }
    }
}

/// How data are scaled before the encoder sees them; undone on the way out.
public enum DataScaling: String, Codable, Sendable, CaseIterable {
    /// As they are.
    case none
    /// The mean row subtracted, all features divided by one number: distances keep their proportions.
    case common
    /// Every feature brought to zero mean and unit variance.
    case features
}

/// Batches, epochs, rate and stopping. The defaults are those of the paper's notebooks.
public struct EpochTraining: Codable, Sendable, Hashable {
    /// Rows per step.
    public var batch: Int
    /// Passes over the training rows, at most.
    public var epochs: Int
    /// Adam's step size.
    public var learningRate: Double
    /// Step size at the end of a cosine; the same as `learningRate` keeps it constant.
    public var finalLearningRate: Double
    /// Epochs without a better validation loss after which training stops.
    public var patience: Int
    /// By which share the validation loss must fall to count as better.
    public var minimumImprovement: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case batch, epochs, learningRate, finalLearningRate, patience, minimumImprovement
    }

    /// Adam at a constant rate.
    public init(
        batch: Int = 64, epochs: Int = 3000, learningRate: Double = 1e-4, finalLearningRate: Double? = nil,
        patience: Int = 20, minimumImprovement: Double = 1e-4
    ) {
        self.batch = batch
        self.epochs = epochs
        self.learningRate = learningRate
        self.finalLearningRate = finalLearningRate ?? learningRate
        self.patience = patience
        self.minimumImprovement = minimumImprovement
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = Self()
        let rate = try fields(.learningRate, default: 1e-3)
        self.init(
            batch: try fields(.batch, default: base.batch), epochs: try fields(.epochs, default: 300),
            learningRate: rate, finalLearningRate: try fields(.finalLearningRate, default: rate),
            patience: try fields(.patience, default: base.patience),
            minimumImprovement: try fields(.minimumImprovement, default: base.minimumImprovement))
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        for (name, value) in [("batch", batch), ("epochs", epochs), ("patience", patience)] where value < 1 {
            throw Diagnostic.invalid(path: "\(path).\(name)", problem: "\(value); give at least 1")
        }
        for (name, value) in [("learningRate", rate), ("finalLearningRate", finalLearningRate)]
        where !(value >= 0 && value < 10) || rate == 0 {
            throw Diagnostic.invalid(path: "\(path).\(name)", problem: "\(value); give one in (0, 10)")
        }
    }

    /// The options of the training loop for so many training rows.
    func options(rows: Int) -> TrainingOptions {
        var options = TrainingOptions()
        options.batch = min(batch, max(1, rows))
        let stepsPerEpoch = max(1, rows / options.batch)
        options.steps = epochs * stepsPerEpoch
        options.learningRate = learningRate
        options.minimumLearningRate = finalLearningRate
        options.weightDecay = 0
        options.clip = 1e6
        options.validateEvery = stepsPerEpoch
        options.validationRows = Int.max
        options.patience = patience
        options.minimumDelta = 0
        options.minimumImprovement = minimumImprovement
        return options
    }
}
