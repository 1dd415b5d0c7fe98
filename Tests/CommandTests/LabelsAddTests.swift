import Foundation
import TestFiles
import Testing
import Torch
@testable import StarReading

/// `specclip labels add`: a published regressor becomes part of a model, and `predict` prints what it says.
struct LabelsAddTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder
    private var weights: String { folder.path("MgFe.pt") }
    private var statistics: String { folder.path("mgfe_mean_std.json") }
    private var output: String { folder.path("out.safetensors") }

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
        try write(width: 128, to: weights)
        try statistics(mean: 0.1, count: 128).write(toFile: statistics, atomically: true, encoding: .utf8)
    }

    private func write(width: Int, to path: String) throws {
        Generator.seed(3)
        let state = LabelHead(embedding: width, hidden: [8, 4], dropout: 0, labels: 1, givesErrors: false)
            .stateDictionary().filter { $0.0.hasPrefix("network.") }
        try PyTorchFile.write(stateDictionary: state, entries: [], to: URL(fileURLWithPath: path))
    }

    private func statistics(mean: Double, count: Int) throws -> String {
        let values = ["mean": Array(repeating: mean, count: count), "std": Array(repeating: 2, count: count)]
        return String(decoding: try JSONEncoder().encode(values), as: UTF8.self)
    }

    private func add(_ more: [String]) throws -> Tool.Outcome {
        try Tool.run(["labels", "add", "-m", fixture.model, "-o", output] + more)
    }

    @Test func predictPrintsAValueWithoutAnError() throws {
        let added = try add([weights, "--stats", statistics, "--label", "mgfe", "--instrument", "lamost-lrs"])
        #expect(added.code == 0 && added.errors.isEmpty && added.output == output + "\n", "\(added.errors)")
        let json = try Tool.run(["predict", "-m", output, fixture.star, fixture.xp, "--format", "json"])
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        #expect(rows[0]["mg_fe"] is Double && rows[0]["e_mg_fe"] is NSNull)
        #expect(rows[0]["teff"] is Double && rows[0]["e_teff"] is Double, "the model's own labels stay")
        #expect(rows[1]["mg_fe"] is NSNull, "it reads no Gaia XP spectra")

        let table = try Tool.run(["predict", "-m", output, fixture.star])
        #expect(table.errors.isEmpty && !table.output.contains("nan"))
        let lines = table.output.split(separator: "\n").map(String.init)
        let end = lines[0].distance(from: lines[0].startIndex, to: try #require(lines[0].range(of: "mg_fe")).upperBound)
        #expect(lines[2].prefix(end).last?.isNumber == true, "the value ends where its column does\n\(table.output)")
        let signs = lines[2].split(separator: "±").count - 1
        #expect(signs == 3, "one for each label with an error")

        let info = try Tool.run(["model", "info", output])
        #expect(info.output.contains("published; values without errors") && info.output.contains("mg_fe [dex]"))
        #expect(info.output.contains("trained on 1,000 stars"))
    }

    @Test func statisticsMayBeMissingForLAMOSTOnly() throws {
        let lamost = try add([weights, "--label", "mg_fe", "--instrument", "lamost-lrs"])
        #expect(lamost.code == 0 && lamost.errorLines.count == 1 && lamost.errors.contains("--stats"))
        try FileManager.default.removeItem(atPath: output)
        try expectFailure(["--label", "mg_fe", "--instrument", "gaia-xp"], words: [weights, "Gaia XP", "--stats"])
    }

    @Test func whatDoesNotFitIsNamed() throws {
        try expectFailure(
            ["--stats", statistics, "--label", "fe_h", "--instrument", "lamost-lrs"], words: ["fe_h", "already"])
        try statistics(mean: 0, count: 64).write(toFile: statistics, atomically: true, encoding: .utf8)
        try expectFailure(
            ["--stats", statistics, "--label", "mg_fe", "--instrument", "lamost-lrs"], words: [weights, "128", "64"])
        try expectFailure(
            ["--stats", folder.path("none.json"), "--label", "mg_fe", "--instrument", "lamost-lrs"],
            words: ["none.json", "check the path"])
        try expectFailure(["--label", "mg_fe", "--instrument", "hubble"], words: ["hubble", "gaia-xp"])
        try write(width: 64, to: weights)
        try expectFailure(["--label", "mg_fe", "--instrument", "lamost-lrs"], words: [weights, "64", "makes 128"])
        try "hello".write(toFile: weights, atomically: true, encoding: .utf8)
        try expectFailure(["--label", "mg_fe", "--instrument", "lamost-lrs"], words: [weights])
        let usage = try add([weights, "--label", "mg/fe", "--instrument", "lamost-lrs"])
        #expect(usage.code == 2)
    }

    private func expectFailure(_ arguments: [String], words: [String]) throws {
        let before = folder.contents
        let outcome = try add([weights] + arguments)
        #expect(outcome.code == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
        #expect(folder.contents == before, "nothing half-written")
    }
}
