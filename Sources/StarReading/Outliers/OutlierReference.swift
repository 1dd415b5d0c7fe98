import Foundation
import SpecCLIP
import Spectra
import Statistics
import Support

/// What scores normal stars of an instrument have: what makes scores p-values.
struct OutlierReference: Codable, Sendable, Hashable {
    /// By `Oddity`.
    private var kinds: [String: ConformalPValue] = [:]
    /// Of the kinds that are about the spectrum itself together, and of all.
    private var spectrum: ConformalPValue, all: ConformalPValue

    /// Fewer normal stars tell nothing of rare ones.
    static let fewest = 100

    /// Normal stars.
    var count: Int { all.count }
    /// No rank among normal stars gives a smaller p-value; smaller ones are of a fitted tail.
    var floor: Double { all.floor }

    /// - Parameters:
    ///   - scores: of normal stars by kind, one a star.
    ///   - levels: logarithm of the signal to noise of each star.
    init(_ scores: [Oddity: [Double]], levels: [Double]) {
        for (kind, own) in scores { kinds[kind.rawValue] = ConformalPValue(own, covariates: levels) }
        let own = kinds
        func p(_ kind: Oddity, _ star: Int) -> Double {
            guard let scores = scores[kind], let reference = own[kind.rawValue] else { return .nan }
            return reference(scores[star], covariate: levels[star])
        }
        let spectral = levels.indices.map { star in cauchyCombination(Oddity.ofSpectrum.map { p($0, star) }) }
        let ofSpectrum = ConformalPValue(spectral, covariates: levels)
        spectrum = ofSpectrum
        all = ConformalPValue(
            levels.indices.map { star in
                cauchyCombination([p(.density, star), ofSpectrum(spectral[star], covariate: levels[star])])
            }, covariates: levels)
    }

    /// p-values of a star.
    struct Judgement: Sendable {
        var kinds: [Oddity: Double] = [:]
        var spectrum = Double.nan, all = Double.nan
    }

    /// - Parameters:
    ///   - scores: by kind.
    ///   - level: logarithm of the signal to noise.
    func callAsFunction(_ scores: [Oddity: Double], level: Double) -> Judgement {
        var found = Judgement()
        for (kind, score) in scores { found.kinds[kind] = kinds[kind.rawValue]?(score, covariate: level) }
        let spectral = cauchyCombination(Oddity.ofSpectrum.map { found.kinds[$0] ?? .nan })
        found.spectrum = spectrum(spectral, covariate: level)
        found.all = all(
            cauchyCombination([found.kinds[.density] ?? .nan, found.spectrum]), covariate: level)
        return found
    }

    static let part = "outliers"

    /// The references of a model file by the instrument's `embeddingKey`.
    static func all(in file: ModelFile) throws -> [String: OutlierReference] {
        guard let text = file.header(part) else { return [:] }
        guard let found = try? JSONDecoder().decode([String: OutlierReference].self, from: Data(text.utf8)) else {
            throw Diagnostic(file.url, field: part, problem: "cannot be read", remedy: "get the file anew")
        }
        return found
    }
}
