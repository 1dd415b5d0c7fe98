import Foundation
import Simulation
import Support

/// The data sets of the demo.
struct DemoData {
    let folder: URL
    let isProcedural: Bool

    /// Pairs of LRS and XP.
    var pairs: URL { folder.appending(path: "pairs.h5") }
    /// XP spectra with labels.
    var xp: URL { isProcedural ? pairs : folder.appending(path: "xp.h5") }
    /// Real spectra on the LRS grid with labels, none of which the pairs were made from in its test split.
    var miles: URL? { isProcedural ? nil : folder.appending(path: "miles.h5") }

    var pairsTier: String { (isProcedural ? PairTier.procedural : .semiSynthetic).rawValue }

    private var sets: [(tier: PairTier, url: URL, limit: Int?)] {
        guard !isProcedural, let miles else { return [(.procedural, pairs, 2000)] }
        return [(.realXP, xp, nil), (.semiSynthetic, pairs, nil), (.realMILES, miles, nil)]
    }

    /// Makes what is missing, fetching the libraries it is made from first.
    func make() throws {
        for set in sets where !FileManager.default.fileExists(atPath: set.url.path) {
            let line = ProgressLine(set.url.lastPathComponent)
            for package in set.tier.packages {
                try LibraryStore().fetch(package) { DataFetchCommand.show($0, on: line) }
            }
            var options = PairOptions()
            options.limit = set.limit
            try PairMaker(set.tier, options: options).write(to: set.url) { done, total in
                line.update(done, of: total)
                try Interruption.check()
            }
            line.finish()
            print("    \(set.url.path): \(set.tier.rawValue), \(set.tier.summary)")
        }
    }
}
