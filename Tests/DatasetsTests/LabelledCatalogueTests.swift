import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Support

/// Stars with labels, parted by what they share.
struct LabelledCatalogueTests {
    private static func catalogue(_ folder: TemporaryFolder, stars: Int = 600, plates: Int = 60) throws
        -> LabelledCatalogue
    {
        var text = "file,TEFF,feh,ra,dec,plate\n"
        for star in 0..<stars {
            let plate = (star * star + star / 7) % plates
            text +=
                "s\(star).fits,\(4000 + star),\(star % 5 == 0 ? "" : "-0.1"),\(Double(star) * 0.3),\(plate % 50),P\(plate)\n"
        }
        // The same star, 2″ away, on two plates.
        text += "a.fits,5000,0,200,80,P1\nb.fits,5010,0,200.0032,80.0,P2\n"
        text += "none.fits,,,1,1,P3\n"
        let url = folder.file("labels.csv")
        try Data(text.utf8).write(to: url)
        return try LabelledCatalogue(url, labels: [("teff", "teff"), ("fe_h", "feh")], group: "plate")
    }

    @Test func groupsAreNeverParted() throws {
        let folder = try TemporaryFolder()
        let catalogue = try Self.catalogue(folder)
        #expect(catalogue.stars.count == 602 && catalogue.notes.count == 1)
        #expect(catalogue.stars[5].labels == ["teff": 4005] && catalogue.stars[6].labels["fe_h"] == -0.1)
        #expect(catalogue.stars[600].group == catalogue.stars[601].group)
        var tested: [Int: Int] = [:]
        var apart: Set<Int>?
        for fold in 1...5 {
            let splits = catalogue.places(.init(count: 5, test: fold, validation: 0.1, apart: 0.2)).map { $0?.split }
            let groups = Dictionary(grouping: splits.indices, by: { catalogue.stars[$0].group })
            for rows in groups.values { #expect(Set(rows.map { splits[$0]?.rawValue ?? "apart" }).count == 1) }
            let left = Set(splits.indices.filter { splits[$0] == nil })
            // The same are kept apart whatever the fold.
            #expect(apart == nil || apart == left)
            apart = left
            for row in splits.indices where splits[row] == .test { tested[row, default: 0] += 1 }
            let test = splits.count { $0 == .test }
            #expect((70...125).contains(test), "\(test)")
            #expect((30...80).contains(splits.count { $0 == .validation }))
        }
        // Every star that is not kept apart is read once.
        #expect(tested.count == 602 - (apart?.count ?? 0) && tested.values.allSatisfy { $0 == 1 })
    }

    /// Without a test split all folds are to train on, less those that calibrate; each star knows its fold, whatever the split.
    @Test func everyStarHasItsFold() throws {
        let catalogue = try Self.catalogue(try TemporaryFolder())
        let places = catalogue.places(.init(count: 5, test: 0, validation: 0, calibration: 0.2, apart: 0.2))
        #expect(!places.contains { $0?.split == .test || $0?.split == .validation })
        let kept = places.count { $0 != nil }
        #expect(abs(Double(places.count { $0?.split == .calibration }) / Double(kept) - 0.2) < 0.06)
        let tested = catalogue.places(.init(count: 5, test: 3, apart: 0.2))
        #expect(Set(places.compactMap { $0?.fold }) == Set(1...5))
        #expect(zip(places, tested).allSatisfy { $0?.fold == $1?.fold && ($1?.fold == 3) == ($1?.split == .test) })
    }

    /// A redshift and the velocity of it stretch alike; a galaxy, and a star of which nothing is known, are left out.
    @Test func spectraAreBroughtToRest() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("labels.csv")
        let velocity = 150.0
        let z = sqrt((1 + velocity / 299_792.458) / (1 - velocity / 299_792.458)) - 1
        try Data("file,teff,z,v\na.fits,5000,\(z),150\nb.fits,5000,0.3,90000\nc.fits,5000,,\n".utf8).write(to: url)
        for motion in [LabelledCatalogue.Motion.redshift("z"), .velocity("v")] {
            let stars = try LabelledCatalogue(url, labels: [("teff", "teff")], group: nil, motion: motion)
            #expect(stars.stars.count == 1 && abs((stars.stars[0].stretch ?? 0) - 1 - z) < 1e-12)
            #expect(stars.notes == ["2 rows have no \(motion.column) of a star, and are left out"])
        }
        #expect(try LabelledCatalogue(url, labels: [("teff", "teff")], group: nil).stars.count == 3)
        // Velocities taken for redshifts are none of any star.
        #expect {
            try LabelledCatalogue(url, labels: [("teff", "teff")], group: nil, motion: .redshift("v"))
        } throws: { "\($0)".contains("v: no row has one of a star") }
    }

    @Test func whatIsMissingIsNamed() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("labels.csv")
        try Data("file,teff\na.fits,5000\n".utf8).write(to: url)
        #expect {
            try LabelledCatalogue(url, labels: [("logg", "logg")], group: nil)
        } throws: { "\($0)".contains("logg: no such column; there are file, teff") }
        try Data("file,teff\na.fits,\n".utf8).write(to: url)
        #expect(throws: Diagnostic.self) { try LabelledCatalogue(url, labels: [("teff", "teff")], group: nil) }
    }
}
