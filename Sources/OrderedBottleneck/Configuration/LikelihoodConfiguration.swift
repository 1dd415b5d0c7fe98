import Support

/// Which likelihood an ordered auto-encoder maximises.
public struct LikelihoodConfiguration: Codable, Sendable, Hashable {
    /// The families that come with the library; users of the library bring their own by subclassing `Likelihood`.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// A known variance.
        case gaussian
        /// One variance, learned.
        case learned
        /// A variance per feature, learned.
        case learnedPerFeature = "learned-per-feature"
        /// On or off.
        case bernoulli
    }

    /// The family.
    public var kind: Kind
    /// The known variance (gaussian only), in scaled units.
    public var variance: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case kind, variance }

    /// A likelihood of a family.
    public init(kind: Kind = .gaussian, variance: Double = 1) {
        self.kind = kind
        self.variance = variance
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        kind = try fields(.kind, default: .gaussian)
        variance = try fields(.variance, default: 1)
    }

    var problem: String? { variance > 0 && variance.isFinite ? nil : "variance: \(variance); give a number above 0" }

    /// - Parameter features: numbers per row.
    func makeLikelihood(features: Int) -> Likelihood {
        switch kind {
        case .gaussian: GaussianLikelihood(.fixed(variance))
        case .learned: GaussianLikelihood(.learned(features: 1))
        case .learnedPerFeature: GaussianLikelihood(.learned(features: features))
        case .bernoulli: BernoulliLikelihood()
        }
    }
}
