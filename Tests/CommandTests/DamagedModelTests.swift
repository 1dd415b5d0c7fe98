import Foundation
import TestFiles
import Testing
import Torch

/// Model files whose header lies or whose weights are damaged: named before anything is computed with them.
struct DamagedModelTests {
    /// What replaces what in the header entries, and words of the answer.
    static let headers: [(text: String, by: String, words: [String])] = [
        ("\"embedding\":128", "\"embedding\":-4", ["embedding", "-4"]),
        ("\"embedding\":128", "\"embedding\":127", ["lamost-lrs.projection.heads", "multiple of 4"]),
        ("\"width\":96", "\"width\":96000000000", ["encoder.width", "96000000000"]),
        ("\"section\":40", "\"section\":4000", ["tokens.section", "4000", "1462"]),
        ("\"count\":1462", "\"count\":-5", ["grid", "-5 pixels"]),
        ("\"mean\":[5500,4,", "\"mean\":[", ["'labels' entry", "damaged"]),
    ]

    @Test(arguments: headers)
    func headerThatLies(_ change: (text: String, by: String, words: [String])) throws {
        let fixture = try Fixture.shared.get()
        let folder = try TemporaryFolder()
        let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: fixture.model))
        let metadata = file.metadata.mapValues { $0.replacing(change.text, with: change.by) }
        #expect(metadata != file.metadata, "\(file.metadata)")
        let model = folder.path("model.safetensors")
        try SafetensorsFile.write(
            try file.names.map { ($0, try file.tensor($0)) }, metadata: metadata, to: URL(fileURLWithPath: model))
        try expectRefusal(model, fixture.star, words: change.words)
    }

    @Test func weightsThatAreNoNumbers() throws {
        let fixture = try Fixture.shared.get()
        let folder = try TemporaryFolder()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.model))
        for at in (bytes.count / 2)..<(bytes.count / 2 + 64) { bytes[at] = 0xFF }
        let model = folder.path("model.safetensors")
        try bytes.write(to: URL(fileURLWithPath: model))
        try expectRefusal(model, fixture.star, words: ["not finite", "damaged"])
    }

    private func expectRefusal(_ model: String, _ star: String, words: [String]) throws {
        let outcome = try Tool.run(["predict", "-m", model, star])
        #expect(outcome.code == 1 && outcome.output.isEmpty, "\(outcome)")
        let line = try #require(outcome.errorLines.first)
        #expect(line.hasPrefix("specclip: " + model) && outcome.errorLines.count == 1, "\(outcome.errors)")
        for word in words { #expect(line.contains(word), "\(line)") }
    }
}
