import Foundation
import Posteriors
import Spectra
import Statistics
import Support
import Torch

/// In what a spectrum may be odd.
public enum Oddity: String, CaseIterable, Codable, Sendable, Hashable {
    /// Its features lie where hardly any training star's do.
    case density
    /// It is not what a star of its labels looks like.
    case labels
    /// It is not what the normal stars look like that are most like it.
    case neighbours
    /// The components of ordinary spectra leave more of it than noise does.
    case remainder
    /// A feature of a few pixels that no ordinary spectrum has.
    case narrow
    /// A feature of dozens of pixels that no ordinary spectrum has.
    case broad
    /// It looks like the light of two stars.
    case secondStar = "second-star"
    /// It is not what spectra of the star by other instruments let expect.
    case instruments
    /// It is not what the other visits of the instrument let expect.
    case repeats
    /// Its radial velocity is not that of the other visits: a p-value from stated errors, with no normal stars to be ranked among.
    case velocities

    /// Kinds that are about the spectrum itself: `p_spectrum` sums them up.
    static let ofSpectrum: [Oddity] = [.labels, .neighbours, .remainder, .narrow, .broad, .secondStar]

    /// Widths of the features, pixels.
    var widths: [Int] {
        switch self {
        case .narrow: [3, 5, 9]
        case .broad: [15, 31, 61]
        default: []
        }
    }
    /// Kinds that are about features, and the widths of all of them.
    static let ofFeatures: [Oddity] = [.narrow, .broad]
    static let widths = ofFeatures.flatMap(\.widths)
}

/// How odd spectra are, in scores of which high ones are odd, and where.
struct OddityScores {
    /// By kind, one a spectrum; NaN where it does not apply.
    var values: [Oddity: [Double]] = [:]
    /// Where the strongest features lie: first and last pixel, and whether there is more flux than expected.
    var places: [Oddity: [Feature]] = [:]

    /// Takes back what is said of spectra whose errors nobody tells: they cannot be said to be off by more than these.
    mutating func forget(_ tellsErrors: [Bool]) {
        for (star, tells) in tellsErrors.enumerated() where !tells {
            for kind in Oddity.ofSpectrum { values[kind]?[star] = .nan }
        }
    }

    /// A part of a spectrum.
    struct Feature: Sendable, Hashable {
        var pixels: ClosedRange<Int>
        var isExcess: Bool
    }
}

/// What spectra tell, as far as their oddity is judged by it.
struct OddityEvidence {
    /// Of the numbers of their components.
    let evidence: Mixture.Evidence
    /// What these numbers leave, in units of its expected error, `[B, P]`; 0 where nothing was observed or is known.
    let residuals: Tensor

    /// - Parameters:
    ///   - basis: the components.
    ///   - flux: prepared and at rest, `[B, P]`.
    ///   - ivar: inverse variance; 0 where a pixel carries no information.
    init(_ basis: SpectrumBasis, _ flux: Tensor, ivar: Tensor) {
        evidence = basis.evidence(flux, ivar: ivar)
        let expected = basis.logFlux(evidence.numbers).exp()
        residuals = (flux - expected) * basis.precision(expected, ivar: ivar).sqrt()
    }

    init(evidence: Mixture.Evidence, residuals: Tensor) { (self.evidence, self.residuals) = (evidence, residuals) }

    var count: Int { residuals.size(0) }

    /// That of some of the spectra.
    func rows(_ rows: [Int]) -> OddityEvidence {
        OddityEvidence(
            evidence: evidence.rows(Tensor(rows.map(Int64.init), shape: [rows.count])), residuals: residuals.rows(rows))
    }

    /// That of several sets of spectra, one after the other.
    static func joined(_ parts: [OddityEvidence]) -> OddityEvidence {
        OddityEvidence(
            evidence: .joined(parts.map(\.evidence)), residuals: Tensor.cat(parts.map(\.residuals), dim: 0))
    }

    /// Twice the logarithm of how much less likely spectra are by a density than they could be.
    func surprise(by density: Mixture) -> [Double] {
        ((evidence.best - density.logLikelihood(of: evidence)) * 2).doubles()
    }

    /// Single pixels count no more than so many errors: one in twenty of real spectra has some that are off by more than 16, cosmic
    /// rays and bad pixels, which are no feature of a star.
    private static let most = 5.0
    private var capped: Tensor { residuals.clamp(min: -Self.most, max: Self.most) }

    /// More than noise leaves, all over.
    var remainder: [Double] {
        let few = capped.square().sum(dims: [1])
        return (few / residuals.ne(0).to(.float32).sum(dims: [1]).clamp(min: 1)).log().doubles()
    }

    /// Whether the errors of any pixels are told: without, nothing of a spectrum can be said to be off by more than these.
    var hasErrors: [Bool] { residuals.ne(0).to(.float32).sum(dims: [1]).floats().map { $0 > 0 } }

    /// Sums of so many neighbouring residuals, in units of their error where these are independent, `[B, P − width + 1]`; 0 where less
    /// than half of the pixels were observed.
    func sums(of width: Int) -> Tensor {
        func sums(_ tensor: Tensor) -> Tensor {
            let all = tensor.padded([1, 0]).cumsum(1)
            let length = residuals.size(1) - width + 1
            return all.narrow(1, start: width, length: length) - all.narrow(1, start: 0, length: length)
        }
        let count = sums(residuals.ne(0).to(.float32))
        return sums(capped) / count.clamp(min: 1).sqrt() * count.ge(Double(width) / 2).to(.float32)
    }

    /// The strongest features of some widths, and how strong they are beside those of normal stars.
    /// - Parameter spreads: of the sums of normal stars, by width, `[P]`.
    func strongest(
        _ widths: [Int], spreads: (Int) -> Tensor
    ) -> (scores: [Double], features: [OddityScores.Feature]) {
        var best = [(score: Double, feature: OddityScores.Feature)](
            repeating: (-.infinity, .init(pixels: 0...0, isExcess: true)), count: count)
        for width in widths where width <= residuals.size(1) {
            let score = sums(of: width) / spreads(width).narrow(0, start: 0, length: residuals.size(1) - width + 1)
            let top = score.abs().max(dims: [1]).floats()
            let places = score.abs().argmax(dim: 1).ints()
            for star in 0..<count where Double(top[star]) > best[star].score {
                let signed = score.select(0, star).select(0, places[star]).item()
                best[star] = (
                    Double(top[star]), .init(pixels: places[star]...places[star] + width - 1, isExcess: signed > 0)
                )
            }
        }
        return (best.map { log(max($0.score, 1e-3)) }, best.map(\.feature))
    }
}
