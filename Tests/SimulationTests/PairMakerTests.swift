import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Simulation
@testable import Spectra
@testable import Statistics
@testable import Support

@Suite("Making pairs")
struct PairMakerTests {
    let folder = try? TemporaryFolder()
    static let store = LibraryStore()
    static func has(_ package: LibraryPackage) -> Bool { store.contains(package) }

    private func make(_ tier: PairTier, _ options: PairOptions, _ name: String = "pairs.h5") throws -> PairedDataSet {
        let url = try #require(folder).file(name)
        try PairMaker(tier, options: options, store: Self.store).write(to: url)
        return try PairedDataSet(opening: url)
    }

    @Test("Procedural pairs: both instruments, all labels, a fair share of each split, finite and normalised")
    func procedural() throws {
        var steps: [Int] = []
        let url = try #require(folder).file("pairs.h5")
        try PairMaker(.procedural, options: PairOptions(limit: 200)).write(to: url) { done, total in
            #expect(total == 200)
            steps.append(done)
        }
        #expect(steps.last == 200)
        let data = try PairedDataSet(opening: url)
        #expect(data.tier == "procedural")
        #expect(Set(data.instruments) == [.lamostLRS, .gaiaXP])
        #expect(Split.allCases.map { data.count($0) }.reduce(0, +) == 200)
        #expect(data.count(.train) > 100 && data.count(.test) > 10 && data.count(.validation) > 10)
        let count = data.count(.train)
        for name in data.labelNames {
            #expect(try data.labels(name, split: .train).allSatisfy(\.isFinite), "\(name)")
        }
        let lrs = try data.spectra(.lamostLRS, split: .train, range: 0..<count).flux
        let mean = lrs.reduce(0, +) / Float(lrs.count)
        #expect(lrs.allSatisfy(\.isFinite) && mean > 0.8 && mean < 1)
        let xp = try data.spectra(.gaiaXP, split: .train, range: 0..<count).flux
        #expect((0..<count).allSatisfy { xp[$0 * 343 + 107] == 1 })
        // The colour of a star tells its temperature, or there would be nothing to learn.
        let teff = try data.labels("teff", split: .train)
        let colour = (0..<count).map { Double(xp[$0 * 343 + 40] / xp[$0 * 343 + 200]) }
        #expect(correlation(teff, colour) > 0.8)
    }

    @Test("The same seed gives the same bytes; another seed other stars in the same splits")
    func deterministic() throws {
        _ = try make(.procedural, PairOptions(seed: 5, limit: 60), "a.h5")
        _ = try make(.procedural, PairOptions(seed: 5, limit: 60), "b.h5")
        let other = try make(.procedural, PairOptions(seed: 6, limit: 60), "c.h5")
        let folder = try #require(folder)
        #expect(try Data(contentsOf: folder.file("a.h5")) == Data(contentsOf: folder.file("b.h5")))
        let first = try PairedDataSet(opening: folder.file("a.h5"))
        #expect(try first.sourceIDs(.test) == other.sourceIDs(.test))
        #expect(try first.labels("teff", split: .test) != other.labels("teff", split: .test))
    }

    @Test("Options that make no sense, missing libraries and existing files are refused; nothing stays behind")
    func refused() throws {
        let folder = try #require(folder)
        let url = folder.file("pairs.h5")
        #expect(throws: Diagnostic.self) {
            try PairMaker(.procedural, options: PairOptions(validation: 0.6, test: 0.5)).write(to: url)
        }
        #expect(throws: Diagnostic.self) {
            try PairMaker(.procedural, options: PairOptions(limit: 0)).write(to: url)
        }
        let empty = LibraryStore(folder: folder.file("empty"))
        for tier in PairTier.allCases where tier != .procedural {
            let error = #expect(throws: Diagnostic.self) { try PairMaker(tier, store: empty).write(to: url) }
            #expect(error?.remedy == "run `specclip data fetch`")
        }
        #expect(folder.contents.isEmpty)
        _ = try make(.procedural, PairOptions(limit: 5))
        #expect(throws: Diagnostic.self) { try make(.procedural, PairOptions(limit: 5)) }
        #expect(folder.contents == ["pairs.h5"])
    }

    @Test("What a file holds is told with counts, ranges, and provenance")
    func info() throws {
        let info = try DataSetInfo(make(.procedural, PairOptions(limit: 80)))
        #expect(info.splits.map(\.count).reduce(0, +) == 80)
        let teff = try #require(info.splits[0].labels.first { $0.name == "teff" })
        #expect(teff.missing == 0 && teff.range[0] >= 4000 && teff.range[2] <= 8000)
        #expect(info.instruments.map(\.pixels).sorted() == [343, 1462])
        let provenance = try JSONSerialization.jsonObject(with: Data(info.provenance.utf8)) as? [String: Any]
        #expect(provenance?["tier"] as? String == "procedural")
        #expect((provenance?["options"] as? [String: Any])?["seed"] as? Int == 1)
    }

    @Test("Real XP spectra: every row of the table, split by source", .enabled(if: has(.gaiaXPAPOGEE), "no XP library"))
    func realXP() throws {
        let data = try make(.realXP, PairOptions(limit: 1500))
        let ids = try Split.allCases.map { Set(try data.sourceIDs($0)) }
        #expect(ids[0].isDisjoint(with: ids[1]) && ids[0].isDisjoint(with: ids[2]) && ids[1].isDisjoint(with: ids[2]))
        let share = Double(data.count(.test)) / 1500
        #expect(abs(share - 0.15) < 0.03)
        // The table is sorted by S/N: a part of it is like all of it.
        let signals = try Split.allCases.flatMap { try data.labels("snr", split: $0) }
        var all: [Double] = []
        try XPAPOGEELibrary().forEachBatch(of: 4096) { all += $0.compactMap { $0.labels["snr"] } }
        #expect(abs(median(signals) / median(all) - 1) < 0.03, "\(median(signals)) of \(median(all))")
        // The first row of the published table.
        let candidates = try RealXPSource(LibraryStore(), PairOptions()).rows([0])
        guard case .row(let first, _)? = candidates.first else { return #expect(Bool(false), "row 0 was skipped") }
        #expect(first.sourceID == "5853418002145112704")
        #expect(abs((first.labels["teff"] ?? 0) - 4932.792) < 1e-3)
        #expect(abs((first.labels["fe_h"] ?? 0) - -0.12606) < 1e-5)
        #expect(first.flux["gaia"]?[107] == 1)
        #expect(first.ivar["gaia"]?.allSatisfy { $0 > 0 && $0.isFinite } ?? false)
    }

    @Test(
        "Pairs from one spectrum: both sides real in shape, the XP side near real XP spectra",
        .enabled(if: has(.mangaTemplates), "no template libraries"))
    func sameSpectrum() throws {
        let data = try make(.sameSpectrum, PairOptions(realisations: 1))
        #expect(Split.allCases.map { data.count($0) }.reduce(0, +) > 150)
        let count = data.count(.train)
        let xp = try data.spectra(.gaiaXP, split: .train, range: 0..<count).flux
        // Neighbouring samples differ by little: 10 % at the median spectrum's roughest pixel would be noise, not a star.
        let steps = (0..<count).map { row in
            median((100..<300).map { abs(Double(xp[row * 343 + $0 + 1] / xp[row * 343 + $0]) - 1) })
        }
        #expect(median(steps) < 0.02, "\(median(steps))")
        let lrs = try data.spectra(.lamostLRS, split: .train, range: 0..<count).flux
        #expect(lrs.allSatisfy { $0.isFinite })
        let snr = try data.labels("snr_xp", split: .train)
        #expect(snr.allSatisfy { $0 >= 8 && $0 <= 800 })
    }

    @Test(
        "Semi-synthetic pairs: real XP, an LRS that changes with the labels and not with the place in the file",
        .enabled(if: has(.mangaTemplates) && has(.gaiaXPAPOGEE), "no libraries"))
    func semiSynthetic() throws {
        let templates = try MILESTemplates.shared()
        let source = SemiSyntheticSource(
            library: try XPAPOGEELibrary(), options: PairOptions(),
            interpolator: LocalLinearInterpolator(labels: templates.labels, spectra: templates.spectra))
        let first = try source.rows(Array(0..<60))
        let second = try source.rows(Array(40..<100))
        var made = 0
        for case (.row(let row, let split), .row(let again, let splitAgain)) in zip(first[40...], second) {
            #expect(row.flux == again.flux && row.ivar == again.ivar && split == splitAgain)
            #expect(row.labels["rv"] == again.labels["rv"])
            made += 1
        }
        #expect(made > 5)
        for case .row(let row, _) in first {
            #expect(row.flux["gaia"]?[107] == 1 && row.flux["lamost"]?.count == 1462)
            #expect(abs(row.labels["rv"] ?? .infinity) <= 500 && row.labels["fe_h"] != nil)
            #expect(source.labelNames.count >= row.labels.count)
        }
    }

    @Test(
        "Optical pairs: the same star by XP, and through a window whose pixels alone are data",
        .enabled(if: has(.mangaTemplates) && has(.gaiaXPAPOGEE), "no libraries"))
    func opticalPairs() throws {
        let source = try SemiSyntheticSource(optical: LibraryStore(), PairOptions())
        let wavelengths = Instrument.optical.grid.wavelengths
        var shares: [Double] = []
        for case .row(let row, _) in try source.rows(Array(0..<100)) {
            let (flux, ivar) = (try #require(row.flux["optical"]), try #require(row.ivar["optical"]))
            #expect(row.flux["gaia"]?[107] == 1 && flux.count == 4076 && flux.allSatisfy(\.isFinite))
            // MILES ends there; the fastest star carries it 15 Å on.
            #expect(zip(wavelengths, ivar).allSatisfy { $0 < 7430 || $1 == 0 })
            shares.append(Double(ivar.count { $0 > 0 }) / 3100)
            let seen = zip(flux, ivar).filter { $1 > 0 }.map(\.0)
            #expect(abs(Double(seen.reduce(0, +)) / Double(seen.count) - 0.97) < 0.06)
        }
        #expect(shares.count > 20 && (shares.min() ?? 1) < 0.6 && (shares.max() ?? 0) > 0.9)
    }

    private func correlation(_ x: [Double], _ y: [Double]) -> Double {
        let n = Double(x.count)
        let (mx, my) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        let products = zip(x, y).reduce((0.0, 0.0, 0.0)) {
            let (dx, dy) = ($1.0 - mx, $1.1 - my)
            return ($0.0 + dx * dy, $0.1 + dx * dx, $0.2 + dy * dy)
        }
        return products.0 / (products.1 * products.2).squareRoot()
    }
}
