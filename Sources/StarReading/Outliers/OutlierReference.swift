import Foundation
import Statistics

/// What scores normal stars of an instrument have: what makes scores p-values.
struct OutlierReference: Codable, Sendable, Hashable {
    /// By `Oddity`.
    private var kinds: [String: ConformalPValue] = [:]
    /// Of the kinds that are about the spectrum itself together, and of these and the density.
    private var spectrum: ConformalPValue, all: ConformalPValue
    /// The share of the stars that were taken to be odd themselves.
    private(set) var odd = 0.0

    /// Fewer normal stars tell nothing of rare ones.
    static let fewest = 100

    /// Normal stars.
    var count: Int { all.count }
    /// Normal stars to which a kind applies.
    func count(of kind: Oddity) -> Int { kinds[kind.rawValue]?.count ?? 0 }
    /// No rank among normal stars gives a smaller p-value; smaller ones are of a fitted tail.
    var floor: Double { all.floor }

    /// - Parameters:
    ///   - scores: of normal stars by kind, one a star.
    ///   - levels: logarithm of the signal to noise of each star.
    ///   - odd: the share of the stars that may be odd themselves: so many of the oddest do not count.
    init(_ scores: [Oddity: [Double]], levels: [Double], odd: Double = 0) {
        let (every, combined) = Self.ranked(scores, levels)
        let count = Int(odd * Double(levels.count))
        guard count > 0 else {
            self = every
            return
        }
        // Stars as a whole, not the highest scores of each kind: else few would be left whose scores are all ordinary.
        let kept = levels.indices.sorted { (combined[$0], $0) < (combined[$1], $1) }.dropLast(count).sorted()
        self = Self.ranked(scores.mapValues { own in kept.map { own[$0] } }, kept.map { levels[$0] }).reference
        self.odd = odd
    }

    private init(_ kinds: [String: ConformalPValue], spectrum: ConformalPValue, all: ConformalPValue) {
        (self.kinds, self.spectrum, self.all) = (kinds, spectrum, all)
    }

    /// The reference that all of some stars make, and how odd each of them is by the others.
    private static func ranked(
        _ scores: [Oddity: [Double]], _ levels: [Double]
    ) -> (reference: OutlierReference, combined: [Double]) {
        var kinds: [String: ConformalPValue] = [:], p: [Oddity: [Double]] = [:]
        // What sums p-values up is ranked among such as other normal stars give: a star's own score among those that it is ranked by
        // would make it look more normal than any new one.
        for (kind, own) in scores where own.count(where: \.isFinite) >= fewest {
            kinds[kind.rawValue] = ConformalPValue(own, covariates: levels)
            p[kind] = crossed(own, levels)
        }
        let spectral = levels.indices.map { star in
            cauchyCombination(Oddity.ofSpectrum.map { p[$0]?[star] ?? .nan })
        }
        let ofSpectrum = crossed(spectral, levels)
        let combined = levels.indices.map { star in
            cauchyCombination([p[.density]?[star] ?? .nan, ofSpectrum[star]])
        }
        let reference = OutlierReference(
            kinds, spectrum: ConformalPValue(spectral, covariates: levels),
            all: ConformalPValue(combined, covariates: levels))
        return (reference, combined.map { $0.isFinite ? $0 : -.infinity })
    }

    private static let folds = 5

    /// p-values of normal stars by the others: those of the other folds.
    private static func crossed(_ scores: [Double], _ levels: [Double]) -> [Double] {
        var found = [Double](repeating: .nan, count: scores.count)
        for fold in 0..<folds {
            let others = scores.indices.filter { $0 % folds != fold }
            let reference = ConformalPValue(others.map { scores[$0] }, covariates: others.map { levels[$0] })
            for star in stride(from: fold, to: scores.count, by: folds) {
                found[star] = reference(scores[star], covariate: levels[star])
            }
        }
        return found
    }

    /// The same with what others say of kinds that are about several spectra of a star, where these say nothing.
    func keeping(_ others: OutlierReference?) -> OutlierReference {
        var found = self
        for kind in [Oddity.instruments, .repeats] where kinds[kind.rawValue] == nil {
            found.kinds[kind.rawValue] = others?.kinds[kind.rawValue]
        }
        return found
    }

    /// p-values of a star.
    struct Judgement: Sendable {
        var kinds: [Oddity: Double] = [:]
        var spectrum = Double.nan, repeats = Double.nan, all = Double.nan
    }

    /// - Parameters:
    ///   - scores: by kind.
    ///   - level: logarithm of the signal to noise.
    ///   - velocities: the p-value of its visits' velocities; NaN where there is but one.
    func callAsFunction(_ scores: [Oddity: Double], level: Double, velocities: Double = .nan) -> Judgement {
        var found = Judgement()
        for (kind, score) in scores { found.kinds[kind] = kinds[kind.rawValue]?(score, covariate: level) }
        let spectral = cauchyCombination(Oddity.ofSpectrum.map { found.kinds[$0] ?? .nan })
        found.spectrum = spectrum(spectral, covariate: level)
        let alone = all(
            cauchyCombination([found.kinds[.density] ?? .nan, found.spectrum]), covariate: level)
        if !velocities.isNaN { found.kinds[.velocities] = velocities }
        found.repeats = combinedPValue([found.kinds[.repeats] ?? .nan, velocities])
        found.all = combinedPValue([alone, found.kinds[.instruments] ?? .nan, found.repeats])
        return found
    }
}
