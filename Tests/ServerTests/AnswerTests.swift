import Foundation
import Spectra
import TestFiles
import Testing

@testable import SpecCLIPServer

/// What the server says of stars is what the command says.
struct AnswerTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Rows of a command, as its JSON has them.
    private func rows(_ arguments: [String], _ ending: String = "json") throws -> [[String: Any]] {
        let output = folder.path("\(UUID()).\(ending)")
        let outcome = try Tool.run(arguments + ["-m", TestServer.model.path, "-o", output])
        #expect(outcome.code == 0 || outcome.code == 1, "\(outcome.errors)")
        let data = try Data(contentsOf: URL(fileURLWithPath: output))
        return try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
    }

    /// Rows without what the server adds, and without folders.
    private func compared(_ rows: [[String: Any]]) -> [[String: NSObject]] {
        rows.map { row in
            var own = row.compactMapValues { $0 as? NSObject }
            own["file"] = (row["file"] as? String).map { ($0 as NSString).lastPathComponent as NSString }
            for added in ["row", "flags", "star"] { own[added] = nil }
            return own
        }
    }

    private func write(_ name: String, _ data: Data) throws -> String {
        try data.write(to: folder.file(name))
        return folder.path(name)
    }

    @Test func predictGivesTheCommandsRows() async throws {
        let server = try await TestServer()
        let files = [("a.csv", Files.optical()), ("b.csv", Files.xp()), ("c.csv", Files.optical(0.4))]
        let wanted = try rows(["predict"] + files.map { try write($0.0, $0.1) })
        let answer = try await server.post("/v1/predict", files.map { (name: $0.0, data: $0.1) })
        #expect(answer.status == 200 && wanted.count == 3)
        #expect(compared(answer.stars) == compared(wanted))
        let names = ["file", "row"] + (wanted.first.map { Array($0.keys) } ?? []) + ["flags"]
        #expect(Set(answer.stars[0].keys) == Set(names))
    }

    @Test(.enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"))
    func realFilesGiveTheCommandsRows() async throws {
        let server = try await TestServer()
        let lamost = try FileManager.default.contentsOfDirectory(atPath: SharedFiles.url("data/lamost").path)
            .filter { $0.hasSuffix(".fits") }.sorted().prefix(8).map {
                SharedFiles.url("data/lamost").appending(path: $0)
            }
        let xp = [
            "XP_CONTINUOUS_RAW.fits", "XP_CONTINUOUS_RAW_with_missing_BP.csv", "XP_SAMPLED_RAW_votable_dr3int6.xml",
        ]
        .map { SharedFiles.url("data/gaia_xp").appending(path: $0) }
        for files in [Array(lamost), xp] {
            let wanted = try rows(["predict"] + files.map(\.path))
            let answer = try await server.post(
                "/v1/predict", files.map { (name: $0.lastPathComponent, data: try Data(contentsOf: $0)) })
            #expect(answer.status == 200 && wanted.count >= files.count)
            #expect(compared(answer.stars) == compared(wanted))
        }
    }

    /// A table in a file: rows are numbered as the command numbers them.
    @Test func rowsOfTablesHaveNumbers() async throws {
        let server = try await TestServer()
        let flux = Files.xpWavelengths.map { "\(1 + 0.3 * sin($0 / 900))" }.joined(separator: ", ")
        let bad = Files.xpWavelengths.map { _ in "nan" }.joined(separator: ", ")
        let text = "source_id,flux\n1,\"[\(flux)]\"\n2,\"[\(bad)]\"\n3,\"[\(flux)]\"\n"
        let answer = try await server.post("/v1/predict", [("xp.csv", Data(text.utf8))])
        #expect(answer.stars.map { $0["file"] as? String } == ["xp.csv#1", "xp.csv#3"], "\(answer.text)")
        #expect(answer.stars.map { $0["row"] as? Int } == [1, 3])
        #expect(answer.failures.count == 1 && answer.failures[0]["row"] as? Int == 2)
        #expect(answer.failures[0]["file"] as? String == "xp.csv")
    }

    /// JSON is read as a file of the same numbers.
    @Test func arraysAreReadAsFiles() async throws {
        let server = try await TestServer()
        let flux = Files.xpWavelengths.map { 1 + 0.3 * sin($0 / 900) }
        let spectrum: [String: Any] = [
            "wavelength": Files.xpWavelengths, "flux": flux, "source_id": 42, "name": "mine", "ra": 1.5, "dec": -2,
        ]
        let body = try JSONSerialization.data(withJSONObject: ["spectra": [spectrum, spectrum]])
        let answer = try await server.ask(
            "POST", "/v1/predict", headers: [("Content-Type", "application/json")], body: body)
        let file = try await server.post("/v1/predict", [("xp.csv", Files.xp())])
        #expect(answer.stars.count == 2 && answer.stars[0]["source_id"] as? String == "42", "\(answer.text)")
        #expect(answer.stars[0]["file"] as? String == "mine" && answer.stars.map { $0["row"] as? Int } == [1, 2])
        for name in ["teff", "logg", "fe_h", "e_teff"] {
            #expect(answer.stars[0][name] as? Double == file.stars[0][name] as? Double, "\(name)")
        }
    }

    /// Coefficients as the archive has them, in JSON.
    @Test(.enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"))
    func coefficientsAreTaken() async throws {
        let server = try await TestServer()
        let answer = try await server.ask(
            "POST", "/v1/predict", headers: [("Content-Type", "application/json")],
            body: Data(
                """
                {"spectra": [{"name": "star", "source_id": "7", "bp_coefficients": \(Self.coefficients(120)),
                "rp_coefficients": \(Self.coefficients(90)), "bp_coefficient_errors": \(Self.errors),
                "rp_coefficient_errors": \(Self.errors), "bp_n_relevant_bases": 20, "rp_n_relevant_bases": 20}]}
                """.utf8))
        #expect(answer.status == 200 && answer.stars.count == 1, "\(answer.text)")
        #expect(answer.stars.first?["instrument"] as? String == "gaia-xp")
    }

    private static func coefficients(_ first: Double) -> String {
        "[" + (0..<55).map { "\($0 == 0 ? first : first / 10 / Double($0 * $0 + 1))" }.joined(separator: ", ") + "]"
    }
    private static let errors = "[" + [String](repeating: "0.5", count: 55).joined(separator: ", ") + "]"

    @Test func optionsAreThoseOfTheCommand() async throws {
        let server = try await TestServer()
        let path = try write("a.csv", Files.optical())
        let wanted = try rows(["predict", path, "--rv", "35", "--instrument", "optical", "--air"])
        let data = Files.optical()
        for fields in [
            [("rv", "35"), ("instrument", "optical"), ("air", "true")],
            [("options", "{\"rv\": 35, \"air\": true}"), ("instrument", "optical")],
        ] {
            let answer = try await server.post("/v1/predict", [("a.csv", data)], fields: fields)
            #expect(compared(answer.stars) == compared(wanted), "\(answer.text)")
        }
        let plain = try await server.post("/v1/predict", [("a.csv", data)])
        #expect(compared(plain.stars) != compared(wanted))
        for (name, value) in [
            ("rv", "fast"), ("instrument", "desi"), ("rest_frame", "1"), ("air", "maybe"), ("columns", "x"),
        ] {
            let answer = try await server.post("/v1/predict", [("a.csv", data)], fields: [(name, value)])
            #expect(
                answer.status == 400 && answer.error.contains(value) || answer.error.contains(name), "\(answer.text)")
        }
    }

    @Test func embeddingsAndSpectraAreTheCommands() async throws {
        let server = try await TestServer()
        let (path, data) = (try write("a.csv", Files.optical()), Files.optical())
        let embedded = try await server.post("/v1/embed", [("a.csv", data)])
        #expect((embedded.stars.first?["embedding"] as? [Double])?.count == server.service.reader.embeddingWidth)
        let answer = try await server.post("/v1/translate?to=gaia-xp&samples=2", [("a.csv", data)])
        let star = try #require(answer.stars.first)
        #expect((answer.json["wavelength"] as? [Double])?.count == 343)
        for name in ["flux", "flux_error", "sample_1", "sample_2"] {
            #expect((star[name] as? [Any])?.count == 343, "\(name)")
        }
        let output = folder.path("a.csv.spectrum.csv")
        let outcome = try Tool.run(["translate", path, "--to", "gaia-xp", "-m", TestServer.model.path, "-o", output])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let column = try #require(lines[0].firstIndex(of: "flux"))
        let flux = try #require(star["flux"] as? [Double])
        #expect(zip(lines.dropFirst(), flux).allSatisfy { abs((Double($0[column]) ?? .nan) - $1) < 1e-6 })
    }

    @Test func searchAndOutliersAreTheCommands() async throws {
        let server = try await TestServer()
        let (path, data) = (try write("a.csv", Files.xp()), Files.xp())
        let found = try await server.post("/v1/search?top=3", [("a.csv", data)])
        let alike = found.stars.first?["look_alikes"] as? [[String: Any]] ?? []
        let outcome = try Tool.run(["search", path, "-m", TestServer.model.path, "--top", "3", "--format", "json"])
        let wanted = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
        #expect(
            alike.count == 3 && alike.map { $0["source_id"] as? String } == wanted.map { $0["source_id"] as? String })
        #expect(alike.map { $0["similarity"] as? Double } == wanted.map { $0["similarity"] as? Double })
        let chosen = try await server.post("/v1/search?top=3&where=teff%3C4800&where=teff%3E%3D4000", [("a.csv", data)])
        let cool = chosen.stars.first?["look_alikes"] as? [[String: Any]] ?? []
        #expect(
            cool.count == 3 && cool.allSatisfy { (4000..<4800).contains($0["teff"] as? Double ?? 0) }, "\(chosen.text)")
        let odd = try await server.post("/v1/outliers", [("a.csv", data), ("b.csv", Files.xp(0.05))])
        let both = [path, try write("b.csv", Files.xp(0.05))]
        let rates = try Tool.run(["outliers", "find"] + both + ["-m", TestServer.model.path, "--format", "json"])
        let rows = try JSONSerialization.jsonObject(with: Data(rates.output.utf8)) as? [[String: Any]] ?? []
        #expect(
            odd.stars.count == 2 && odd.stars.map { $0["p"] as? Double } == rows.map { $0["p"] as? Double },
            "\(odd.text) \(rates.output) \(rates.errors)")
        #expect(odd.stars.map { $0["q"] as? Double } == rows.map { $0["q"] as? Double })
        for (path, word) in [
            ("search?top=0", "top"), ("search?among=desi", "desi"), ("search?where=cool", "where cool"),
            ("search?where=mass%3E1", "mass"), ("translate", "to"), ("translate?to=desi", "desi"),
            ("predict?x=1", "x"),
        ] {
            let answer = try await server.post("/v1/" + path, [("a.csv", data)])
            #expect(answer.status == 400 && answer.error.contains(word), "\(path): \(answer.text)")
        }
    }

    /// Good files are read, bad ones have their line, and none says where it lay.
    @Test func goodAndBadFilesTogether() async throws {
        let server = try await TestServer()
        let files: [(String, Data)] = [
            ("good.csv", Files.optical()), ("empty.fits", Data()),
            ("noise.fits", Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 97) })),
            ("page.html", Data("<!DOCTYPE html><html></html>".utf8)),
            ("cut.csv.gz", Data([0x1f, 0x8b, 8, 0, 1, 2, 3])),
            ("also good.csv", Files.xp()),
        ]
        for accept in ["application/json", "application/x-ndjson"] {
            let answer = try await server.post(
                "/v1/predict", files.map { (name: $0.0, data: $0.1) }, headers: [("Accept", accept)])
            #expect(answer.status == 200 && !answer.text.contains("specclip-serve"), "\(answer.text)")
            if accept == "application/json" {
                #expect(answer.stars.map { $0["file"] as? String } == ["good.csv", "also good.csv"])
                #expect(
                    Set(answer.failures.compactMap { $0["file"] as? String }) == [
                        "empty.fits", "noise.fits", "page.html", "cut.csv.gz",
                    ])
                for failure in answer.failures {
                    let line = failure["error"] as? String ?? ""
                    #expect(line.hasPrefix(failure["file"] as? String ?? "?") && !line.contains("\n"), "\(line)")
                }
            } else {
                let lines = answer.text.split(separator: "\n")
                #expect(
                    lines.count == 6 && lines.filter { $0.hasPrefix("{\"failure\": ") }.count == 4, "\(answer.text)")
                #expect(answer.headers["transfer-encoding"] == "chunked")
            }
        }
        let none = try await server.post("/v1/predict", [("empty.fits", Data())])
        #expect(none.status == 422 && none.error.contains("empty.fits") && none.failures.count == 1)
        // The thread that answered may let go of the files a moment after its answer has come.
        let folder = server.service.receiver.folder.url.path
        var left = try FileManager.default.contentsOfDirectory(atPath: folder)
        for _ in 0..<200 where left != ["lock"] {
            try await Task.sleep(for: .milliseconds(50))
            left = try FileManager.default.contentsOfDirectory(atPath: folder)
        }
        #expect(left == ["lock"])
    }

    /// Files keep their names and their order, whatever they are called and however many they are.
    @Test func filesAreNotMistakenForEachOther() async throws {
        let server = try await TestServer()
        var files: [(name: String, data: Data)] = []
        for number in 0..<13 {
            let name = number.isMultiple(of: 2) ? "star" : "s\(number).csv"
            files.append((name, number == 11 ? Data("x".utf8) : Files.xp(0.01 * Double(number))))
        }
        let answer = try await server.post("/v1/predict", files)
        let wanted = files.map { $0.name }.filter { $0 != "s11.csv" }
        #expect(answer.stars.map { $0["file"] as? String } == wanted)
        #expect(answer.failures.map { $0["file"] as? String } == ["s11.csv"])
        let line = answer.failures.first?["error"] as? String ?? ""
        #expect(line.hasPrefix("s11.csv: "), "\(line)")
    }

    /// One file as a body, by its type.
    @Test func bodiesMayBeFiles() async throws {
        let server = try await TestServer()
        let answer = try await server.ask(
            "POST", "/v1/predict", headers: [("Content-Type", "text/csv; charset=utf-8")], body: Files.xp())
        #expect(answer.stars.count == 1 && answer.stars[0]["file"] as? String == "body.csv", "\(answer.text)")
        // Whether Parquet is read, `make parquet` decides; it is refused in one line where it is not, or is damaged.
        let parquet = try await server.ask(
            "POST", "/v1/predict", headers: [("Content-Type", "application/vnd.apache.parquet")],
            body: Data("PAR1\u{15}\u{0}PAR1".utf8))
        #expect(parquet.status == 422 && parquet.error.hasPrefix("body.parquet: "), "\(parquet.text)")
    }

    @Test func whatTheModelIs() async throws {
        let server = try await TestServer()
        let answer = try await server.ask("GET", "/v1/model").json
        #expect(answer["name"] as? String == "specclip-small" && answer["draws"] as? Int == 2000)
        #expect(
            (answer["instruments"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["gaia-xp", "optical"])
        #expect((answer["flags"] as? [Any])?.count == 7 && (answer["translations"] as? [Any])?.count == 2)
        #expect((answer["limits"] as? [String: Int])?["files"] == 2000)
        let kiel = try await server.ask("GET", "/v1/kiel").json
        #expect((kiel["teff"] as? [Double])?.count == 2500 && (kiel["logg"] as? [Double])?.count == 2500)
    }
}
