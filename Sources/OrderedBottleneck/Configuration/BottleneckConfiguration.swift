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
    public var training: TrainingOptions

    enum CodingKeys: String, CodingKey, CaseIterable {
        case width, network, objective, likelihood, scaling, seed, training
    }

    /// A linear IOB with unit variance; the published way for data as they are.
    public init(
        width: Int, network: NetworkConfiguration, objective: OrderedObjective = .linear,
        likelihood: LikelihoodConfiguration = .init(), scaling: DataScaling = .none, seed: UInt64 = 42,
        training: TrainingOptions = .adam()
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
        training = try fields(.training, over: .adam(epochs: 300, learningRate: 1e-3))
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
