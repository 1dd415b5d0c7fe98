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
