import Training

/// Sizes of a conditional normalizing flow; the defaults are those of the `sbi` package.
public struct FlowConfiguration: Codable, Sendable, Hashable {
    /// How one label is transformed, given those before it and the context.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// Shifted and scaled: masked autoregressive flow (Papamakarios et al. 2017, arXiv 1705.07057).
        case maf
        /// By a monotone rational-quadratic spline: neural spline flow (Durkan et al. 2019, arXiv 1906.04032).
        case nsf
    }

    /// Which transform.
    public var kind: Kind
    /// Transforms one after the other.
    public var transforms: Int
    /// Width of the hidden layers.
    public var hidden: Int
    /// Hidden layers.
    public var blocks: Int
    /// Bins of a spline.
    public var bins: Int
    /// Half-width of a spline, in standard deviations of the labels; beyond it the transform is the identity.
    public var tailBound: Double
    /// Whether all transforms take the labels in the same order, instead of turning it round each time. Only then can
    /// stars with some labels missing be learned from, and each label be read by itself.
    public var keepsOrder: Bool

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, transforms, hidden, blocks, bins, tailBound, keepsOrder
    }

    /// A flow; the defaults are those of `sbi`.
    public init(
        kind: Kind = .nsf, transforms: Int = 5, hidden: Int = 50, blocks: Int = 2, bins: Int = 10,
        tailBound: Double = 3, keepsOrder: Bool = false
    ) {
        (self.kind, self.transforms, self.hidden, self.blocks) = (kind, transforms, hidden, blocks)
        (self.bins, self.tailBound, self.keepsOrder) = (bins, tailBound, keepsOrder)
    }

    /// Reads the section strictly.
    /// - Throws: `ConfigurationError` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = Self()
        kind = try fields(.kind, default: base.kind)
        transforms = try fields(.transforms, default: base.transforms)
        hidden = try fields(.hidden, default: base.hidden)
        blocks = try fields(.blocks, default: base.blocks)
        bins = try fields(.bins, default: base.bins)
        tailBound = try fields(.tailBound, default: base.tailBound)
        keepsOrder = try fields(.keepsOrder, default: base.keepsOrder)
        guard let problem else { return }
        throw ConfigurationError.invalid(
            path: decoder.codingPath.map(\.stringValue).joined(separator: "."), problem: problem)
    }

    /// What makes the sizes impossible, with the remedy; nil for a possible flow.
    public var problem: String? {
        for (name, value, range) in [
            ("transforms", transforms, 1...64), ("hidden", hidden, 1...8192), ("blocks", blocks, 1...16),
            ("bins", bins, 2...256),
        ] where !range.contains(value) {
            return "\(name) \(value): give \(range.lowerBound) to \(range.upperBound)"
        }
        return tailBound > 0 && tailBound.isFinite ? nil : "tailBound \(tailBound): must be above 0"
    }
}
