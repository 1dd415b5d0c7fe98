import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// What is kept of normal stars until all are there.
struct GatheredStars {
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

extension OutlierFinder {
    /// Of a survey's stars so many are taken to be odd.
    public static let usuallyOdd = 0.01

    /// Takes in stars that are normal, and that the model has not learned from. Some 25 kB are kept of each spectrum.
    /// - Parameter stars: with all their observations, which are compared with each other too.
    public func add(normal stars: [ObservedStar]) throws {
        let all = try ComparedSpectra(stars, self)
        for (place, group) in all.groups.enumerated() {
            let (key, own) = (group.instrument.embeddingKey, group.judged)
            guard let generator = generators[key] else { continue }
            var values = try scores(own, of: group.instrument, generator).values
            values.merge(try besideOthers(all, place, generator)) { $1 }
            var kept = gathered[key] ?? GatheredStars()
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

    private func normalStars(_ own: GatheredStars, _ odd: Double, before old: NormalStars?) throws -> NormalStars {
        let told = OddityEvidence.joined(own.told)
        let places = Tensor.cat(own.places, dim: 0)
        let numbers = told.evidence.numbers
        let stars = NormalStars(
            NormalStars.Description(
                names: own.names, place: places.size(1), components: numbers.size(1), pixels: told.residuals.size(1),
                scores: OutlierReference([:], levels: [])))
        var scores = OddityScores(values: own.scores)
        try catchingTorchErrors {
            try withoutGradient {
                stars.places.value = places
                stars.numbers.value = numbers
                stars.learn(featuresOf: told)
                // Block by block: of each star all of its neighbours are looked at.
                var compared: [Oddity: [Double]] = [:], start = 0
                for part in own.told {
                    try Interruption.check()
                    let own = places.narrow(0, start: start, length: part.count)
                    compared.merge(stars.scores(part, at: own, apart: true).values) { $0 + $1 }
                    start += part.count
                }
                scores.values.merge(compared) { $1 }
            }
        }
        scores.forget(told.hasErrors)
        stars.about.scores = OutlierReference(scores.values, levels: own.snr.map(Self.level), odd: odd)
            .keeping(old?.about.scores)
        return stars
    }

    /// The source, or the file, without its folder, where that is not known.
    private static func name(of observation: Observation) -> String {
        observation.sourceID.isEmpty
            ? URL(fileURLWithPath: observation.name).lastPathComponent : observation.sourceID
    }
}
