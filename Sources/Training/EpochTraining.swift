import Support

/// How long and how fast a model of tables is trained, in passes over its rows: Adam, stopped early. The one section of
/// this kind; the loop itself takes ``TrainingOptions``, which ``options(rows:)`` gives.
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
    /// Largest global L2 norm of the gradient.
    public var clip: Double
    /// Share of the rows that is held out to decide when to stop, where the caller gives none for that.
    public var heldOut: Double

    /// The defaults are those of the notebooks of Ho et al. (2023): Adam at a constant rate.
    public init(
        batch: Int = 64, epochs: Int = 3000, learningRate: Double = 1e-4, finalLearningRate: Double? = nil,
        patience: Int = 20, minimumImprovement: Double = 1e-4, clip: Double = 1e6, heldOut: Double = 0.1
    ) {
        self.batch = batch
        self.epochs = epochs
        self.learningRate = learningRate
        self.finalLearningRate = finalLearningRate ?? learningRate
        self.patience = patience
        self.minimumImprovement = minimumImprovement
        self.clip = clip
        self.heldOut = heldOut
    }

    /// The options of the training loop for so many training rows.
    public func options(rows: Int) -> TrainingOptions {
        var options = TrainingOptions()
        options.batch = min(batch, max(1, rows))
        let stepsPerEpoch = max(1, rows / options.batch)
        options.steps = epochs * stepsPerEpoch
        options.learningRate = learningRate
        options.minimumLearningRate = finalLearningRate
        options.weightDecay = 0
        options.clip = clip
        options.validateEvery = stepsPerEpoch
        options.validationRows = Int.max
        options.patience = patience
        options.minimumDelta = 0
        options.minimumImprovement = minimumImprovement
        return options
    }

    /// What a configuration or a file says of it; what it leaves out is as somebody else has it.
    public struct Section: Decodable, Sendable {
        private var batch: Int?, epochs: Int?, learningRate: Double?, finalLearningRate: Double?, patience: Int?
        private var minimumImprovement: Double?, clip: Double?, heldOut: Double?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case batch, epochs, learningRate, finalLearningRate, patience, minimumImprovement, clip, heldOut
        }

        /// A section that says nothing.
        public init() {}

        /// Reads the section strictly.
        /// - Throws: `Diagnostic` for unknown keys.
        public init(from decoder: any Decoder) throws {
            let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
            batch = try fields(.batch, default: nil)
            epochs = try fields(.epochs, default: nil)
            learningRate = try fields(.learningRate, default: nil)
            finalLearningRate = try fields(.finalLearningRate, default: nil)
            patience = try fields(.patience, default: nil)
            minimumImprovement = try fields(.minimumImprovement, default: nil)
            clip = try fields(.clip, default: nil)
            heldOut = try fields(.heldOut, default: nil)
        }

        /// The training that the section makes of another. A rate that is given stays constant unless its end is given too.
        /// - Parameters:
        ///   - base: what counts where the section says nothing.
        ///   - path: where the section stands, for error lines.
        /// - Throws: `Diagnostic` for values out of range.
        public func applied(to base: EpochTraining, at path: [any CodingKey]) throws -> EpochTraining {
            let made = EpochTraining(
                batch: batch ?? base.batch, epochs: epochs ?? base.epochs,
                learningRate: learningRate ?? base.learningRate,
                finalLearningRate: finalLearningRate ?? learningRate ?? base.finalLearningRate,
                patience: patience ?? base.patience,
                minimumImprovement: minimumImprovement ?? base.minimumImprovement, clip: clip ?? base.clip,
                heldOut: heldOut ?? base.heldOut)
            func require(_ isFine: Bool, _ key: CodingKeys, _ problem: String) throws {
                guard !isFine else { return }
                throw Diagnostic.invalid(
                    path: (path.map(\.stringValue) + [key.stringValue]).joined(separator: "."), problem: problem)
            }
            try require(made.batch >= 1, .batch, "\(made.batch); give at least 1")
            try require((1...1_000_000).contains(made.epochs), .epochs, "\(made.epochs); give 1 to 1000000")
            try require(made.patience >= 1, .patience, "\(made.patience); give at least 1")
            try require(
                made.learningRate > 0 && made.learningRate < 10, .learningRate,
                "\(made.learningRate); give one in (0, 10)")
            try require(
                made.finalLearningRate >= 0 && made.finalLearningRate < 10, .finalLearningRate,
                "\(made.finalLearningRate); give one in [0, 10)")
            try require(made.clip > 0, .clip, "\(made.clip); give one above 0")
            try require(made.heldOut > 0 && made.heldOut < 1, .heldOut, "\(made.heldOut); give one in (0, 1)")
            return made
        }
    }

    /// Reads what an encoded training holds.
    public init(from decoder: any Decoder) throws {
        self = try Section(from: decoder).applied(to: EpochTraining(), at: decoder.codingPath)
    }
}
