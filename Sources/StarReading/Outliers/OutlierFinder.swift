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
    private let generators: [String: SpectrumGenerator]
    private let secondStars: [String: SecondStarNetwork]
    private var normal: [String: NormalStars]
    /// The file that the generators come from.
    private let file: ModelFile

    /// - Parameters:
    ///   - reader: of the model.
    ///   - isCalibrating: normal stars are to be added: those of an earlier version, which cannot be read, are given up.
    /// - Throws: `Diagnostic` where it draws no spectra.
    public init(_ reader: StarReader, isCalibrating: Bool = false) throws {
        self.reader = reader
        file = try reader.spectraFile()
        let file = file
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

    // MARK: - What spectra tell

    /// Spectra of one instrument, as far as they are judged.
    struct Judged {
        let reading: LabelInference.Reading
        /// At rest, on the CPU.
        let flux: Tensor, ivar: Tensor
        let told: OddityEvidence
        /// Where they lie among features; nil where the model does not know of training stars.
        let places: Tensor?
        var snr: [Double]

        var summaries: Tensor
    }

    /// One instrument's spectra of some stars.
    func judged(_ observations: [Observation], of instrument: Instrument) throws -> Judged {
        let reading = try reader.reading(observations, of: instrument, needsLabels: false)
        let flux = try reading.spectra.flux.to(.cpu)
        let stored = observations.flatMap { $0.knownIvar ?? [Float](repeating: 0, count: instrument.grid.count) }
        let ivar = try StarReader.completed(
            Tensor(stored, shape: [observations.count, instrument.grid.count]), of: observations, flux)
        guard let generator = generators[instrument.embeddingKey] else { throw Self.undrawn(instrument) }
        return try catchingTorchErrors {
            try withoutGradient {
                let width = reader.model.descriptionOfModel.summaryWidth(of: instrument)
                let features = try reading.features.to(.cpu)
                return Judged(
                    reading: reading, flux: flux, ivar: ivar, told: OddityEvidence(generator.basis, flux, ivar: ivar),
                    places: try reader.places(reading, of: instrument)?.to(.cpu),
                    snr: observations.map { $0.prepared.snr ?? .nan },
                    summaries: features.narrow(1, start: features.size(1) - width, length: width))
            }
        }
    }

    private static func undrawn(_ instrument: Instrument) -> Diagnostic {
        Diagnostic(
            problem: "spectra of \(instrument.name) are not drawn", remedy: "teach it with `specclip spectra fit`")
    }

    /// What the labels that are read of spectra, and their signal to noise, let expect.
    func expected(_ own: Judged, by generator: SpectrumGenerator) throws -> SpectrumDistribution {
        var known = SpectrumKnowledge(stars: own.told.count)
        known.add(ownSNR: own.snr)
        for name in generator.about.labelNames {
            guard let label = generator.label(named: name) else { continue }
            known.add(
                label,
                own.reading.stars.map { star in star.estimates.first { $0.label.name == name }?.value ?? .nan })
        }
        return try generator.distribution(known)
    }

    /// Scores that need no normal stars to be known.
    private func scores(_ own: Judged, of instrument: Instrument, _ generator: SpectrumGenerator) throws -> OddityScores
    {
        var scores = OddityScores()
        let expected = try expected(own, by: generator)
        return try catchingTorchErrors {
            withoutGradient {
                scores.values[.labels] = own.told.surprise(by: expected.mixture)
                scores.values[.remainder] = own.told.remainder
                scores.values[.density] = reader.distances(own.reading, of: instrument)
                if let network = secondStars[instrument.embeddingKey] {
                    scores.values[.secondStar] = network(own.flux, seen: own.ivar.gt(0).to(.float32)).doubles()
                }
                return scores
            }
        }
    }

    /// Scores beside normal stars.
    private func compare(_ scores: inout OddityScores, _ own: Judged, with normal: NormalStars, apart: Bool = false)
        throws
    {
        try catchingTorchErrors {
            withoutGradient {
                for kind in Oddity.ofFeatures {
                    let found = own.told.strongest(kind.widths, spreads: normal.spread)
                    (scores.values[kind], scores.places[kind]) = (found.scores, found.features)
                }
                if let places = own.places {
                    scores.values[.neighbours] = own.told.surprise(by: normal.density(near: places, apart: apart))
                }
            }
        }
        for (star, tells) in own.told.hasErrors.enumerated() where !tells {
            for kind in Oddity.ofSpectrum { scores.values[kind]?[star] = .nan }
        }
    }

    /// Observations of some stars, instrument by instrument.
    private struct Companions {
        /// All observations, and the number of each one's star.
        var observations: [Observation] = [], stars: [Int] = []
        /// The place of each observation among those of its instrument, which is `judged` as a whole.
        var rows: [Int]
        var groups: [(instrument: Instrument, places: [Int], judged: Judged)] = []

        init(_ stars: [ObservedStar], _ finder: OutlierFinder) throws {
            for (number, star) in stars.enumerated() {
                observations += star.observations
                self.stars += star.observations.map { _ in number }
            }
            rows = observations.map { _ in 0 }
            for (instrument, places) in finder.reader.byInstrument(observations)
            where finder.generators[instrument.embeddingKey] != nil {
                for (row, place) in places.enumerated() { rows[place] = row }
                groups.append(
                    (instrument, places, try finder.judged(places.map { observations[$0] }, of: instrument)))
            }
        }

        /// What other instruments saw of the stars of a group.
        func seenByOthers(_ group: Int) -> SpectrumKnowledge {
            let (instrument, places, own) = groups[group]
            var known = SpectrumKnowledge(stars: places.count)
            known.add(ownSNR: own.snr)
            for other in groups where other.instrument != instrument {
                let first = Dictionary(other.places.map { (stars[$0], rows[$0]) }) { first, _ in first }
                let theirs = places.map { first[stars[$0]] }
                known.add(
                    other.judged.summaries.rows(theirs.map { $0 ?? 0 }), of: other.instrument,
                    seen: theirs.map { $0 != nil }, snr: theirs.map { $0.map { other.judged.snr[$0] } ?? .nan })
            }
            return known
        }

        /// The rows of other visits by the same instrument, for each observation of a group.
        func otherVisits(_ group: Int) -> [[Int]] {
            let places = groups[group].places
            let visits = Dictionary(grouping: places) { stars[$0] }
            return places.map { place in (visits[stars[place]] ?? []).filter { $0 != place }.map { rows[$0] } }
        }

        /// How likely the velocities of a star's visits are as far apart as they are, for each observation of a group; NaN where there is
        /// but one.
        func velocities(_ group: Int) -> [Double] {
            let (_, places, own) = groups[group]
            let visits = Dictionary(grouping: places) { stars[$0] }.mapValues { all in
                VisitVelocities(
                    all.compactMap { own.reading.stars[rows[$0]].velocity }, floor: VisitVelocities.usualFloor)
            }
            return places.map { visits[stars[$0]]??.probability ?? .nan }
        }
    }

    /// Scores of spectra beside other spectra of the same stars; NaN where there are none.
    private func besideOthers(
        _ all: Companions, _ group: Int, _ generator: SpectrumGenerator
    ) throws -> [Oddity: [Double]] {
        let own = all.groups[group].judged
        let known = all.seenByOthers(group)
        var found: [Oddity: [Double]] = [:]
        let isSeen = (0..<known.count).map { star in known.seen.values.contains { $0[star] } }
        if isSeen.contains(true), !generator.about.sources.isEmpty {
            let expected = try generator.distribution(known).mixture
            let surprise = try catchingTorchErrors { withoutGradient { own.told.surprise(by: expected) } }
            found[.instruments] = zip(surprise, isSeen).map { $1 ? $0 : .nan }
        }
        let visits = all.otherVisits(group)
        let repeated = visits.indices.filter { !visits[$0].isEmpty }
        guard !repeated.isEmpty else { return found }
        var values = [Double](repeating: .nan, count: visits.count)
        let others = Mixture.Evidence.joined(repeated.map { own.told.evidence.sum(of: visits[$0]) })
        let some = own.told.rows(repeated)
        for (place, score) in zip(repeated, try repeatScores(some, others, repeated.map { own.snr[$0] }, generator)) {
            values[place] = score
        }
        found[.repeats] = values
        return found
    }

    /// How unlike other visits spectra are.
    private func repeatScores(
        _ own: OddityEvidence, _ others: Mixture.Evidence, _ snr: [Double], _ generator: SpectrumGenerator
    ) throws -> [Double] {
        var known = SpectrumKnowledge(stars: own.count)
        known.add(ownSNR: snr)
        let before = try generator.distribution(known).mixture
        return try catchingTorchErrors { withoutGradient { own.surprise(by: before.given(others)) } }
    }

    /// The source, or the file, without its folder, where that is not known.
    private static func name(of observation: Observation) -> String {
        observation.sourceID.isEmpty
            ? URL(fileURLWithPath: observation.name).lastPathComponent : observation.sourceID
    }

    private static func level(_ snr: Double) -> Double { snr > 0 ? log10(snr) : 0 }

    // MARK: - Normal stars

    /// What is kept of normal stars until all are there.
    private struct Gathered {
        var scores: [Oddity: [Double]] = [:]
        var snr: [Double] = [], names: [String] = []
        var told: [OddityEvidence] = []
        var places: [Tensor] = []

        mutating func add(_ values: [Oddity: [Double]], count: Int) {
            for kind in Oddity.allCases {
                scores[kind, default: [Double](repeating: .nan, count: snr.count)] +=
                    values[kind] ?? [Double](repeating: .nan, count: count)
            }
        }
    }

    /// Of a survey's stars so many are taken to be odd.
    public static let usuallyOdd = 0.01

    private var gathered: [String: Gathered] = [:]

    /// Takes in stars that are normal, and that the model has not learned from. Some 25 kB are kept of each spectrum.
    /// - Parameter stars: with all their observations, which are compared with each other too.
    public func add(normal stars: [ObservedStar]) throws {
        let all = try Companions(stars, self)
        for (place, group) in all.groups.enumerated() {
            let (key, own) = (group.instrument.embeddingKey, group.judged)
            guard let generator = generators[key] else { continue }
            var values = try scores(own, of: group.instrument, generator).values
            values.merge(try besideOthers(all, place, generator)) { $1 }
            var kept = gathered[key] ?? Gathered()
            kept.add(values, count: group.places.count)
            kept.snr += own.snr
            kept.names += group.places.map { Self.name(of: all.observations[$0]) }
            kept.told.append(own.told)
            kept.places.append(own.places ?? Tensor.zeros([group.places.count, 1]))
            gathered[key] = kept
        }
    }

    /// Writes what draws spectra once more, with what the normal stars were like. What earlier ones told beside other spectra of them is
    /// kept where these have none.
    /// - Parameters:
    ///   - url: the file.
    ///   - odd: the share of the stars that may be odd themselves: so many of the oddest do not count.
    /// - Returns: stars by instrument.
    /// - Throws: `Diagnostic` where they are too few.
    public func write(to url: URL, odd: Double = usuallyOdd) throws -> [(instrument: Instrument, stars: Int)] {
        let enough = gathered.filter { $0.value.snr.count >= OutlierReference.fewest }
        guard !enough.isEmpty else {
            throw Diagnostic(
                problem:
                    "\(gathered.values.map(\.snr.count).max() ?? 0) normal stars are too few to tell what is rare",
                remedy: "give at least \(OutlierReference.fewest) of an instrument")
        }
        for (key, own) in enough { normal[key] = try normalStars(own, odd, before: normal[key]) }
        try file.write(adding: NormalStars.part(normal), to: url)
        return reader.instruments.compactMap { instrument in
            enough[instrument.embeddingKey].map { (instrument, $0.snr.count) }
        }
    }

    private func normalStars(_ own: Gathered, _ odd: Double, before old: NormalStars?) throws -> NormalStars {
        let told = OddityEvidence.joined(own.told)
        let places = Tensor.cat(own.places, dim: 0)
        var scores = own.scores
        let numbers = told.evidence.numbers
        func described(_ scores: [Oddity: [Double]]) -> NormalStars.Description {
            NormalStars.Description(
                names: own.names, place: places.size(1), components: numbers.size(1),
                pixels: told.residuals.size(1),
                scores: OutlierReference(scores, levels: own.snr.map(Self.level), odd: odd).keeping(old?.about.scores))
        }
        let stars = NormalStars(described(scores))
        try catchingTorchErrors {
            withoutGradient {
                (stars.places.value, stars.numbers.value) = (places, numbers)
                stars.learn(featuresOf: told)
            }
        }
        // Beside each other: the features and neighbours of all, block by block.
        var start = 0
        var compared = OddityScores()
        for part in own.told {
            let length = part.count
            try Interruption.check()
            try catchingTorchErrors {
                withoutGradient {
                    for kind in Oddity.ofFeatures {
                        compared.values[kind, default: []] += part.strongest(kind.widths, spreads: stars.spread).scores
                    }
                    let near = stars.density(near: places.narrow(0, start: start, length: length), apart: true)
                    compared.values[.neighbours, default: []] += part.surprise(by: near)
                }
            }
            start += length
        }
        scores.merge(compared.values) { $1 }
        for (star, tells) in told.hasErrors.enumerated() where !tells {
            for kind in Oddity.ofSpectrum { scores[kind]?[star] = .nan }
        }
        stars.about = described(scores)
        return stars
    }

    // MARK: - Odd stars

    /// Reasons are given from here on, those kinds that are rarer still.
    private static let (doubtful, odd) = (0.05, 0.01)

    /// Judges spectra; all NaN where their instrument's normal stars are not known.
    /// - Parameter stars: with all observations that are to be compared.
    /// - Returns: one for each observation, star by star.
    public func outliers(_ stars: [ObservedStar]) throws -> [Outlier] {
        let all = try Companions(stars, self)
        var found = all.observations.map { _ in Outlier() }
        for (number, group) in all.groups.enumerated() {
            let own = group.judged
            guard let (generator, normal) = parts(of: group.instrument) else { continue }
            var scores = try scores(own, of: group.instrument, generator)
            try compare(&scores, own, with: normal)
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
