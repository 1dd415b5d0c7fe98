import Foundation
import Support
import TestFiles
import Testing

/// The model that comes with the program: the first command of a new user gives an answer, and doubts what is no star.
struct ShippedModelTests {
    private static let package = URL(fileURLWithPath: #filePath).appending(path: "../../..").standardizedFileURL
    private static let model = package.appending(path: "Models/specclip-small.safetensors")
    private static let lamost =
        (ProcessInfo.processInfo.environment["SPECCLIP_SHARED"].map { URL(fileURLWithPath: $0) }
        ?? package.deletingLastPathComponent().appending(path: "shared")).appending(path: "data/lamost")

    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let outcome = try Tool.run(arguments + ["--format", "json", "--samples", "1000"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
    }

    @Test func itIsSmallAndWhole() throws {
        let size = try #require(try Self.model.resourceValues(forKeys: [.fileSizeKey]).fileSize)
        #expect(size <= 32 << 20)
        let outcome = try Tool.run(["model", "info", Self.model.path])
        #expect(outcome.code == 0, "\(outcome.errors)")
        for name in ["optical", "gaia-xp", "real-xp", "own-labels", "LASP", "APOGEE"] {
            #expect(outcome.output.contains(name), "\(name)")
        }
    }

    /// Models that come with the program have names; files of these names come first.
    @Test func modelsHaveNames() throws {
        for (name, instrument) in [("small", "optical"), ("small-v1", "lamost-lrs")] {
            let outcome = try Tool.run(["model", "info", name])
            #expect(outcome.code == 0 && outcome.output.contains("(\(instrument))"), "\(outcome.errors)")
        }
        let outcome = try Tool.run(["model", "info", "smal"])
        #expect(outcome.code == 1 && outcome.errors.contains("smal"))
    }

    /// Abundances of giants are a small file beside it; what is no giant of 4000 to 5200 K is flagged as such.
    @Test(.enabled(if: SharedFiles.has("data/gaia_xp"), "\(SharedFiles.absent)"))
    func abundancesOfGiantsComeWithIt() throws {
        let file = Self.package.appending(path: "Models/specclip-abundances.safetensors")
        #expect(try #require(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize) <= 2 << 20)
        let table = folder.path("a.json")
        let outcome = try Tool.run([
            "predict", "-m", "abundances", SharedFiles.url("data/gaia_xp/xp_continuous_2000_sources.fits").path,
            "--samples", "100", "-o", table,
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let stars =
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: table))) as? [[String: Any]]
            ?? []
        #expect(stars.count > 50)
        var flagged = 0
        for star in stars {
            let (teff, logg) = (star["teff"] as? Double ?? .nan, star["logg"] as? Double ?? .nan)
            #expect((star["mg_fe"] as? Double)?.isFinite == true && (star["e_cn_fe"] as? Double ?? 0) > 0)
            if teff < 3700 || teff > 5600 || logg > 4 {
                #expect((star["flag_abundances"] as? Int ?? 0) & 4 != 0, "\(teff) K, log g \(logg)")
                flagged += 1
            }
        }
        #expect(flagged > 10)
    }

    /// Whose stars it learned from can be looked up: none of those that were kept apart is among them.
    @Test func itNamesItsStars() throws {
        let list = Self.package.appending(path: "Models/specclip-small-lamost.csv")
        let rows = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let outcome = try Tool.run(["model", "info", Self.model.path, "--json"])
        let named = Set(outcome.output.split(separator: "\"").map(String.init))
        #expect(rows.count > 1000 && rows.contains { $0[2] == "apart" })
        for row in rows { #expect(named.contains(String(row[1])) == (row[2] == "train"), "\(row[1])") }
    }

    /// White noise, a nebula, a star of another kind than any. How often what is caught: bench/oddities.py.
    @Test func whatIsNoStarIsFlagged() throws {
        var random = SeededGenerator(seed: 5)
        let grid = (0..<1801).map { 3900 + Double($0) }
        let strange: [(String, (Double) -> Double)] = [
            ("noise", { _ in 1 + 0.5 * random.gaussian() }),
            ("emission", { 1 + 5 * exp(-0.5 * pow(($0 - 5007) / 8, 2)) + 0.01 * random.gaussian() }),
            (
                "white dwarf",
                { at in
                    let lines = [4101.7, 4341.7, 4862.7].map { 0.5 / (1 + pow((at - $0) / 40, 2)) }.reduce(1) {
                        $0 * (1 - $1)
                    }
                    return lines + 0.02 * random.gaussian()
                }
            ),
        ]
        for (name, flux) in strange {
            let path = folder.path(name + ".csv")
            try Fixture.csv((grid, grid.map(flux))).write(toFile: path, atomically: true, encoding: .utf8)
            let row = try #require(try rows(["predict", path, "--instrument", "optical"]).first)
            #expect(try #require(row["flag"] as? Int) != 0, "\(name)")
        }
    }

    @Test func lookAlikesNeedNoDataSet() throws {
        let fixture = try Fixture.shared.get()
        let outcome = try Tool.run(["search", fixture.xp, "--top", "3", "--format", "csv"])
        #expect(outcome.code == 0 && outcome.output.split(separator: "\n").count == 4, "\(outcome.errors)")
        // Their labels choose among them.
        let some = ["search", fixture.xp, "--where", "teff<4500", "--in-where", "logg<2", "--format", "json"]
        let text = try Tool.run(some).output
        let found = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(found.count == 5)
        for row in found {
            let (teff, logg) = (row["teff"] as? NSNumber, row["logg"] as? NSNumber)
            #expect(try #require(teff).doubleValue < 4500 && #require(logg).doubleValue < 2)
        }
        for (options, words) in [
            (["--in-where", "mass<1"], ["mass: is not known of its stars", "teff"]), (["--probes", "2"], ["atlas"]),
        ] {
            let outcome = try Tool.run(["search", fixture.xp] + options)
            #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome)")
            #expect(words.allSatisfy(outcome.errors.contains), "\(outcome)")
        }
    }

    /// Against LASP, whose labels the model has never seen; and at any velocity alike.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: lamost.path), "no real LAMOST files in ../shared"))
    func realStarsAreReadAlikeAtAnyVelocity() throws {
        // Teff, log g, [Fe/H] by LASP (labels.csv), of stars with S/N in g from 41 to 77.
        let known: [(file: String, teff: Double, logg: Double)] = [
            ("spec-55862-B6212_sp06-003.fits", 5456, 3.64), ("spec-55862-B6212_sp06-082.fits", 4801, 1.82),
            ("spec-55862-B6212_sp06-098.fits", 6132, 4.04), ("spec-55862-B6212_sp06-139.fits", 6211, 4.27),
            ("spec-55862-B6212_sp06-213.fits", 4870, 4.70),
        ]
        let files = known.map { Self.lamost.appending(path: $0.file).path }
        func labels(_ velocity: Int) throws -> [[Double]] {
            try rows(["predict"] + files + ["--rv=\(velocity)"]).map { row in
                ["teff", "logg", "fe_h"].map { (row[$0] as? NSNumber)?.doubleValue ?? .nan }
            }
        }
        let rest = try labels(0)
        for (star, found) in zip(known, rest) {
            #expect(abs(found[0] - star.teff) < 250 && abs(found[1] - star.logg) < 0.5, "\(star.file): \(found)")
        }
        for velocity in [-400, 400] {
            for (star, (there, here)) in zip(known, zip(try labels(velocity), rest)) {
                #expect(abs(there[0] - here[0]) <= 30, "\(star.file) at \(velocity) km/s")
                #expect(abs(there[1] - here[1]) <= 0.03 && abs(there[2] - here[2]) <= 0.03, "\(star.file)")
            }
        }
    }
}
