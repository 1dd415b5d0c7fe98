import Support
import Torch
import Training

/// Everything that decides a flow but its data: written into the file, read from YAML. The defaults are those of sbi.
public struct FlowConfiguration: Codable, Sendable, Hashable {
    /// How a transform changes a label, given those before it and the context.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// Shift and scale (masked autoregressive flow; Papamakarios et al. 2017, arXiv 1705.07057).
        case maf
        /// Shift, scale, and a rational-quadratic spline (neural spline flow; Durkan et al. 2019, arXiv 1906.04032).
        case nsf
    }

    /// How a transform changes a label.
    public var kind: Kind
    /// Transforms one after the other.
    public var transforms: Int
    /// Units of a hidden layer.
    public var hidden: Int
    /// Hidden layers of a transform's network.
    public var blocks: Int
    /// Bins of a spline.
    public var bins: Int
    /// Splines bend -tailBound … tailBound, in standard deviations of the label; outside they are straight.
    public var tailBound: Double
    /// Probability of a hidden unit to be dropped while training.
    public var dropout: Double
    /// Whether all transforms take the labels in one order. Then each label has a density of its own given those before
    /// it, so that labels may be missing and marginal densities can be read; otherwise the order alternates.
    public var fixedOrder: Bool
    /// The share of rows of a training step in which labels that are known are hidden from those after them, so that
    /// densities without them are learnt too. Nothing without `fixedOrder`.
    public var hiddenLabels: Double
    /// Fixes initial weights, order of rows and what is held out; further members of an ensemble count on from it.
    public var seed: UInt64
    /// Batches, epochs, rate and stopping.
    public var training: TrainingOptions

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, transforms, hidden, blocks, bins, tailBound, dropout, fixedOrder, hiddenLabels, seed, training
    }

    /// A flow of five transforms with sbi's sizes.
    public init(kind: Kind = .nsf, fixedOrder: Bool = false, seed: UInt64 = 42, training: TrainingOptions = .flow) {
        (self.kind, self.fixedOrder, self.seed, self.training) = (kind, fixedOrder, seed, training)
        (transforms, hidden, blocks, bins, tailBound, dropout, hiddenLabels) = (5, 50, 2, 10, 3, 0, 0.3)
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, former: ["keepsOrder"])
        let base = Self()
        kind = try fields(.kind, default: base.kind)
        transforms = try fields(.transforms, default: base.transforms)
        hidden = try fields(.hidden, default: base.hidden)
        blocks = try fields(.blocks, default: base.blocks)
        bins = try fields(.bins, default: base.bins)
        tailBound = try fields(.tailBound, default: base.tailBound)
        dropout = try fields(.dropout, default: base.dropout)
        fixedOrder = try fields(.fixedOrder, default: base.fixedOrder, formerly: "keepsOrder")
        hiddenLabels = try fields(.hiddenLabels, default: base.hiddenLabels)
        seed = try fields(.seed, default: base.seed)
        training = try fields(.training, over: base.training)
        if let (key, problem) = problem() {
            let path = (decoder.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".")
            throw Diagnostic.invalid(path: path, problem: problem)
        }
    }

    private func problem() -> (CodingKeys, String)? {
        let counts: [(CodingKeys, Int, ClosedRange<Int>)] = [
            (.transforms, transforms, 1...100), (.hidden, hidden, 1...4096), (.blocks, blocks, 1...16),
            (.bins, bins, 2...FlowInversion.maximumBins),
        ]
        for (key, value, range) in counts where !range.contains(value) {
            return (key, "\(value); give \(range.lowerBound) to \(range.upperBound)")
        }
        if !(tailBound > 0 && tailBound < 1e3) { return (.tailBound, "\(tailBound); give one in (0, 1000)") }
        if !(0..<1).contains(dropout) { return (.dropout, "\(dropout); give one in [0, 1)") }
        if !(0...1).contains(hiddenLabels) { return (.hiddenLabels, "\(hiddenLabels); give one in [0, 1]") }
        return nil
    }
}

extension TrainingOptions {
    /// Adam at a constant rate until 20 epochs have brought nothing better: sbi's defaults.
    public static let flow = TrainingOptions.adam(
        batch: 200, epochs: 2000, learningRate: 5e-4, minimumImprovement: 0, clip: 5, heldOut: 0.1)
}
