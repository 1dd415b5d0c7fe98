import Foundation
import Support

/// How one training proceeds: the one section of this kind, whatever is trained.
///
/// Every value has a default, that of the published alignment (`TrainingOptions()`) or of Adam on tables
/// (`TrainingOptions.adam()`); a user's YAML changes what differs.
public struct TrainingOptions: Codable, Sendable, Hashable {
    /// How long a training may last.
    public enum Length: Sendable, Hashable {
        /// So many optimiser steps.
        case steps(Int)
        /// So many passes over the training rows.
        case epochs(Int)
    }

    /// Rows per step.
    public var batch: Int
    /// The longest that it may last; `steps` or `epochs` in a file.
    public var length: Length {
        get { epochs.map(Length.epochs) ?? .steps(steps ?? 1) }
        set {
            switch newValue {
            case .steps(let count): (steps, epochs) = (count, nil)
            case .epochs(let count): (steps, epochs) = (nil, count)
            }
        }
    }
    private var steps: Int?
    private var epochs: Int?
    /// Peak learning rate.
    public var learningRate: Double
    /// Learning rate at the end of the cosine; constant when nil. The published runs use 0 (a rounding accident, quirk Q22).
    public var minimumLearningRate: Double?
    /// Steps of linear warm-up; the first one has rate 0 when there is any.
    public var warmup: Int
    /// AdamW's decay rates of the two moments.
    public var betas: [Double]
    /// Decoupled weight decay, on every parameter as published.
    public var weightDecay: Double
    /// Largest global L2 norm of the gradient.
    public var clip: Double
    /// Steps between two validations; a pass over the rows when nil.
    public var validateEvery: Int?
    /// Rows of the validation split that are used, at most; evenly sampled where there are more.
    public var validationRows: Int
    /// Share of the rows that decides when to stop, for tables that come without a validation split; nil elsewhere.
    public var heldOut: Double?
    /// Validations without improvement after which the run stops.
    public var patience: Int
    /// What counts as an improvement of the validation loss.
    public var minimumDelta: Double
    /// The same as a share of the best validation loss; both must be reached.
    public var minimumImprovement: Double
    /// Seconds between two checkpoints of the last state.
    public var checkpointSeconds: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case batch, steps, epochs, learningRate, minimumLearningRate, warmup, betas, weightDecay, clip, validateEvery
        case validationRows, heldOut, patience, minimumDelta, minimumImprovement, checkpointSeconds
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

    /// Adam in passes over the rows of a table, all validation rows asked after each; by default at the constant rate of the
    /// notebooks of Ho et al. (2023).
    public static func adam(
        batch: Int = 64, epochs: Int = 3000, learningRate: Double = 1e-4, minimumLearningRate: Double? = nil,
        patience: Int = 20, minimumImprovement: Double = 1e-4, clip: Double = 1e6, heldOut: Double = 0.1
    ) -> Self {
        var options = Self()
        options.batch = batch
        options.length = .epochs(epochs)
        (options.learningRate, options.minimumLearningRate) = (learningRate, minimumLearningRate)
        (options.weightDecay, options.clip) = (0, clip)
        (options.validateEvery, options.validationRows, options.heldOut) = (nil, .max, heldOut)
        (options.patience, options.minimumDelta, options.minimumImprovement) = (patience, 0, minimumImprovement)
        return options
    }
}

extension TrainingOptions {
    /// Steps in which so many rows are seen once; the last few that fill no batch wait for the next pass.
    func stepsPerEpoch(rows: Int) -> Int { max(1, rows / min(batch, max(1, rows))) }

    /// Optimiser steps in all, on so many training rows.
    func steps(rows: Int) -> Int {
        switch length {
        case .steps(let count): count
        case .epochs(let count): count * stepsPerEpoch(rows: rows)
        }
    }

    /// At most so many steps, whatever length was given.
    /// - Returns: the steps that are left; with a length in epochs, which rows would have to tell, all that are allowed.
    @discardableResult
    public mutating func limit(steps most: Int) -> Int {
        let steps = if case .steps(let own) = length { min(own, most) } else { most }
        length = .steps(steps)
        return steps
    }
}

extension TrainingOptions: DecodableWithConfiguration {
    /// Reads a section that changes the published alignment's.
    public init(from decoder: any Decoder) throws { try self.init(from: decoder, configuration: Self()) }

    /// Reads a section strictly.
    /// - Parameter base: what counts where the section says nothing.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder, configuration base: Self) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, former: ["finalLearningRate"])
        batch = try fields(.batch, default: base.batch)
        (steps, epochs) = try (fields(.steps, default: nil), fields(.epochs, default: nil))
        let isLong = steps != nil && epochs != nil
        if steps == nil && epochs == nil { (steps, epochs) = (base.steps, base.epochs) }
        learningRate = try fields(.learningRate, default: base.learningRate)
        minimumLearningRate = try fields(
            .minimumLearningRate, default: base.minimumLearningRate, formerly: "finalLearningRate")
        warmup = try fields(.warmup, default: base.warmup)
        betas = try fields(.betas, default: base.betas)
        weightDecay = try fields(.weightDecay, default: base.weightDecay)
        clip = try fields(.clip, default: base.clip)
        validateEvery = try fields(.validateEvery, default: base.validateEvery)
        validationRows = try fields(.validationRows, default: base.validationRows)
        heldOut = try fields(.heldOut, default: base.heldOut)
        patience = try fields(.patience, default: base.patience)
        minimumDelta = try fields(.minimumDelta, default: base.minimumDelta)
        minimumImprovement = try fields(.minimumImprovement, default: base.minimumImprovement)
        checkpointSeconds = try fields(.checkpointSeconds, default: base.checkpointSeconds)
        func require(_ isFine: Bool, _ key: CodingKeys, _ problem: String) throws {
            guard !isFine else { return }
            throw Diagnostic.invalid(
                path: (decoder.codingPath + [key]).map(\.stringValue).joined(separator: "."), problem: problem)
        }
        try require(!isLong, .epochs, "steps are given as well; give one of the two")
        try require(
            heldOut == nil || base.heldOut != nil, .heldOut,
            "the validation split of the data set decides when to stop; remove it")
        for (key, problem) in problems { try require(false, key, problem) }
    }

    /// Values out of range.
    private var problems: [(CodingKeys, String)] {
        let warmupEnd = if case .steps(let count) = length { count } else { Int.max }
        let checks: [(Bool, CodingKeys, String)] = [
            (batch >= 1, .batch, "\(batch) rows per step; give at least 1"),
            (steps ?? 1 >= 1, .steps, "\(steps ?? 1) steps; give at least 1"),
            ((1...1_000_000).contains(epochs ?? 1), .epochs, "\(epochs ?? 1); give 1 to 1000000"),
            (learningRate > 0 && learningRate < 10, .learningRate, "\(learningRate); give one in (0, 10)"),
            (
                (0..<10).contains(minimumLearningRate ?? 0), .minimumLearningRate,
                "\(minimumLearningRate ?? 0); give one in [0, 10)"
            ),
            (warmup >= 0 && warmup < warmupEnd, .warmup, "\(warmup) must lie in 0 ..< steps (\(warmupEnd))"),
            (
                betas.count == 2 && betas.allSatisfy { (0..<1).contains($0) }, .betas,
                "give two numbers in [0, 1)"
            ),
            (weightDecay >= 0, .weightDecay, "\(weightDecay) is negative"),
            (clip > 0, .clip, "\(clip) is not above 0"),
            (validateEvery ?? 1 >= 1, .validateEvery, "\(validateEvery ?? 1); give at least 1 step"),
            ((heldOut ?? 0.5) > 0 && (heldOut ?? 0.5) < 1, .heldOut, "\(heldOut ?? 0.5); give one in (0, 1)"),
            (patience >= 1, .patience, "\(patience); give at least 1 validation"),
        ]
        return checks.filter { !$0.0 }.map { ($0.1, $0.2) }
    }
}
