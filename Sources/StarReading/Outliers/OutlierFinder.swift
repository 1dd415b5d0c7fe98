import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Statistics
import Support
import Torch

/// Tells odd spectra by p-values: how often a normal star of like signal to noise is as odd.
///
/// Needs a model that draws spectra as distributions, and normal stars that it has not learned from
/// (``add(normal:)``).
public final class OutlierFinder {
    /// What is odd about one spectrum.
    public struct Outlier: Sendable {
        /// How often a normal star is as odd in any way, in where its features lie, and in its spectrum; NaN where not known.
        public var p = Double.nan, density = Double.nan, spectrum = Double.nan
        /// The same beside what other instruments saw of the star, and beside other visits of the same; NaN where there are none, or
        /// where no normal stars were seen so.
        public var instruments = Double.nan, repeats = Double.nan
        /// What makes it odd, with wavelengths; empty for a star that is not.
        public var reason = ""
        /// Where its strongest features lie, Å; none for a star that is not odd by them.
        public var places: [ClosedRange<Double>] = []
    }

    let reader: StarReader
    /// What spectra are judged by, by the instrument's `embeddingKey`.
    let generators: [String: SpectrumGenerator], secondStars: [String: SecondStarNetwork]
    var normal: [String: NormalStars]
    /// The file that the generators come from.
    let file: ModelFile
    /// Normal stars that are being taken in.
    var gathered: [String: GatheredStars] = [:]

    /// - Parameters:
    ///   - reader: of the model.
    ///   - isCalibrating: normal stars are to be added: those of an earlier version, which cannot be read, are given up.
    /// - Throws: `Diagnostic` where it draws no spectra, or knows no normal stars and is to get none.
    public init(_ reader: StarReader, isCalibrating: Bool = false) throws {
        self.reader = reader
        let file = try reader.spectraFile()
        func each<Part>(_ make: (Instrument) throws -> Part?) rethrows -> [String: Part] {
            try reader.instruments.reduce(into: [:]) { $0[$1.embeddingKey] = try make($1) }
        }
        generators = try each { try SpectrumGenerator(file, of: $0) }
        secondStars = try each { try SecondStarNetwork(file, of: $0) }
        guard !generators.isEmpty else {
            throw Diagnostic(
                reader.file.url, problem: "draws no spectra, and cannot tell what is odd",
                remedy: "teach it with `specclip spectra fit`")
        }
        do {
            normal = try NormalStars.all(in: file)
        } catch {
            guard isCalibrating else { throw error }
            normal = [:]
        }
        guard isCalibrating || !normal.isEmpty else {
            throw Diagnostic(
                reader.file.url, problem: "knows no normal stars to compare with",
                remedy: "show it some with `specclip outliers calibrate`")
        }
        self.file = file
    }

    /// Normal stars of an instrument.
    public struct Calibration: Sendable {
        /// Whose outliers can be told.
        public var instrument: Instrument
        /// Normal stars, those that other instruments saw as well, and spectra beside which there are other visits.
        public var stars: Int, seenByOthers: Int, repeated: Int
        /// The least p-value of ranks among them, and the share that was taken to be odd.
        public var floor: Double, odd: Double
    }

    /// The instruments whose outliers it can tell.
    public var calibrated: [Calibration] {
        reader.instruments.compactMap { instrument in
            normal[instrument.embeddingKey].map { own in
                Calibration(
                    instrument: instrument, stars: own.about.scores.count,
                    seenByOthers: own.about.scores.count(of: .instruments),
                    repeated: own.about.scores.count(of: .repeats), floor: own.about.scores.floor,
                    odd: own.about.scores.odd)
            }
        }
    }

    /// What an instrument's spectra are judged by; nil where its normal stars are not known.
    func parts(of instrument: Instrument) -> (generator: SpectrumGenerator, normal: NormalStars)? {
        guard let generator = generators[instrument.embeddingKey], let normal = normal[instrument.embeddingKey] else {
            return nil
        }
        return (generator, normal)
    }

    /// What scores are compared at: the logarithm of the signal to noise.
    static func level(_ snr: Double) -> Double { snr > 0 ? log10(snr) : 0 }

    // MARK: - Odd stars

    /// Reasons are given from here on, those kinds that are rarer still.
    private static let (doubtful, odd) = (0.05, 0.01)

    /// Judges spectra; all NaN where their instrument's normal stars are not known.
    /// - Parameter stars: with all observations that are to be compared.
    /// - Returns: one for each observation, star by star.
    public func outliers(_ stars: [ObservedStar]) throws -> [Outlier] {
        let all = try ComparedSpectra(stars, self)
        var found = all.observations.map { _ in Outlier() }
        for (number, group) in all.groups.enumerated() {
            let own = group.judged
            guard let (generator, normal) = parts(of: group.instrument) else { continue }
            var scores = try scores(own, of: group.instrument, generator)
            let beside = try catchingTorchErrors { withoutGradient { normal.scores(own.told, at: own.places) } }
            scores.values.merge(beside.values) { $1 }
            scores.places = beside.places
            scores.forget(own.told.hasErrors)
            scores.values.merge(try besideOthers(all, number, generator)) { $1 }
            let velocities = all.velocities(number)
            for (row, place) in group.places.enumerated() {
                let judgement = normal.about.scores(
                    scores.values.mapValues { $0[row] }, level: Self.level(own.snr[row]), velocities: velocities[row])
                found[place] = Outlier(
                    p: judgement.all, density: judgement.kinds[.density] ?? .nan, spectrum: judgement.spectrum,
                    instruments: judgement.kinds[.instruments] ?? .nan, repeats: judgement.repeats)
                guard judgement.all < Self.doubtful else { continue }
                let places = scores.places.compactMapValues { places in
                    let pixels = places[row].pixels
                    let ends = [pixels.lowerBound, pixels.upperBound].map {
                        group.instrument.grid.wavelength(at: Double($0))
                    }
                    return (range: ends[0]...ends[1], isExcess: places[row].isExcess)
                }
                found[place].reason = Self.reason(judgement, places)
                found[place].places = Oddity.ofFeatures.filter { judgement.kinds[$0].map { $0 < Self.odd } ?? false }
                    .compactMap { places[$0]?.range }
            }
        }
        return found
    }

    /// The kinds by which a spectrum is oddest, most telling first.
    private static func reason(
        _ judgement: OutlierReference.Judgement, _ places: [Oddity: (range: ClosedRange<Double>, isExcess: Bool)]
    ) -> String {
        let kinds = judgement.kinds.filter { $0.value < odd }
            .sorted { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
        return kinds.prefix(2).map { kind, _ in
            switch kind {
            case .density: return "features unlike any training star's"
            case .labels: return "not what its labels say"
            case .neighbours: return "unlike the stars that are most like it"
            case .remainder: return "more than noise is left all over"
            case .secondStar: return "like the light of two stars"
            case .instruments: return "not what other instruments saw of it"
            case .repeats: return "not what other visits saw of it"
            case .velocities: return "another velocity than at other visits"
            case .narrow, .broad:
                guard let place = places[kind] else { return kind.rawValue }
                return (place.isExcess ? "more" : "less")
                    + String(format: " flux at %.0f–%.0f Å", place.range.lowerBound, place.range.upperBound)
            }
        }.joined(separator: "; ")
    }
}
