import Support

/// How one training run proceeds. Every value has a default; the presets and the user's YAML change what differs.
public struct TrainingOptions: Codable, Sendable, Equatable {
    /// Rows per step.
    public var batch: Int
    /// Optimiser steps in all.
    public var steps: Int
    /// Peak learning rate.
    public var learningRate: Double
    /// Learning rate at the end of the cosine. The published runs use 0 (a rounding accident, quirk Q22).
    public var minimumLearningRate: Double
    /// Steps of linear warm-up; the first one has rate 0 when there is any.
    public var warmup: Int
    /// AdamW's decay rates of the two moments.
    public var betas: [Double]
    /// Decoupled weight decay, on every parameter as published.
    public var weightDecay: Double
    /// Largest global L2 norm of the gradient.
    public var clip: Double
    /// Steps between two validations.
    public var validateEvery: Int
    /// Rows of the validation split that are used, at most; evenly sampled where there are more.
    public var validationRows: Int
    /// Validations without improvement after which the run stops.
    public var patience: Int
    /// What counts as an improvement of the validation loss.
    public var minimumDelta: Double
    /// The same as a share of the best validation loss; both must be reached.
    public var minimumImprovement: Double
    /// Seconds between two checkpoints of the last state.
    public var checkpointSeconds: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case batch, steps, learningRate, minimumLearningRate, warmup, betas, weightDecay, clip, validateEvery
        case validationRows, patience, minimumDelta, minimumImprovement, checkpointSeconds
    }

    /// The defaults of the published alignment (reference: SpecCLIP, training).
    public init() {
        batch = 64
        steps = 1000
        learningRate = 1e-4
        minimumLearningRate = 0
        warmup = 0
        betas = [0.9, 0.999]
        weightDecay = 0.05
        clip = 1
        validateEvery = 200
        validationRows = 4096
        patience = 20
        minimumDelta = 1e-4
        minimumImprovement = 0
        checkpointSeconds = 30
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = Self()
        batch = try fields(.batch, default: base.batch)
        steps = try fields(.steps, default: base.steps)
        learningRate = try fields(.learningRate, default: base.learningRate)
        minimumLearningRate = try fields(.minimumLearningRate, default: base.minimumLearningRate)
        warmup = try fields(.warmup, default: base.warmup)
        betas = try fields(.betas, default: base.betas)
        weightDecay = try fields(.weightDecay, default: base.weightDecay)
        clip = try fields(.clip, default: base.clip)
        validateEvery = try fields(.validateEvery, default: base.validateEvery)
        validationRows = try fields(.validationRows, default: base.validationRows)
        patience = try fields(.patience, default: base.patience)
        minimumDelta = try fields(.minimumDelta, default: base.minimumDelta)
        minimumImprovement = try fields(.minimumImprovement, default: base.minimumImprovement)
        checkpointSeconds = try fields(.checkpointSeconds, default: base.checkpointSeconds)
        try validate(at: decoder.codingPath.map(\.stringValue).joined(separator: "."))
    }

    private func validate(at path: String) throws {
        func require(_ condition: Bool, _ name: String, _ problem: String) throws {
            guard condition else { throw Diagnostic.invalid(path: "\(path).\(name)", problem: problem) }
        }
        try require(batch >= 1, "batch", "\(batch) rows per step; give at least 1")
        try require(steps >= 1, "steps", "\(steps) steps; give at least 1")
        try require(learningRate > 0, "learningRate", "\(learningRate) is not above 0")
        try require(warmup >= 0 && warmup < steps, "warmup", "\(warmup) must lie in 0 ..< steps (\(steps))")
        try require(
            betas.count == 2 && betas.allSatisfy { (0..<1).contains($0) }, "betas", "give two numbers in [0, 1)")
        try require(weightDecay >= 0, "weightDecay", "\(weightDecay) is negative")
        try require(clip > 0, "clip", "\(clip) is not above 0")
        try require(validateEvery >= 1, "validateEvery", "\(validateEvery); give at least 1 step")
        try require(patience >= 1, "patience", "\(patience); give at least 1 validation")
    }
}
