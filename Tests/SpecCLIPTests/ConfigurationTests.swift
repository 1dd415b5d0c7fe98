import Foundation
import Instruments
import Posteriors
import Spectra
import Support
import Testing
import Training
@testable import SpecCLIP

@Suite struct ConfigurationTests {
    @Test(arguments: Preset.allCases) func presetsAreValid(_ preset: Preset) throws {
        let configuration = try Configuration(named: preset.rawValue)
        #expect(configuration.name == preset.rawValue)
        let isSmall = [Preset.small, .smallMILES].contains(preset)
        let instruments =
            preset == .four
            ? ["gaia-xp", "lamost-lrs", "optical", "optical-r500"] : ["gaia-xp", isSmall ? "optical" : "lamost-lrs"]
        #expect(try configuration.resolvedInstruments().map(\.instrument.name) == instruments)
        #expect(Set(configuration.labels.heads.keys) == Set(instruments))
    }

    /// Four instruments, one data set, and encoders that learn from spectra alone.
    @Test func fourInstrumentsShareADataSet() throws {
        let four = try Configuration(named: "four")
        #expect(four.instruments.values.allSatisfy { $0.finetune.isEmpty && $0.pretrain.data == "four.h5" })
        #expect(four.align.data == nil && four.data == "four.h5" && four.align.objective == AlignmentObjective(.clip))
        #expect(
            four.labels.heads.values.allSatisfy { $0.posterior == nil && $0.augment == nil && $0.scale == "APOGEE" })
        #expect(four.instruments["optical-r500"]?.encoder == four.instruments["optical"]?.encoder)
    }

    /// What a configuration does not say is said by the preset that it extends; a list or a value takes the place of another.
    @Test func presetsAreExtended() throws {
        let small = try Configuration(named: "small")
        let own = try Configuration(
            yaml: """
                extends: small
                name: mine
                instruments:
                  gaia-xp:
                    encoder: { hidden: &size 64 }
                    pretrain: { training: { steps: 700, batch: *size } }
                labels: { heads: { gaia-xp: { names: [teff] } } }
                """, source: "x.yaml")
        let (before, after) = (small.instruments["gaia-xp"], own.instruments["gaia-xp"])
        #expect(own.name == "mine" && own.seed == small.seed && own.instruments.count == 2)
        #expect(after?.pretrain.training.length == .steps(700) && after?.pretrain.training.batch == 64)
        #expect(after?.pretrain.training.learningRate == before?.pretrain.training.learningRate)
        #expect(after?.finetune.count == before?.finetune.count && after?.projection == before?.projection)
        #expect(own.labels.heads["gaia-xp"]?.names == ["teff"] && own.labels.heads["gaia-xp"]?.scale == "APOGEE")
        let miles = try Configuration(named: "small-miles")
        #expect(miles.instruments["optical"]?.finetune.count == 1 && miles.labels.heads["optical"]?.scale == "MILES")
        #expect(miles.labels.heads["optical"]?.posterior != nil)
        let other = try Configuration(
            yaml: "extends: small\ninstruments: { optical: { encoder: { kind: patch-transformer, layers: 2 } } }",
            source: "x.yaml")
        #expect(other.instruments["optical"]?.encoder.sizes is PatchTransformerConfiguration)
        #expect {
            try Configuration(yaml: "extends: smal", source: "x.yaml")
        } throws: { "\($0)".hasPrefix("x.yaml: extends: no such preset 'smal'; give one of tiny, small, small-miles") }
        #expect {
            try Configuration(yaml: "extends: small\nembeding: 3", source: "x.yaml")
        } throws: { "\($0)".contains("did you mean 'embedding'?") }
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
        #expect { try Configuration(named: "tyni") } throws: { "\($0)".contains("tiny, small, small-miles, paper") }
    }

    /// Names that keys had before are read for a release, with a note; both names at once are not needed.
    @Test func formerNamesAreReadWithANote() throws {
        var yaml = Preset.tiny.yaml
        #expect(yaml.contains("logitScale: 15.5"))
        yaml = yaml.replacing("logitScale: 15.5", with: "temperature: 12")
        #expect(try Configuration(yaml: yaml, source: "x.yaml").align.objective.logitScale == 12)
        #expect(FormerNames.take().contains { $0.contains("'temperature' is called 'logitScale' now") })
        let flow = try decodeYAML(FlowConfiguration.self, "{ kind: maf, keepsOrder: true }", source: "x.yaml")
        #expect(flow.fixedOrder)
    }

    /// One section for all trainings: steps or passes, the former name of the last rate, and nothing that would go unheard.
    @Test func trainingsHaveOneSection() throws {
        func flow(_ training: String) throws -> TrainingOptions {
            try decodeYAML(FlowConfiguration.self, "training: { \(training) }", source: "x.yaml").training
        }
        #expect(
            try flow("batch: 7")
                == {
                    var flow = TrainingOptions.flow; flow.batch = 7; return flow
                }())
        #expect(try flow("steps: 50").length == .steps(50))
        #expect(try flow("finalLearningRate: 1e-5").minimumLearningRate == 1e-5)
        #expect(FormerNames.take().contains { $0.contains("'finalLearningRate' is called 'minimumLearningRate' now") })
        #expect(try flow("learningRate: 1e-2").minimumLearningRate == nil)
        func align(_ training: String) throws -> TrainingOptions {
            try decodeYAML(AlignConfiguration.self, "training: { \(training) }", source: "x.yaml").training
        }
        #expect(try align("epochs: 3").length == .epochs(3))
        for (line, part) in [
            ("steps: 3, epochs: 3", "training.epochs: steps are given as well; give one of the two"),
            ("heldOut: 0.2", "training.heldOut: the validation split"), ("epochs: 0", "training.epochs: 0; give 1"),
            ("warmup: 1000", "training.warmup: 1000 must lie in 0 ..< steps (1000)"),
        ] {
            #expect { try align(line) } throws: { "\($0)".contains(part) }
        }
    }

    /// A definition needs a grid; the rest follows from the section's name.
    @Test func instrumentsAreDefinedInAFewWords() throws {
        func yaml(_ definition: String) -> String {
            """
            align: { objective: clip }
            instruments:
              my-arm:
                definition: \(definition)
                encoder: { kind: auto-encoder }
                projection: { kind: mlp }
            """
        }
        let grid = "grid: { linear: { start: 4500, step: 4, count: 512 } }"
        let made = try Configuration(yaml: yaml("{ \(grid), gaps: [[5000, 5100]] }"), source: "x").resolvedInstruments()
        let instrument = try #require(made.first?.instrument)
        #expect(instrument.name == "my-arm" && instrument.dataSetKey == "my_arm" && instrument.title == "my-arm")
        #expect(instrument.gaps == [5000...5100] && instrument.normalisation == .none)
        let coded = try JSONDecoder().decode(Instrument.self, from: JSONEncoder().encode(instrument))
        #expect(coded == instrument)
        for (wrong, part) in [
            ("{ \(grid), gaps: [[5100, 5000]] }", "is no range"), ("{ \(grid), gap: [] }", "did you mean 'gaps'?"),
            ("{ \(grid), gaps: [[1, 99999]] }", "leaves nothing"),
            ("{ \(grid), normalisation: { sum: {} } }", "known are"),
            ("{ grid: { linear: { start: 4500, step: 0, count: 512 } } }", "no increasing wavelengths"),
        ] {
            #expect { try Configuration(yaml: yaml(wrong), source: "x").resolvedInstruments() } throws: {
                "\($0)".contains(part) && !"\($0)".contains("\n")
            }
        }
    }
}
