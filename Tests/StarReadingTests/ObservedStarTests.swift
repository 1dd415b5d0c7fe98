import Instruments
import Spectra
import Testing
@testable import StarReading

/// Which spectra are of one star.
struct ObservedStarTests {
    private func star(
        _ name: String, _ id: String, _ instrument: Instrument, isFile: Bool = true, facts: [String: String] = [:],
        ra: Double? = nil, dec: Double? = nil
    ) -> Observation {
        let raw =
            isFile
            ? Spectrum(wavelength: [4000, 5000], flux: [1, 1], ra: ra, dec: dec, header: facts, origin: name) : nil
        return Observation(
            name: name, sourceID: id, instrument: instrument, prepared: PreparedSpectrum(flux: [], mask: []), raw: raw)
    }

    private func names(_ stars: [Observation], by grouping: StarGrouping = .sourceID) throws -> [[String]] {
        try ObservedStar.together(stars, by: grouping).map { $0.observations.map(\.name) }
    }

    private func untold(_ stars: [Observation], by grouping: StarGrouping) throws -> Int {
        try grouping.groups(stars.map { StarGrouping.Clue($0, for: grouping) }).untold
    }

    @Test func sourceIDsTell() throws {
        let found = try names([
            star("a", "1", .lamostLRS), star("b", "2", .gaiaXP), star("c", "", .gaiaXP), star("d", "1", .gaiaXP),
            star("e", "", .lamostLRS),
        ])
        #expect(found == [["a", "d"], ["b"], ["c"], ["e"]])
    }

    @Test func visitsByOneInstrumentBelongTogether() throws {
        let found = try names([
            star("a", "1", .lamostLRS), star("b", "1", .lamostLRS), star("c", "1", .gaiaXP), star("d", "1", .gaiaXP),
        ])
        #expect(found == [["a", "b", "c", "d"]])
    }

    @Test func twoOfTwoInstrumentsAreOneStar() throws {
        #expect(try names([star("a", "1", .lamostLRS), star("b", "", .gaiaXP)]) == [["a", "b"]])
        #expect(try names([star("a", "", .gaiaXP), star("b", "", .gaiaXP)]) == [["a"], ["b"]])
        #expect(try names([]).isEmpty)
    }

    /// In a data set a source may stand in several rows: the row tells.
    @Test func rowsTellInADataSet() throws {
        let found = try names([
            star("p#0", "1", .gaiaXP, isFile: false), star("p#1", "1", .gaiaXP, isFile: false),
            star("p#0", "1", .lamostLRS, isFile: false), star("p#1", "1", .lamostLRS, isFile: false),
        ])
        #expect(found == [["p#0", "p#0"], ["p#1", "p#1"]])
    }

    /// Whatever column or keyword; what stands for nothing puts nothing together, and is counted.
    @Test func columnsTell() throws {
        let stars = [
            star("a", "1", .optical, facts: ["DESIG": "J1"]), star("b", "1", .optical, facts: ["DESIG": "J2"]),
            star("c", "", .gaiaXP, facts: ["DESIG": " J1 "]), star("d", "1", .gaiaXP),
            star("e", "", .gaiaXP, facts: ["DESIG": "-9999"]), star("f", "", .gaiaXP, facts: ["DESIG": ""]),
        ]
        #expect(try names(stars, by: .column("desig")) == [["a", "c"], ["b"], ["d"], ["e"], ["f"]])
        #expect(try untold(stars, by: .column("desig")) == 3)
        #expect { try names(stars, by: .column("desgi")) } throws: { error in
            "\(error)" == "--group-by desgi: no file has such a column or keyword; did you mean 'DESIG'?"
        }
        #expect(try names([], by: .column("desig")).isEmpty)
    }

    @Test func placesTell() throws {
        // 2″ apart at right ascension 0, where degrees begin anew, and 60° north, where they are half as long.
        let stars = [
            star("a", "1", .optical, ra: 359.9999, dec: 60), star("b", "2", .gaiaXP, ra: 0.0010, dec: 60),
            star("c", "3", .optical, ra: 0.0030, dec: 60), star("d", "1", .optical),
            star("e", "5", .optical, ra: 359.9999, dec: -60), star("f", "1", .optical, ra: 359.9999, dec: .nan),
        ]
        #expect(try names(stars, by: .position(radius: 3)) == [["a", "b"], ["c"], ["d"], ["e"], ["f"]])
        #expect(try names(stars, by: .position(radius: 1)) == [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]])
        #expect(try names(stars, by: .position(radius: 5)) == [["a", "b", "c"], ["d"], ["e"], ["f"]])
        #expect(try untold(stars, by: .position(radius: 3)) == 1)
    }

    /// Each star is of one shard, with all its spectra, by whatever it is known; what others see of it tells whether they agree.
    @Test(arguments: [StarGrouping.sourceID, .column("DESIG"), .position(radius: 3)])
    func starsAreOfOneShard(grouping: StarGrouping) throws {
        let stars = (0..<60).map { number in
            let own = number * 7 % 25
            return star(
                "f#\(number)", own < 20 ? "\(own)" : "", .optical, facts: own < 20 ? ["DESIG": "J\(own)"] : [:],
                ra: own < 20 ? Double(own) + Double(number) / 1e5 : nil, dec: 0)
        }
        let clues = stars.map { StarGrouping.Clue($0, for: grouping) }
        let groups = try grouping.groups(clues)
        let count = Set(groups.stars).count
        for shards in [1, 2, 5] {
            let shares = try (1...shards).map { StarShare(clues, groups, of: try Shard($0, of: shards)) }
            for number in 0..<count { #expect(shares.count { $0.owns(number) } == 1) }
            #expect(shares.allSatisfy { share in (0..<count).contains { share.owns($0) } })
            #expect(Set(shares.map(\.content)).count == 1 && shares[0].spectra == 60)
        }
        let others = StarShare(
            Array(clues.dropLast()), try grouping.groups(Array(clues.dropLast())), of: try Shard(1, of: 1))
        #expect(others.content != StarShare(clues, groups, of: try Shard(1, of: 1)).content)
    }

    /// Other programs, and shards of other versions, find the same.
    @Test func sharesFollowFromIdentifiers() throws {
        let clue = StarGrouping.Clue(star("a", "4295806720", .gaiaXP), for: .sourceID)
        #expect(clue.hash == 4_940_868_830_241_191_874)
    }
}
