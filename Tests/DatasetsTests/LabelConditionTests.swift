import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Simulation
@testable import Support

/// Conditions on labels, as on the command line.
@Suite struct LabelConditionTests {
    @Test func comparisonsAreRead() throws {
        let giants = try #require(LabelCondition("logg < 3.5"))
        #expect(giants.label == "logg" && giants.comparison == .below && giants.number == 3.5)
        #expect(giants.holds(for: 3.4) && !giants.holds(for: 3.5) && !giants.holds(for: .nan))
        let hot = try #require(LabelCondition("teff>=6500"))
        #expect(hot.holds(for: 6500) && !hot.holds(for: 6499.9))
        #expect(LabelCondition("fe_h<=-1")?.holds(for: -1) == true)
        #expect(LabelCondition("fe_h>-1")?.holds(for: -1) == false)
    }

    @Test(arguments: [
        "", "logg", "<3", "logg<", "logg<x", "logg=3", "lo gg<3", "a<b<3", "logg<nan", "logg<inf", "<=", ">=>",
        "é<\u{0}",
    ])
    func otherTextIsRefused(text: String) { #expect(LabelCondition(text) == nil) }

    @Test func rowsMeetAllConditions() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "pairs.h5")
        try PairMaker(.procedural, options: PairOptions(limit: 200)).write(to: url)
        let data = try PairedDataSet(opening: url)
        let conditions = try ["teff>5000", "logg<4"].map { try #require(LabelCondition($0)) }
        let (teff, logg) = (try data.labels("teff", split: .train), try data.labels("logg", split: .train))
        let expected = teff.indices.filter { teff[$0] > 5000 && logg[$0] < 4 }
        #expect(try data.rows(where: conditions, split: .train) == expected)
        #expect(!expected.isEmpty && expected.count < teff.count)
        let unknown = try #require(LabelCondition("age<3"))
        #expect(throws: Diagnostic.self) { try data.rows(where: [unknown], split: .train) }
    }
}
