import Datasets

/// How a data set is made.
public struct PairOptions: Sendable, Codable, Hashable {
    /// Seed of everything random but the splits; equal seeds give equal files.
    public var seed: UInt64
    /// Seed of the splits. Kept apart, so that files made with different seeds hold out the same stars.
    public var splitSeed: UInt64
    /// Share of the sources held out for validation.
    public var validation: Double
    /// Share of the sources held out for test.
    public var test: Double
    /// At most so many sources, evenly sampled (procedural: how many stars; nil makes 2000).
    public var limit: Int?
    /// Simulated observations of each spectrum in the tier `same-spectrum`.
    public var realisations: Int
    /// What observing does to simulated spectra.
    public var conditions: ObservingConditions

    /// Options; the defaults are those of the published data sets.
    public init(
        seed: UInt64 = 1, splitSeed: UInt64 = 0, validation: Double = 0.15, test: Double = 0.15, limit: Int? = nil,
        realisations: Int = 20,
        conditions: ObservingConditions = ObservingConditions()
    ) {
        self.seed = seed
        self.splitSeed = splitSeed
        self.validation = validation
        self.test = test
        self.limit = limit
        self.realisations = realisations
        self.conditions = conditions
    }

    /// The rule that puts sources into splits.
    public var splits: SplitAssignment { SplitAssignment(validation: validation, test: test, seed: splitSeed) }
}
