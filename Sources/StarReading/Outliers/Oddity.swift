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
    /// The components of ordinary spectra leave more of it than noise does.
    case remainder
    /// A feature of a few pixels that no ordinary spectrum has.
    case narrow
    /// A feature of dozens of pixels that no ordinary spectrum has.
    case broad

    /// Kinds that are about the spectrum itself: `p_spectrum` sums them up.
    static let ofSpectrum: [Oddity] = [.labels, .remainder, .narrow, .broad]

    /// Widths of the features, pixels.
    var widths: [Int] {
        switch self {
        case .narrow: [1, 3, 5]
        case .broad: [15, 31, 61]
        default: []
        }
    }
}

/// How odd spectra are, in scores of which high ones are odd, and where.
struct OddityScores {
    /// By kind, one a spectrum; NaN where it does not apply.
    var values: [Oddity: [Double]] = [:]
    /// Where the strongest features lie: first and last pixel, and whether there is more flux than expected.
    var places: [Oddity: [Feature]] = [:]

    /// A part of a spectrum.
    struct Feature: Sendable, Hashable {
        var pixels: ClosedRange<Int>
        var isExcess: Bool
    }
}

extension SpectrumBasis {
    /// What is left of spectra beyond the best of their components, in units of its expected error, `[B, P]`; 0 where nothing was
    /// observed or is known.
    func residuals(_ flux: Tensor, ivar: Tensor, _ evidence: Mixture.Evidence) -> Tensor {
        let numbers = (evidence.precision + Tensor.eye(count) * 0.1).solving(evidence.shift.unsqueezed(-1)).squeezed(-1)
        let expected = logFlux(numbers).exp()
        return (flux - expected) * precision(expected, ivar: ivar).sqrt()
    }
}

extension SpectrumGenerator {
    /// How odd spectra are.
    /// - Parameters:
    ///   - flux: prepared and at rest, `[B, pixels]`.
    ///   - ivar: inverse variance; 0 where a pixel carries no information.
    ///   - known: labels of the stars and the signal to noise of the spectra.
    func oddities(_ flux: Tensor, ivar: Tensor, known: SpectrumKnowledge) throws -> OddityScores {
        let expected = try distribution(known)
        return try catchingTorchErrors {
            withoutGradient {
                var scores = OddityScores()
                let evidence = basis.evidence(flux, ivar: ivar)
                let unlikely = (evidence.best - expected.mixture.logLikelihood(of: evidence)) * 2
                let residuals = basis.residuals(flux, ivar: ivar, evidence)
                let seen = residuals.ne(0).to(.float32)
                // Single pixels count no more than five errors here: cosmic rays are the business of narrow features.
                let few = residuals.clamp(min: -5, max: 5).square().sum(dims: [1])
                let count = seen.sum(dims: [1])
                scores.values[.labels] = unlikely.doubles()
                scores.values[.remainder] = (few / count.clamp(min: 1)).log().doubles()
                for kind in [Oddity.narrow, .broad] {
                    let found = Self.strongest(residuals, seen, widths: kind.widths)
                    (scores.values[kind], scores.places[kind]) = (found.scores, found.features)
                }
                // A spectrum whose errors nobody tells cannot be said to be off by more than these.
                for (star, pixels) in count.floats().enumerated() where pixels == 0 {
                    for kind in Oddity.ofSpectrum { scores.values[kind]?[star] = .nan }
                }
                return scores
            }
        }
    }

    /// The strongest sum of neighbouring residuals, in units of its error.
    private static func strongest(
        _ residuals: Tensor, _ seen: Tensor, widths: [Int]
    ) -> (scores: [Double], features: [OddityScores.Feature]) {
        let (stars, pixels) = (residuals.size(0), residuals.size(1))
        var best = [(score: Double, feature: OddityScores.Feature)](
            repeating: (-.infinity, .init(pixels: 0...0, isExcess: true)), count: stars)
        for width in widths where width <= pixels {
            func sums(_ tensor: Tensor) -> Tensor {
                let all = tensor.padded([1, 0]).cumsum(1)
                let length = pixels - width + 1
                return all.narrow(1, start: width, length: length) - all.narrow(1, start: 0, length: length)
            }
            let count = sums(seen)
            // At least half of a feature must have been observed.
            let score = sums(residuals) / count.clamp(min: 1).sqrt() * count.ge(Double(width) / 2).to(.float32)
            let top = score.abs().max(dims: [1]).floats()
            let places = score.abs().argmax(dim: 1).ints()
            for star in 0..<stars where Double(top[star]) > best[star].score {
                let signed = score.select(0, star).select(0, places[star]).item()
                best[star] = (
                    Double(top[star]), .init(pixels: places[star]...places[star] + width - 1, isExcess: signed > 0)
                )
            }
        }
        return (best.map { log(max($0.score, 1e-3)) }, best.map(\.feature))
    }
}
