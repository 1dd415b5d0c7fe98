import Foundation
import SpecCLIP

extension EncoderConfiguration {
    /// Kind and sizes, in a line.
    var text: String {
        switch self {
        case .maskedTransformer(let sizes):
            "masked transformer, width \(sizes.width), \(sizes.layers) layers, \(sizes.heads) heads"
        case .autoEncoder(let sizes):
            "auto-encoder, blocks of \(sizes.hidden), bottleneck \(sizes.bottleneck)"
        }
    }
}

extension EncoderConfiguration {
    /// What the first line leaves out: tokens and attention, or inner widths and statistics.
    var details: String {
        switch self {
        case .maskedTransformer(let sizes):
            let cut = sizes.tokens.section == 1 ? "pixels" : "sections of \(sizes.tokens.section)"
            return "\(cut), \(sizes.tokens.statistics.rawValue), \(sizes.attentionScale.rawValue) attention"
        case .autoEncoder(let sizes):
            let blocks = "\(sizes.encoderBlocks) + \(sizes.decoderBlocks) blocks"
            return "\(blocks), \(sizes.expansion) times wider inside, \(sizes.statistics.rawValue)"
        }
    }
}

extension ProjectionConfiguration {
    /// Family and sizes.
    var text: String {
        switch kind {
        case .crossAttention: "cross-attention, \(heads) heads"
        case .mlp: "mlp, \(hidden) inside"
        }
    }
}

extension DecoderConfiguration {
    /// Family and sizes.
    var text: String {
        switch kind {
        case .mlp: "mlp " + hidden.map(String.init).joined(separator: ", ")
        case .split: "split: shared and private, merged"
        }
    }
}

extension ReconstructionTarget {
    /// In words.
    var text: String { self == .standardised ? "standardised" : "as prepared" }
}
