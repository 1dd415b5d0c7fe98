import Foundation
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
        public var p: Double, density: Double, spectrum: Double
        /// What makes it odd, with wavelengths; empty for a star that is not.
        public var reason: String
    }

    private let reader: StarReader
    private let generators: [String: SpectrumGenerator]
    private var references: [String: OutlierReference]
    /// The file that the generators come from.
    private let file: ModelFile

    /// - Parameter reader: of the model.
    /// - Throws: `Diagnostic` where it draws no spectra.
    public init(_ reader: StarReader) throws {
        self.reader = reader
        file = try reader.spectraFile()
        let file = file
        generators = try reader.instruments.reduce(into: [:]) { found, instrument in
            found[instrument.embeddingKey] = try SpectrumGenerator(file, of: instrument)
        }
        guard !generators.isEmpty else {
            throw Diagnostic(
                reader.file.url, problem: "draws no spectra, and cannot tell what is odd",
                remedy: "teach it with `specclip spectra fit`")
        }
        references = try OutlierReference.all(in: file)
    }

    /// The instruments whose outliers it can tell, with the number of normal stars and the least p-value of ranks among them.
    public var calibrated: [(instrument: Instrument, stars: Int, floor: Double)] {
        reader.instruments.compactMap { instrument in
            references[instrument.embeddingKey].map { (instrument, $0.count, $0.floor) }
        }
    }

    // MARK: - Scores

    private func scores(
        _ observations: [Observation], of instrument: Instrument, _ generator: SpectrumGenerator
    ) throws -> OddityScores {
        let reading = try reader.reading(observations, of: instrument, needsLabels: false)
        var known = SpectrumKnowledge(stars: observations.count)
        known.add(ownSNR: observations.map { $0.prepared.snr ?? .nan })
        for name in generator.about.labelNames {
            guard let label = generator.label(named: name) else { continue }
            known.add(
                label,
                reading.stars.map { star in star.estimates.first { $0.label.name == name }?.value ?? .nan })
        }
        let flux = try reading.spectra.flux.to(.cpu)
        let own = observations.map(\.knownIvar)
        let stored = own.flatMap { $0 ?? [Float](repeating: 0, count: instrument.grid.count) }
        let ivar = try StarReader.completed(
            Tensor(stored, shape: [observations.count, instrument.grid.count]), of: observations, flux)
        var scores = try generator.oddities(flux, ivar: ivar, known: known)
        scores.values[.density] = reader.distances(reading, of: instrument)
        return scores
    }

    private static func level(_ observation: Observation) -> Double {
        guard let snr = observation.prepared.snr, snr > 0 else { return 0 }
        return log10(snr)
    }

    // MARK: - Normal stars

    private var normal: [String: (scores: [Oddity: [Double]], levels: [Double])] = [:]

    /// Takes in stars that are normal, and that the model has not learned from.
    public func add(normal observations: [Observation]) throws {
        for (instrument, places) in reader.byInstrument(observations) {
            guard let generator = generators[instrument.embeddingKey] else { continue }
            let own = places.map { observations[$0] }
            let scores = try scores(own, of: instrument, generator)
            var all = normal[instrument.embeddingKey] ?? ([:], [])
            for (kind, values) in scores.values { all.scores[kind, default: []] += values }
            all.levels += own.map(Self.level)
            normal[instrument.embeddingKey] = all
        }
    }

    /// Writes what draws spectra once more, with what the normal stars were like.
    /// - Returns: stars by instrument.
    /// - Throws: `Diagnostic` where they are too few.
    public func write(to url: URL) throws -> [(instrument: Instrument, stars: Int)] {
        let enough = normal.filter { $0.value.levels.count >= OutlierReference.fewest }
        guard !enough.isEmpty else {
            throw Diagnostic(
                problem:
                    "\(normal.values.map(\.levels.count).max() ?? 0) normal stars are too few to tell what is rare",
                remedy: "give at least \(OutlierReference.fewest) of an instrument")
        }
        for (key, own) in enough { references[key] = OutlierReference(own.scores, levels: own.levels) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let header = String(decoding: try encoder.encode(references), as: UTF8.self)
        try file.write(adding: ModelFilePart(name: OutlierReference.part, header: header, tensors: []), to: url)
        return reader.instruments.compactMap { instrument in
            enough[instrument.embeddingKey].map { (instrument, $0.levels.count) }
        }
    }

    // MARK: - Odd stars

    /// A reason is given from here on.
    private static let odd = 0.01

    /// Judges spectra, one row each; all NaN where their instrument's normal stars are not known.
    public func outliers(_ observations: [Observation]) throws -> [Outlier] {
        var found = observations.map { _ in Outlier(p: .nan, density: .nan, spectrum: .nan, reason: "") }
        for (instrument, places) in reader.byInstrument(observations) {
            guard let generator = generators[instrument.embeddingKey],
                let reference = references[instrument.embeddingKey]
            else { continue }
            let own = places.map { observations[$0] }
            let scores = try scores(own, of: instrument, generator)
            for (row, place) in places.enumerated() {
                let judgement = reference(scores.values.mapValues { $0[row] }, level: Self.level(own[row]))
                found[place] = Outlier(
                    p: judgement.all, density: judgement.kinds[.density] ?? .nan, spectrum: judgement.spectrum,
                    reason: judgement.all < Self.odd ? Self.reason(judgement, scores, row, instrument) : "")
            }
        }
        return found
    }

    /// The kinds by which a spectrum is oddest, most telling first.
    private static func reason(
        _ judgement: OutlierReference.Judgement, _ scores: OddityScores, _ row: Int, _ instrument: Instrument
    ) -> String {
        let kinds = judgement.kinds.filter { $0.value < odd }
            .sorted { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
        return kinds.prefix(2).map { kind, _ in
            switch kind {
            case .density: return "features unlike any training star's"
            case .labels: return "not what its labels say"
            case .remainder: return "more than noise is left all over"
            case .narrow, .broad:
                guard let feature = scores.places[kind]?[row] else { return kind.rawValue }
                let ends = [feature.pixels.lowerBound, feature.pixels.upperBound].map {
                    String(format: "%.0f", instrument.grid.wavelength(at: Double($0)))
                }
                let place = ends[0] == ends[1] ? ends[0] : ends.joined(separator: "–")
                return (feature.isExcess ? "more" : "less") + " flux at \(place) Å"
            }
        }.joined(separator: "; ")
    }
}
