import Foundation
import Testing
@testable import SpecCLIP

@Suite struct ConfigurationTests {
    @Test(arguments: Preset.allCases) func presetsAreValid(_ preset: Preset) throws {
        let configuration = try Configuration(named: preset.rawValue)
        #expect(configuration.name == preset.rawValue)
        #expect(try configuration.resolvedInstruments().map(\.instrument.name) == ["gaia-xp", "lamost-lrs"])
        #expect(Set(configuration.labels.heads.keys) == ["gaia-xp", "lamost-lrs"])
    }

    @Test(arguments: [
        ("learningRat: 1", "instruments.gaia-xp.pretrain.training.learningRat", "learningRate"),
        ("stpes: 3", "instruments.gaia-xp.pretrain.training.stpes", "steps"),
    ])
    func unknownKeysNameTheNearest(line: String, path: String, suggestion: String) throws {
        let yaml = """
            instruments:
              gaia-xp:
                encoder: { kind: auto-encoder }
                projection: { kind: mlp }
                pretrain: { training: { \(line) } }
            """
        #expect {
            try Configuration(yaml: yaml, source: "x.yaml")
        } throws: { error in
            "\(error)" == "x.yaml: configuration: unknown key '\(path)'; did you mean '\(suggestion)'?"
        }
    }

    @Test(arguments: [
        ("a: [", "x.yaml: not valid YAML"),
        ("name: x", "'instruments' is missing"),
        ("instruments: { gaia-xp: { encoder: { kind: magic }, projection: { kind: mlp } } }", "magic"),
        (
            "instruments: { gaia-xp: { encoder: { kind: auto-encoder }, projection: { kind: mlp }, pretrain: { training: { steps: 0 } } } }",
            "steps"
        ),
        ("instruments: 3", "instruments"),
    ])
    func badFilesGiveOneLine(yaml: String, part: String) {
        #expect {
            try Configuration(yaml: yaml, source: "x.yaml")
        } throws: { error in
            let text = "\(error)"
            return text.contains(part) && text.hasPrefix("x.yaml: ") && !text.contains("\n")
        }
    }

    @Test func missingFileNamesThePresets() {
        #expect { try Configuration(named: "tyni") } throws: { "\($0)".contains("tiny, small, paper") }
    }
}
