import Foundation
import Support
import TestFiles
import Testing
@testable import Datasets

/// Two tables of the same stars, row beside row.
struct MatchedTablesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func tables(
        _ first: String, _ second: String, _ change: (inout MatchedTables.Options) -> Void = { _ in }
    ) throws -> MatchedTables {
        let urls = [folder.file("a.csv"), folder.file("b.csv")]
        for (text, url) in zip([first, second], urls) {
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        var options = MatchedTables.Options()
        change(&options)
        return try MatchedTables(urls[0], urls[1], options: options)
    }

    private static let predicted = """
        file,teff,e_teff,fe_h,source_id,instrument,snr
        x/a.fits.gz,5000,50,-0.1,11,optical,30
        x/b.fits.gz,5100,60,-0.2,12,optical,40
        x/c.fits.gz,5200,70,-0.3,13,optical,50
        x/d.fits.gz,5300,80,,14,gaia-xp,60

        """
    private static let survey = """
        file,obsid,teff,feh,plate
        c.fits,13,5210,-0.33,p
        a.fits,11,5010,-0.11,p
        b.fits,12,5120,-0.22,q
        d.fits,14,5330,-0.44,q
        e.fits,15,5330,-0.44,q

        """

    @Test func knownLabelsOfBothAreFoundWhateverTheirSpelling() throws {
        let found = try tables(Self.predicted, Self.survey) { $0.group = "plate" }
        #expect(found.labels.map(\.name) == ["teff", "fe_h"])
        #expect(found.count == 4 && found.groups == ["p", "q", "p", "q"])
        #expect(found.labels[0].second.values == [5010, 5120, 5210, 5330])
        #expect(found.labels[0].first.errors == [50, 60, 70, 80] && found.labels[0].second.errors == nil)
        #expect(found.labels[1].first.values[3].isNaN)
        #expect(found.snr == [30, 40, 50, 60] && found.instruments == ["gaia-xp", "optical"])
        #expect(found.notes.contains("4 rows matched by file name") && found.notes.contains("1 rows have none"))
    }

    @Test func columnsConditionsAndInstrumentsAreChosen() throws {
        let found = try tables(Self.predicted, Self.survey) {
            $0.labels = [.init(name: "m", first: "fe_h", second: "feh"), .init(name: "teff")]
            $0.key = .identifier
            $0.instrument = "optical"
            $0.conditions = [LabelCondition("snr>30")].compactMap { $0 }
        }
        #expect(found.labels.map(\.name) == ["m", "teff"] && found.count == 2)
        #expect(found.notes.contains("3 rows matched by obsid") && found.notes.contains("1 pairs do not meet --where"))
        // What is compared is no parameter by its new name, but the table still has it.
        #expect(found.parameters.map(\.name) == ["teff", "fe_h"])
    }

    @Test func severalRowsOfAStarAreOneGroupAndDoubtfulOnesLeftOut() throws {
        let first = "ra,dec,teff\n10,1,5000\n10.0001,1,5050\n20,1,5500\n30,1,5600\n40,1,5700\n"
        let second = "ra,dec,teff\n10,1,5010\n20,1,5510\n20,1.0001,5520\n30,1,5610\n,,\n"
        let found = try tables(first, second)
        #expect(found.count == 4 && found.groups[0] == found.groups[1] && Set(found.groups).count == 3)
        #expect(found.labels[0].second.values == [5010, 5010, 5510, 5610])
        let twice = "id,teff\n1,5000\n2,5100\n3,5200\n"
        let doubtful = try tables(twice, "id,teff\n1,5000\n1,5001\n2,5100\n3,5200\n")
        #expect(doubtful.count == 2 && doubtful.notes.contains { $0.contains("1 rows fit several rows") })
    }

    @Test(arguments: [
        ("id,teff\n1,5000\n2,5100\n3,5200\n", "id,vsini\n1,5\n2,6\n3,7\n", "has no label that b.csv has too"),
        ("id,teff\n1,5000\n2,5100\n3,5200\n", "id,teff\n7,5000\n8,5100\n9,5200\n", "no row is of a star of b.csv"),
        ("id,teff\n", "id,teff\n7,5000\n", "has no rows"),
        ("teff\n5000\n5100\n5200\n", "teff\n5000\n5100\n5200\n", "which spectrum is of which star"),
        ("id,teff\n1,hot\n2,cool\n3,warm\n", "id,teff\n1,5\n2,6\n3,7\n", "holds text, not numbers"),
    ])
    func whatCannotBeComparedIsOneLine(_ first: String, _ second: String, _ problem: String) throws {
        let error = #expect(throws: Diagnostic.self) { try tables(first, second) }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    @Test func aColumnThatNeitherHasIsNamed() throws {
        for change: (inout MatchedTables.Options) -> Void in [
            { $0.group = "plat" }, { $0.snr = "plat" }, { $0.key = .column("plat") },
            { $0.conditions = [LabelCondition("plat>3")].compactMap { $0 } },
            { $0.labels = [.init(name: "teff"), .init(name: "plat")] },
        ] {
            let error = #expect(throws: Diagnostic.self) { try tables(Self.predicted, Self.survey, change) }
            #expect(error?.description.contains("plat") == true, "\(error?.description ?? "")")
        }
    }

    /// Damaged tables end in one line, whatever is broken in them.
    @Test func damagedTablesAreToldOrRead() throws {
        var random = StepRandom(3)
        for _ in 0..<200 {
            var bytes = Array(Self.predicted.utf8)
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = [0x2C, 0x0A, 0x22, 0x2D, 0x65, 0x39].randomElement(using: &random) ?? 0x2C
            }
            do {
                _ = try tables(String(decoding: bytes, as: UTF8.self), Self.survey)
            } catch let error as Diagnostic {
                #expect(!error.description.contains("\n"))
            }
        }
    }
}
