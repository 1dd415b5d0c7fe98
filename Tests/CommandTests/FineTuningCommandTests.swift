import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Spectra

/// Encoders that learn from labels, between pre-training and alignment.
struct FineTuningCommandTests {
    /// An encoder that has a section `finetune` is taught labels between pre-training and alignment.
    @Test func fineTunes() throws {
        let fixture = try TrainingFixture()
        let section = """
                finetune:
                  names: [teff, rv]
                  hidden: [8]
                  pretraining: 0.1
                  augment: { observing: { signalToNoise: 50 }, continuumWarp: 0.01, skyResiduals: 0.2, gaps: 0.2 }
                  training: { batch: 16, steps: 30, validateEvery: 10 }
                projection: { kind: cross-attention
            """
        let plain = TrainingFixture.yaml()
        try fixture.write(plain.replacingOccurrences(of: "    projection: { kind: cross-attention", with: section))
        var result = try Tool.run(fixture.arguments("finetune", run: "run"))
        #expect(result.code == 1 && result.errors.contains("specclip pretrain"))
        #expect(try Tool.run(fixture.arguments("pretrain", run: "run")).code == 0)
        result = try Tool.run(fixture.arguments("align", run: "run"))
        #expect(result.code == 1 && result.errors.contains("specclip finetune"))
        result = try Tool.run(fixture.arguments("finetune", run: "run"))
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.hasSuffix("finetune-lamost-lrs/encoder.safetensors\n"))
        #expect(try Tool.run(fixture.arguments("align", run: "run")).code == 0)

        // The same again is found finished; a section for another instrument's grid is refused.
        #expect(try Tool.run(fixture.arguments("finetune", run: "run")).errors.contains("finished before"))
        // Further labels after the first; what was finished stays.
        let more = """
                  - names: [teff]
                    hidden: [8]
                    dropout: 0.1
                    degreesOfFreedom: 4
                    encoderRate: 0.3
                    encoderDropout: 0.02
                    augment: { velocity: 50 }
                    training: { batch: 16, steps: 10, validateEvery: 5 }
                projection:
            """
        let list = section.replacingOccurrences(of: "      names", with: "      - names")
            .replacingOccurrences(of: "\n      ", with: "\n        ").replacingOccurrences(
                of: "        - ", with: "      - "
            )
            .replacingOccurrences(of: "    projection:", with: more)
        try fixture.write(plain.replacingOccurrences(of: "    projection: { kind: cross-attention", with: list))
        result = try Tool.run(fixture.arguments("finetune", run: "run"))
        #expect(result.code == 0 && result.errors.contains("finished before"), "\(result.errors)")
        #expect(result.output.hasSuffix("finetune-lamost-lrs-2/encoder.safetensors\n"))
        // The alignment of before was of another encoder.
        result = try Tool.run(fixture.arguments("align", run: "run"))
        #expect(result.code == 1 && result.errors.contains("--restart"))
        result = try Tool.run(fixture.arguments("align", run: "run") + ["--restart"])
        #expect(result.code == 0, "\(result.errors)")
        try fixture.write(
            plain.replacingOccurrences(
                of: "    projection: { kind: mlp",
                with: section.replacingOccurrences(of: "cross-attention", with: "mlp")))
        result = try Tool.run(fixture.arguments("finetune", run: "other"))
        #expect(result.code == 1 && result.errors.contains("gaia-xp.finetune.augment.observing"))
        try fixture.write(plain)
        result = try Tool.run(fixture.arguments("finetune", run: "other"))
        #expect(result.code == 1 && result.errors.contains("there is no such section"))
    }

    /// An encoder that is taught once more without each fold has posteriors that are learned, and calibrated, on all stars.
    @Test(.timeLimit(.minutes(8))) func crossFits() throws {
        let fixture = try TrainingFixture(count: 200)
        let set = try PairedDataSet(opening: URL(fileURLWithPath: fixture.data))
        let stars = fixture.folder.file("stars.h5")
        func write(folds: Int) throws {
            let writer = try PairedDataSetWriter(
                creating: stars, instruments: [.gaiaXP], labels: ["teff", "fold"], tier: "own-labels", force: true)
            let (ids, teff) = (try set.sourceIDs(.train), try set.labels("teff", split: .train))
            let spectra = try set.spectra(.gaiaXP, split: .train, range: 0..<ids.count)
            try writer.append(
                split: .train,
                rows: ids.indices.map { row in
                    PairedRow(
                        sourceID: ids[row], flux: ["gaia": Array(spectra.flux(ofRow: row))],
                        labels: ["teff": teff[row], "fold": Double(row % folds + 1)])
                })
            try writer.finish()
        }
        try write(folds: 2)
        let section = """
                finetune: { data: \(stars.path), names: [teff], hidden: [8], crossFit: true, training: { batch: 16, steps: 30 } }
                projection: { kind: mlp
            """
        let head =
            "gaia-xp: { data: \(stars.path), names: [teff], scale: mine, posterior: { transforms: 1, hidden: 8, bins: 4 }, "
        let plain = TrainingFixture.yaml()
        let yaml = plain.replacingOccurrences(of: "    projection: { kind: mlp", with: section)
            .replacingOccurrences(of: "gaia-xp: { hidden: [16], ", with: head)
        try fixture.write(yaml)
        // The data sets of the sections count.
        func arguments(_ stage: String) -> [String] {
            stage.split(separator: " ").map(String.init)
                + [
                    fixture.configuration, "--data-folder", fixture.folder.url.path, "--run",
                    fixture.folder.path("run"), "--threads", "1",
                ]
        }
        #expect(try Tool.run(arguments("pretrain")).code == 0)
        var result = try Tool.run(arguments("finetune"))
        #expect(result.code == 1 && result.errors.contains("tells of 2 folds"), "\(result.errors)")
        try write(folds: 4)
        result = try Tool.run(arguments("finetune") + ["--restart"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.errors.contains("finetune-gaia-xp-without-4"))
        for stage in ["align", "labels fit"] {
            result = try Tool.run(arguments(stage))
            #expect(result.code == 0, "\(stage): \(result.errors)")
        }
        let model = fixture.file("run", "model.safetensors").path
        result = try Tool.run(["model", "info", model])
        #expect(
            result.output.contains("4 nsf flows") && result.output.contains("on the scale of mine"), "\(result.output)")
        #expect(result.output.contains("calibrated on \(set.count(.train)) stars"), "\(result.output)")
        let json = try Tool.run(["model", "info", model, "--json"]).output
        #expect(try set.sourceIDs(.train).allSatisfy { json.contains("\"\($0)\"") })
        #expect(try Tool.run(["predict", "-m", model, fixture.data, "--instrument", "gaia-xp"]).code == 0)
        // What was calibrated so cannot be calibrated anew without the encoders of the folds.
        result = try Tool.run(
            [
                "labels", "calibrate", fixture.configuration, "--data-folder", fixture.folder.url.path, "-m", model,
                "-o",
                fixture.folder.path("anew.safetensors"),
            ])
        #expect(result.code == 1 && result.errors.contains("cross-fitting"), "\(result.errors)")
    }
}
