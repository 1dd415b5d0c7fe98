import Foundation
import SpecCLIP

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
