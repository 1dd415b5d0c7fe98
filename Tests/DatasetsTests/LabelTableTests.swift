import Foundation
import Spectra
import Support
import TestFiles
import Testing
@testable import Datasets

/// Tables of labels as people have them, and which spectrum is of which row.
struct LabelTableTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func table(
        _ text: String, labels: [(name: String, column: String)] = [], group: String? = nil, key: LabelTable.Key? = nil
    ) throws -> LabelTable {
        let url = folder.url.appending(path: "t.csv")
        try text.write(to: url, atomically: true, encoding: .utf8)
        return try LabelTable(url, labels: labels, group: group, key: key)
    }

    private func facts(
        _ file: String, id: String = "", ra: Double? = nil, dec: Double? = nil, header: [String: String] = [:]
    ) -> LabelTable.Facts {
        LabelTable.Facts(
            name: file, sourceID: id,
            Spectrum(wavelength: [], flux: [], sourceID: id, ra: ra, dec: dec, header: header, origin: file))
    }

    private static let stars = """
        file,source_id,obsid,ra,dec,teff,e_teff,note,plate
        a.fits.gz,4000000000000000001,11,10.0,1.0,5000,20,x,p
        sub/b.fits,4000000000000000002,12,10.1,1.0,5100,30,y,p
        c.fits,4000000000000000003,13,10.2,1.0,-9999,40,z,q
        d.fits,4000000000000000004,14,359.9999,1.0,5300,,z,q
        d.fits,4000000000000000005,15,20,1.0,5400,50,z,q

        """

    @Test func aSpectrumFindsItsRowByAnythingThatBothSay() throws {
        let table = try table(Self.stars, labels: [("teff", "teff")], group: "plate")
        #expect(table.count == 5 && table.groups == ["p", "p", "q", "q", "q"])
        #expect(table.match(facts("else/a.fits")) == .row(0, by: "file name"))
        #expect(table.match(facts("b.fits.bz2")) == .row(1, by: "file name"))
        #expect(table.match(facts("d.fits")) == .several(2, by: "file name"))
        #expect(table.match(facts("x", id: "4000000000000000003")) == .row(2, by: "source_id"))
        #expect(table.match(facts("x", header: ["OBSID": "14"])) == .row(3, by: "obsid"))
        // 1.1 arcsec away, across the meridian.
        #expect(table.match(facts("x", ra: 0.0002, dec: 1.0)) == .row(3, by: "position"))
        #expect(table.match(facts("x", ra: 10.002, dec: 1.0)) == .none)
        #expect(table.match(facts("x")) == .none)
    }

    @Test func aChosenKeyIsTheOnlyOne() throws {
        let table = try table(Self.stars, labels: [("teff", "teff")], key: .column("obsid"))
        #expect(table.keys == "obsid")
        #expect(table.match(facts("a.fits")) == .none)
        #expect(table.match(facts("a.fits", id: "15.0")) == .row(4, by: "obsid"))
    }

    @Test func missingValuesAndErrorsAreRead() throws {
        let table = try table(Self.stars, labels: [("t", "teff")])
        let label = try #require(table.labels.first)
        #expect(label.name == "t" && label.values[2].isNaN && label.values[4] == 5400)
        #expect(label.errors?[0] == 20 && label.errors?[3].isNaN == true)
    }

    @Test func aDifferenceOfColumnsIsALabel() throws {
        let text =
            "source_id,MG_H,FE_H,e_MG_H,e_FE_H\n1,0.1,0.3,0.03,0.04\n2,0.2,0.1,0.03,0.04\n3,,0.1,0.03,0.04\n4,0,0,1,1\n"
        let label = try #require(table(text, labels: [("mg_fe", "MG_H-FE_H")]).labels.first)
        #expect(abs(label.values[0] + 0.2) < 1e-12 && label.values[2].isNaN)
        #expect(abs((label.errors?[0] ?? 0) - 0.05) < 1e-12)
    }

    @Test func knownLabelsAreFoundAndOthersOnlyWhereThereAreNone() throws {
        let known = try table("id,teff,Fe_H,snr\n1,5000,0,9\n2,5100,0.1,8\n3,5200,0.2,7\n")
        #expect(known.labels.map(\.name) == ["teff", "Fe_H"])
        let others = try table("id,activity,activity_err,snr,mjd,text\n1,5,1,9,1,a\n2,6,1,8,2,b\n3,7,1,7,3,c\n")
        #expect(others.labels.map(\.name) == ["activity"] && others.labels[0].errors?[1] == 1)
        #expect(others.notes.contains { $0.contains("labels are activity") })
    }

    @Test func twoColumnsOfTheSameNumbersAreOneLabel() throws {
        let table = try table("id,teff,t_eff2\n1,5,5\n2,6,6\n3,7,7\n", labels: [("teff", "teff"), ("b", "t_eff2")])
        #expect(table.labels.map(\.name) == ["teff"])
        #expect(table.notes.contains { $0.contains("b: holds the same numbers as teff") })
    }

    @Test(arguments: [
        ("id,teff\n1,a\n2,b\n3,c\n", "teff", "holds text, not numbers"),
        ("id,teff\n1,5\n2,5\n3,5\n", "teff", "is 5.0 in all rows"),
        ("id,teff\n1,\n2,-9999\n3,nan\n", "teff", "has no value in any row"),
        ("id,teff\n1,5\n2,6\n3,7\n", "tefff", "no such column"),
        ("id,teff\n", "teff", "has no rows"),
        ("teff\n1\n2\n3\n", "teff", "no column that tells which spectrum"),
    ])
    func whatTeachesNothingIsOneLine(text: String, column: String, problem: String) throws {
        let error = try #require(throws: Diagnostic.self) { try table(text, labels: [(column, column)]) }
        #expect("\(error)".contains(problem), "\(error)")
        #expect(!"\(error)".contains("\n"))
    }

    @Test func aLabelThatIsAskedForTwiceIsRefused() throws {
        #expect(throws: Diagnostic.self) {
            try table("id,a,b\n1,1,2\n2,2,3\n3,3,4\n", labels: [("x", "a"), ("x", "b")])
        }
    }

    /// Against the plain search over all pairs.
    @Test func theSkyIndexFindsTheNearest() {
        var random = SeededGenerator(seed: 5)
        let places = (0..<300).map { _ in
            SkyPlace(ra: Double.random(in: 0..<360, using: &random), dec: Double.random(in: -89...89, using: &random))
        }
        let index = SkyIndex(places)
        for _ in 0..<100 {
            let place = SkyPlace(
                ra: Double.random(in: 0..<360, using: &random), dec: Double.random(in: -89...89, using: &random))
            let plain = places.indices.filter { places[$0].distance(to: place) <= 5 }
                .sorted { places[$0].distance(to: place) < places[$1].distance(to: place) }
            #expect(index.near(place, within: 5) == plain)
        }
    }
}
