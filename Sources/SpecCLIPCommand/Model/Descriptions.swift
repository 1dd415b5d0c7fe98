import Foundation
import SpecCLIP
import Spectra

extension WavelengthGrid {
    /// The step of the grid, in words.
    var stepText: String {
        switch self {
        case .logarithmic(_, let step, _): String(format: "%g dex a pixel", step)
        case .linear(_, let step, _): String(format: "%g Å a pixel", step)
        }
    }
}

extension Normalisation {
    /// How flux is scaled, in words.
    var text: String {
        if case .none = self { "as it is" } else { "divided by its \(divisor)" }
    }

    /// What flux is divided by, for axes.
    var divisor: String {
        switch self {
        case .continuum: "continuum"
        case .pixel(let wavelength): String(format: "flux at %g Å", wavelength)
        case .none: "1"
        }
    }
}

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
