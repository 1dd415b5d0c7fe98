import Instruments
import Spectra
import Testing
@testable import SpecCLIPCommand
@testable import StarReading

/// Stars of large inputs, of which each is handed over when its last spectrum has come.
struct UnfinishedStarsTests {
    private func observation(_ number: Int, _ id: Int) -> Observation {
        var found = Observation(
            name: "f#\(number)", sourceID: "\(id)", instrument: .optical,
            prepared: PreparedSpectrum(flux: [], mask: []),
            raw: Spectrum(wavelength: [4000, 5000], flux: [1, 1], origin: "f#\(number)"))
        found.position.row = number
        return found
    }

    /// What shards are handed is together what one run is, under the same numbers; also where spectra are no more, or are new.
    @Test(arguments: [1, 2, 5]) func shardsHaveTheNumbersOfAll(count: Int) throws {
        let all = (0..<80).map { observation($0, $0 * 11 % 31) }
        let clues = all.map { StarGrouping.Clue($0, for: .sourceID) }
        let groups = try StarGrouping.sourceID.groups(clues)
        let read = all.filter { ![3, 70, 79].contains($0.position.row) } + [observation(80, 5), observation(81, 77)]
        func stars(_ share: StarShare?) -> (stars: [Int: [String]], count: Int) {
            var unfinished = UnfinishedStars(clues, groups, share, .sourceID)
            let found = read.compactMap { unfinished.add($0) } + unfinished.rest()
            let names = found.map { ($0.number, $0.star.observations.map(\.name)) }
            #expect(names.map(\.0) == names.map(\.0).sorted())
            return (Dictionary(uniqueKeysWithValues: names), unfinished.count)
        }
        let whole = stars(nil)
        #expect(whole.stars.count == whole.count && whole.count == 33)
        #expect(whole.stars.values.reduce(0) { $0 + $1.count } == read.count)
        var together: [Int: [String]] = [:]
        for number in 1...count {
            let own = stars(StarShare(clues, groups, of: try Shard(number, of: count)))
            #expect(own.count == whole.count && (count == 1 || own.stars.count < whole.count))
            for (number, names) in own.stars { #expect(together.updateValue(names, forKey: number) == nil) }
        }
        #expect(together == whole.stars)
    }
}
