import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Support
import Torch

/// Spectra of one instrument, as far as they are judged.
struct JudgedSpectra {
    let reading: LabelInference.Reading
    /// At rest, on the CPU.
    let flux: Tensor, ivar: Tensor
    let told: OddityEvidence
    /// Where they lie among features; nil where the model does not know of training stars.
    let places: Tensor?
    /// Signal to noise per pixel; NaN where unknown.
    let snr: [Double]
    /// The encoder's summaries.
    let summaries: Tensor
}

/// Observations of some stars, instrument by instrument.
struct ComparedSpectra {
    /// All observations, and the number of each one's star.
    private(set) var observations: [Observation] = [], stars: [Int] = []
    /// The place of each observation among those of its instrument, which is `judged` as a whole.
    private(set) var rows: [Int]
    private(set) var groups: [(instrument: Instrument, places: [Int], judged: JudgedSpectra)] = []

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

extension OutlierFinder {
    /// One instrument's spectra of some stars.
    func judged(_ observations: [Observation], of instrument: Instrument) throws -> JudgedSpectra {
        let reading = try reader.reading(observations, of: instrument, needsLabels: false)
        let flux = try reading.spectra.flux.to(.cpu)
        let stored = observations.flatMap { $0.knownIvar ?? [Float](repeating: 0, count: instrument.grid.count) }
        let ivar = StarReader.completed(
            Tensor(stored, shape: [observations.count, instrument.grid.count]), of: observations, flux)
        guard let generator = generators[instrument.embeddingKey] else { throw Self.undrawn(instrument) }
        return try catchingTorchErrors {
            try withoutGradient {
                let width = reader.model.descriptionOfModel.summaryWidth(of: instrument)
                let features = try reading.features.to(.cpu)
                return JudgedSpectra(
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
    func expected(_ own: JudgedSpectra, by generator: SpectrumGenerator) throws -> SpectrumDistribution {
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
    func scores(_ own: JudgedSpectra, of instrument: Instrument, _ generator: SpectrumGenerator) throws -> OddityScores
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

    /// Scores of spectra beside other spectra of the same stars; NaN where there are none.
    func besideOthers(
        _ all: ComparedSpectra, _ group: Int, _ generator: SpectrumGenerator
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
}
