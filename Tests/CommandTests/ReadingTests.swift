import Datasets
import Foundation
import Instruments
import Spectra
import Tables
import TestFiles
import Testing

/// Stars in, answers out.
struct ReadingTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
    }

    @discardableResult
    private func run(_ arguments: [String]) throws -> String {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func embeddingsOfADataSetKeepItsOrder() throws {
        let whole = folder.path("all.npz")
        try run(["embed", "-m", fixture.model, fixture.pairs, "--split", "train", "-o", whole])
        let arrays = try NPZ.read(URL(fileURLWithPath: whole))
        let data = try PairedDataSet(opening: URL(fileURLWithPath: fixture.pairs))
        let count = data.count(.train)
        #expect(Set(arrays.names) == ["lamost_lrs", "gaia_xp", "source_id", "file"])
        #expect(arrays["source_id"]?.strings == (try data.sourceIDs(.train)))
        for name in ["lamost_lrs", "gaia_xp"] {
            let array = try #require(arrays[name])
            #expect(array.shape == [count, 128])
            if case .float32 = array.values {} else { Issue.record("\(name) is not float32") }
        }
    }

    @Test func aSpectrumEmbedsAlikeAloneAndAmongOthers() throws {
        let (alone, mixed) = (folder.path("alone.npz"), folder.path("mixed.npz"))
        try run(["embed", "-m", fixture.model, fixture.star, "-o", alone])
        try run(["embed", "-m", fixture.model, fixture.xp, fixture.star, fixture.xp, "-o", mixed])
        let one = try #require(try NPZ.read(URL(fileURLWithPath: alone))["lamost_lrs"])
        let many = try NPZ.read(URL(fileURLWithPath: mixed))
        #expect(one.shape == [1, 128])
        #expect(many["lamost_lrs"]?.shape == [1, 128])
        #expect(many["gaia_xp"]?.shape == [2, 128])
        #expect(many["gaia_xp_file"]?.strings == [fixture.xp, fixture.xp])
        let difference = zip(one.floats ?? [], many["lamost_lrs"]?.floats ?? []).map { abs($0 - $1) }.max()
        #expect(try #require(difference) < 1e-5)
    }

    @Test func predictionsInEveryFormat() throws {
        let csv = try run(["predict", "-m", fixture.model, fixture.star, fixture.xp, "--format", "csv"]).split(
            separator: "\n")
        #expect(csv.count == 3)
        #expect(csv[0].hasPrefix("file,teff,e_teff,teff_16,teff_84,logg,e_logg,logg_16,logg_84,fe_h,e_fe_h,"))
        #expect(csv[1].hasPrefix(fixture.star + ",") && csv[1].contains("lamost-lrs"))
        #expect(csv[2].hasPrefix(fixture.xp + ",") && csv[2].contains("gaia-xp"))
        let json = try run(["predict", "-m", fixture.model, fixture.star, "--format", "json"])
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        #expect(rows.count == 1)
        #expect((rows[0]["teff"] as? Double).map { "\(Int($0))" } == csv[1].split(separator: ",").map(String.init)[1])
        #expect((rows[0]["e_teff"] as? Double ?? 0) > 0)
        let table = try run(["predict", "-m", fixture.model, fixture.star, fixture.xp])
        #expect(table.contains("teff") && table.contains("K") && table.contains("dex") && table.contains("±"))
        for line in table.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        let output = folder.path("out.fits")
        try run(["predict", "-m", fixture.model, fixture.pairs, "-o", output])
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).starts(with: Data("SIMPLE".utf8)))
        #expect(folder.contents == ["out.fits"])
    }

    @Test func translationsLieOnTheTargetsGrid() throws {
        let npz = folder.path("xp.npz")
        try run(["translate", "-m", fixture.model, fixture.star, fixture.xp, "--to", "gaia-xp", "-o", npz])
        let arrays = try NPZ.read(URL(fileURLWithPath: npz))
        #expect(arrays["wavelength"]?.doubles == Instrument.gaiaXP.grid.wavelengths)
        #expect(arrays["flux"]?.shape == [2, 343])
        #expect(arrays["flux"]?.floats?.allSatisfy(\.isFinite) == true)
        let csv = folder.path("lrs.csv")
        try run(["translate", "-m", fixture.model, fixture.star, "--to", "lamost-lrs", "-o", csv])
        let lines = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 + Instrument.lamostLRS.grid.count)
        #expect(lines[0] == "file,source_id,wavelength,flux")
    }

    @Test func aStarFindsItselfUnlessToldOtherwise() throws {
        func rows(_ more: [String]) throws -> [[String: Any]] {
            let json = try run(
                [
                    "search", "-m", fixture.model, fixture.pairs, "--in", fixture.pairs, "--instrument", "gaia-xp",
                    "--among",
                    "gaia-xp", "--top", "2", "--format", "json",
                ] + more)
            return try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        }
        let all = try rows([])
        let stars = try PairedDataSet(opening: URL(fileURLWithPath: fixture.pairs)).count(.test)
        #expect(all.count == 2 * stars)
        for row in all where row["rank"] as? Int == 1 {
            #expect(row["source_id"] as? String == row["query_source_id"] as? String)
            #expect(abs((row["similarity"] as? Double ?? 0) - 1) < 1e-3)
            #expect(row["teff"] is Double)
        }
        let others = try rows(["--exclude-self"])
        #expect(others.count == 2 * stars)
        for row in others { #expect(row["source_id"] as? String != row["query_source_id"] as? String) }
    }

    @Test func searchReportsForPeople() throws {
        let text = try run(["search", "-m", fixture.model, fixture.star, "--in", fixture.pairs, "--top", "3"])
        #expect(text.hasPrefix(fixture.star))
        #expect(text.contains("gaia-xp") && text.contains("lamost-lrs") && text.contains("similarity"))
        #expect(text.split(separator: "\n").count == 3 + 6)
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed"), arguments: ["png", "pdf", "svg"])
    func cards(format: String) throws {
        let output = folder.path("card." + format)
        try run([
            "card", "-m", fixture.model, fixture.star, "--observed", fixture.xp, "--in", fixture.pairs, "-o", output,
        ])
        #expect(folder.contents == ["card." + format])
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).count > 10_000)
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed"))
    func cardsOfOneRow() throws {
        try run(["card", "-m", fixture.model, fixture.pairs, "--row", "2", "-o", folder.path("row.svg")])
        let outcome = try Tool.run([
            "card", "-m", fixture.model, fixture.pairs, "--row", "9999", "-o", folder.path("no.svg"),
        ])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("--row 9999"))
        #expect(folder.contents == ["row.svg"])
    }

    static let hasGnuplot = ["/usr/bin/gnuplot", "/usr/local/bin/gnuplot", "/opt/homebrew/bin/gnuplot"]
        .contains { FileManager.default.isExecutableFile(atPath: $0) }

    @Test func modelsTellWhatTheyAre() throws {
        let text = try run(["model", "info", fixture.model])
        for word in ["LAMOST LRS", "Gaia XP", "1462 pixels", "masked transformer", "teff [K]", "128 numbers"] {
            #expect(text.contains(word), "\(word)")
        }
        let json = try run(["model", "info", fixture.model, "--json"])
        #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
    }

    @Test func aClosedPipeEndsQuietly() throws {
        let process = Process()
        let (pipe, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c",
            "'\(Tool.executable.path)' predict -m '\(fixture.model)' '\(fixture.pairs)' --split train --format csv | head -n 1",
        ]
        process.standardOutput = pipe
        process.standardError = errors
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(String(decoding: output, as: UTF8.self).hasPrefix("file,teff"))
        #expect(errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }
}
