import Foundation
import LearnedResults
import TestFiles
import Testing
import Torch
@testable import Datasets
@testable import Instruments
@testable import Spectra
@testable import Tables

/// What goes wrong with trainings: each is answered in one line that names file, field and remedy, and what was
/// reached before stays.
struct TrainingCommandTests {
    private let fixture: TrainingFixture
    private var folder: TemporaryFolder { fixture.folder }

    init() throws { fixture = try TrainingFixture() }

    private func expectFailure(_ arguments: [String], words: [String]) throws {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 1, "\(outcome.output) \(outcome.errors)")
        #expect(outcome.output.isEmpty)
        let line = try #require(outcome.errorLines.last)
        #expect(line.hasPrefix("specclip: ") && outcome.errorLines.filter { $0.hasPrefix("specclip: ") }.count == 1)
        for word in words { #expect(line.contains(word), "\(line)") }
    }

    private func replace(_ text: String, by other: String) throws {
        let yaml = TrainingFixture.yaml()
        let range = try #require(yaml.range(of: text))
        try fixture.write(yaml.replacingCharacters(in: range, with: other))
    }

    /// What replaces what in a good configuration, and words of the answer.
    static let spoilt: [(text: String, by: String, words: [String])] = [
        ("learningRate", "learnRate", ["training.learnRate", "did you mean 'learningRate'"]),
        ("steps: 40", "steps: many", ["lamost-lrs.pretrain.training.steps", "expected Int"]),
        ("batch: 16", "batch: 0", ["training.batch", "at least 1"]),
        ("heads: 2", "heads: 3", ["encoder", "multiple of heads (3)"]),
        ("section: 40", "section: 4000", ["tokens.section", "4000", "1462"]),
        ("maxTokens: 80", "maxTokens: 8", ["maxTokens", "37 tokens"]),
        ("width: 2 }", "width: 30 }", ["mask", "smaller width"]),
        ("cross-attention, heads: 2", "cross-attention, heads: 5", ["projection.heads", "16", "multiple of 5"]),
        ("decoder: { hidden: [16]", "decoder: { hidden: [-1]", ["decoder.hidden", "-1"]),
        ("dropout: 0.1", "dropout: 1.5", ["dropout", "[0, 1)"]),
        ("bottleneck: 8", "bottleneck: 0", ["bottleneck"]),
        ("embedding: 16", "embedding: 0", ["embedding"]),
        ("gaia-xp:", "gaia-x:", ["instruments.gaia-x", "did you mean 'gaia-xp'"]),
        ("{ batch", "{ { batch", ["not valid YAML"]),
        ("instruments:", "instrument:", ["unknown key 'instrument'", "did you mean 'instruments'"]),
    ]

    @Test(arguments: spoilt)
    func spoiltConfiguration(_ spoilt: (text: String, by: String, words: [String])) throws {
        try replace(spoilt.text, by: spoilt.by)
        try expectFailure(fixture.arguments("pretrain", run: "run"), words: ["small.yaml"] + spoilt.words)
        #expect(folder.contents == ["pairs.h5", "small.yaml"], "nothing was begun")
    }

    @Test func missingThings() throws {
        var arguments = fixture.arguments("pretrain", run: "run")
        arguments[1] = "tyni"
        try expectFailure(arguments, words: ["tyni", "no such file", "tiny, small, small-miles, paper"])
        try expectFailure(
            ["pretrain", fixture.configuration, "--data", folder.path("none.h5")], words: ["none.h5", "no such file"])
        try expectFailure(fixture.arguments("align", run: "run"), words: ["encoder.safetensors", "specclip pretrain"])
        try expectFailure(
            fixture.arguments("labels fit", run: "run"), words: ["align/model.safetensors", "specclip align"])
        try expectFailure(
            fixture.arguments("pretrain", run: "run") + ["--instrument", "hubble"],
            words: ["hubble", "gaia-xp, lamost-lrs"])
        try expectFailure(fixture.arguments("pretrain", run: "small.yaml"), words: ["small.yaml", "Not a directory"])
    }

    /// A data set without one of the instruments, with NaN in it, or of few stars.
    private func write(_ name: String, instruments: [Instrument], rows: Int, validation: Int = 0) throws -> String {
        let writer = try PairedDataSetWriter(
            creating: folder.url.appending(path: name), instruments: instruments, labels: [], tier: "test")
        for (split, count) in [(Split.train, rows), (.validation, validation)] {
            try writer.append(
                split: split,
                rows: (0..<count).map { row in
                    PairedRow(
                        sourceID: "\(row)",
                        flux: Dictionary(
                            uniqueKeysWithValues: instruments.map { instrument in
                                let flux = (0..<instrument.grid.count).map { 1 + 0.1 * sin(Float($0 * (row + 1))) }
                                return (instrument.dataSetKey, flux)
                            }))
                })
        }
        try writer.finish()
        return folder.path(name)
    }

    @Test func unfitDataSets() throws {
        let single = try write("xp.h5", instruments: [.gaiaXP], rows: 40)
        func arguments(_ stage: String, _ data: String) -> [String] {
            fixture.arguments(stage, run: "run").map { $0 == fixture.data ? data : $0 }
        }
        try expectFailure(
            arguments("pretrain", single) + ["--instrument", "lamost-lrs"],
            words: ["xp.h5", "train/lamost_spectra", "no spectra of LAMOST LRS"])
        let one = try write("one.h5", instruments: [.gaiaXP, .lamostLRS], rows: 1)
        try expectFailure(arguments("pretrain", one), words: ["training split has 1 rows", "at least 2"])
        // Fewer rows than a batch, none to validate on: said, and done.
        let few = try write("few.h5", instruments: [.gaiaXP, .lamostLRS], rows: 8)
        for stage in ["pretrain", "align"] {
            let outcome = try Tool.run(arguments(stage, few))
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("no validation split"))
            #expect(outcome.errors.contains("batch 16 is more than there is: 8 spectra a step"))
        }
        try expectFailure(arguments("labels fit", few), words: ["few.h5", "teff", "no such label"])
    }

    /// Our writer refuses NaN, other programs do not.
    private func writeWithNaN(_ name: String, in poisoned: Split) throws -> String {
        let file = try HDF5File(creating: folder.url.appending(path: name))
        for split in [Split.train, .validation] {
            try file.createGroup(split.rawValue)
            for instrument in [Instrument.gaiaXP, .lamostLRS] {
                let pixels = instrument.grid.count
                var flux = (0..<20 * pixels).map { 1 + 0.1 * sin(Float($0)) }
                if split == poisoned { flux[3 * pixels + 7] = .nan }
                try file.createDataSet(
                    "\(split.rawValue)/\(instrument.dataSetKey)_spectra", row: [pixels, 1], element: .float32
                ).append(flux)
            }
        }
        try file.flush()
        return folder.path(name)
    }

    @Test(arguments: [Split.train, .validation])
    func lossThatIsNotFinite(split: Split) throws {
        let data = try writeWithNaN("nan.h5", in: split)
        let arguments = fixture.arguments("pretrain", run: "run").map { $0 == fixture.data ? data : $0 }
        let name = split == .train ? "the loss" : "the validation loss"
        try expectFailure(arguments, words: ["gaia-xp: \(name) is not finite at step", "not-finite.json", "lower"])
        let report = try Data(contentsOf: fixture.file("run", "gaia-xp/not-finite.json"))
        struct Report: Decodable { let split: String, step: Int, rows: [Int] }
        let decoded = try JSONDecoder().decode(Report.self, from: report)
        #expect(decoded.rows.contains(3) && decoded.step >= 1)
        #expect(decoded.split == (split == .train ? "training" : "validation"))
        #expect(!FileManager.default.fileExists(atPath: fixture.file("run", "gaia-xp/encoder.safetensors").path))
        // A checkpoint, where there is one, is a good one.
        let last = fixture.file("run", "gaia-xp/last.safetensors")
        guard FileManager.default.fileExists(atPath: last.path) else { return }
        for (name, tensor) in try SafetensorsFile(contentsOf: last).all() where tensor.dtype.isFloatingPoint {
            #expect(tensor.sum().item().isFinite, "\(name)")
        }
    }

    @Test func oneProcessPerFolder() throws {
        try fixture.write(TrainingFixture.yaml(steps: 1_000_000))
        let first = try Tool.start(fixture.arguments("pretrain", run: "run"))
        let lock = fixture.file("run", "gaia-xp/lock")
        while first.isRunning, !FileManager.default.fileExists(atPath: lock.path) { usleep(2000) }
        usleep(50_000)
        try expectFailure(
            fixture.arguments("pretrain", run: "run"), words: ["run/gaia-xp: process", "is training there", "--run"])
        first.signal(SIGKILL)
        _ = try first.outcome()
        // What the killed one left does not stand in the way.
        #expect(FileManager.default.fileExists(atPath: lock.path))
        try fixture.write(TrainingFixture.yaml())
        let next = try Tool.run(fixture.arguments("pretrain", run: "run") + ["--restart"])
        #expect(next.code == 0, "\(next.errors)")
        #expect(!FileManager.default.fileExists(atPath: lock.path))
    }

    /// A head with a section `posterior` gives intervals and flags; its report names coverage and simpler methods.
    @Test(.timeLimit(.minutes(8))) func posteriorsAndTheirReport() throws {
        let fixture = try TrainingFixture(count: 600)
        let flow = "posterior: { transforms: 1, hidden: 8, bins: 4 }, members: 2"
        try fixture.write(
            TrainingFixture.yaml().replacingOccurrences(of: "gaia-xp: { hidden: [16]", with: "gaia-xp: { \(flow)")
                .replacingOccurrences(
                    of: "lamost-lrs: { hidden: [16]",
                    with: "lamost-lrs: { \(flow), names: [teff, logg, rv], augment: { gaps: 0.5 }, spectra: 500"))
        for stage in ["pretrain", "align", "labels fit"] {
            let result = try Tool.run(fixture.arguments(stage, run: "run"))
            #expect(result.code == 0, "\(stage): \(result.errors)")
        }
        let model = fixture.file("run", "model.safetensors").path
        var result = try Tool.run(["predict", "-m", model, fixture.data, "--format", "csv", "--samples", "500"])
        #expect(result.code == 0, "\(result.errors)")
        let rows = result.output.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let columns = Dictionary(uniqueKeysWithValues: rows[0].enumerated().map { (String($1), $0) })
        func value(_ row: Int, _ name: String) -> Double { columns[name].flatMap { Double(rows[row][$0]) } ?? .nan }
        #expect(rows.count > 20)
        for row in 1..<rows.count {
            let interval = value(row, "teff_16")...max(value(row, "teff_16"), value(row, "teff_84"))
            #expect(interval.contains(value(row, "teff")) && value(row, "flag") >= 0)
        }
        // A star is read alike whatever is read beside it.
        let limited = try Tool.run(
            ["predict", "-m", model, fixture.data, "--format", "csv", "--samples", "500", "--limit", "1"])
        let alone = limited.output.split(separator: "\n")[1].split(separator: ",", omittingEmptySubsequences: false)
        let same = try #require(
            (1..<rows.count).first { row in
                ["file", "instrument"].allSatisfy { columns[$0].map { rows[row][$0] == alone[$0] } ?? false }
            })
        // But for what the order of sums does to the last digits.
        for name in ["teff", "teff_16", "teff_84"] {
            let own = columns[name].flatMap { Double(alone[$0]) } ?? .nan
            #expect(abs(own - value(same, name)) <= 2, "\(name)")
        }

        // Both instruments together: one row a star, sharper than either, and the same whichever way it is interrupted.
        result = try Tool.run(["predict", "-m", model, fixture.data, "--together", "--format", "csv"])
        let together = result.output.split(separator: "\n")
        #expect(result.code == 0 && together.count == (rows.count - 1) / 2 + 1, "\(result.errors)")
        #expect(together.dropFirst().allSatisfy { $0.contains("gaia-xp+lamost-lrs") })
        #expect(!result.errors.contains("labels calibrate"))
        try recalibrates(fixture, model)

        let folder = fixture.folder.path("report")
        result = try Tool.run([
            "labels", "report", fixture.data, "-m", model, "--baselines", fixture.data, "-o", folder,
        ])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("in 68 %") && result.output.contains("flags:"))
        let report = try String(contentsOfFile: folder + "/report.json", encoding: .utf8)
        for name in ["quadratic model", "linear probe", "MLP on flux", "uniformity", "procedural"] {
            #expect(report.contains(name), "\(name)")
        }
        result = try Tool.run(["labels", "report", fixture.data, "-m", model, "-o", folder])
        #expect(result.code == 1 && result.errors.contains("--force"))
    }

    /// Stars that travel in the model are found without a data set.
    @Test(.tags(.learned)) func aModelBringsItsStars() throws {
        let fixture = try TrainingFixture(count: 400)
        for stage in ["pretrain", "align"] {
            let outcome = try Tool.run(fixture.arguments(stage, run: "run"))
            #expect(outcome.code == 0, "\(stage): \(outcome.errors)")
        }
        let model = fixture.file("run", "align/model.safetensors").path
        let withAtlas = fixture.folder.path("with-atlas.safetensors")
        var result = try Tool.run(["search", "-m", model, fixture.data])
        #expect(result.code == 1 && result.errors.contains("brings no stars to search among"))
        result = try Tool.run([
            "model", "atlas", fixture.data, "--instrument", "gaia-xp", "--limit", "50", "-m", model, "-o", withAtlas,
        ])
        #expect(
            result.code == 0 && result.output.contains("50 gaia-xp spectra of procedural, train"), "\(result.errors)")
        let half = fixture.folder.path("half.safetensors")
        result = try Tool.run(["convert", withAtlas, half, "--precision", "float16"])
        #expect(result.code == 0, "\(result.errors)")
        result = try Tool.run([
            "search", "-m", half, fixture.data, "--split", "train", "--instrument", "gaia-xp", "--top", "1", "--format",
            "csv", "--limit", "500",
        ])
        #expect(result.code == 0, "\(result.errors)")
        let found = result.output.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        // Each of the fifty finds itself.
        let own = found.count { $0[1] == $0[3] && (Double($0[5]) ?? 0) > 0.9999 }
        expectLearned(own, exactly: 50, "search: of fifty stars in the model, found by themselves")
    }

    /// A model of an older version, without priors and calibration, is read with a note; `labels calibrate` gives it what
    /// `labels fit` gives at its end, and leaves its networks alone.
    private func recalibrates(_ fixture: TrainingFixture, _ model: String) throws {
        let (old, new) = (fixture.folder.path("old.safetensors"), fixture.folder.path("new.safetensors"))
        let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: model))
        func heads(_ path: String) throws -> [String: [String: Any]] {
            let text = try #require(try SafetensorsFile(contentsOf: URL(fileURLWithPath: path)).metadata["labels"])
            return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]])
        }
        let whole = try heads(model)
        let bare = whole.mapValues { $0.filter { $0.key != "prior" && $0.key != "calibration" } }
        var metadata = file.metadata
        metadata["labels"] = String(decoding: try JSONSerialization.data(withJSONObject: bare), as: UTF8.self)
        try SafetensorsFile.write(
            file.names.map { ($0, try file.tensor($0)) }, metadata: metadata, to: URL(fileURLWithPath: old))

        var result = try Tool.run(["model", "info", old])
        #expect(result.output.contains("not calibrated") && result.output.contains("prior: not known"))
        result = try Tool.run(["predict", "-m", old, fixture.data, "--together", "--format", "csv", "--limit", "2"])
        #expect(result.code == 0 && result.errorLines.count == 1 && result.errors.contains("labels calibrate"))

        let calibrate = ["labels", "calibrate", fixture.configuration, "--data", fixture.data, "--threads", "1"]
        result = try Tool.run(calibrate + ["-m", old, "-o", new])
        #expect(result.code == 0 && result.output == new + "\n", "\(result.errors)")
        #expect(result.errors.contains("centre and width alone calibrated on"), "\(result.errors)")
        let made = try heads(new)
        #expect(Set(made.keys) == Set(whole.keys))
        for (key, head) in made {
            #expect(head["calibration"] as? NSDictionary == whole[key]?["calibration"] as? NSDictionary, "\(key)")
        }
        #expect(made["gaia_xp"]?["prior"] as? NSDictionary == whole["gaia_xp"]?["prior"] as? NSDictionary)
        #expect(made["lamost_lrs"]?["prior"] is NSDictionary && whole["gaia_xp"]?["prior"] is NSDictionary)
        let written = try SafetensorsFile(contentsOf: URL(fileURLWithPath: new))
        #expect(Set(written.names) == Set(file.names))
        for name in file.names { #expect(try written.tensor(name).floats() == file.tensor(name).floats(), "\(name)") }
        result = try Tool.run(["model", "info", new])
        #expect(result.output.contains("prior: density of the training labels"))
        result = try Tool.run(["predict", "-m", new, fixture.data, "--together", "--format", "csv", "--limit", "2"])
        #expect(result.code == 0 && result.errors.isEmpty, "\(result.errors)")

        // Another head than the configuration describes is not calibrated by it.
        try fixture.write(
            try String(contentsOfFile: fixture.configuration, encoding: .utf8)
                .replacingOccurrences(of: "names: [teff, logg, rv]", with: "names: [teff, logg]"))
        result = try Tool.run(calibrate + ["-m", old, "-o", fixture.folder.path("other.safetensors")])
        #expect(result.code == 1 && result.errorLines.last?.contains("it reads teff, logg, rv") == true)
        result = try Tool.run(["labels", "calibrate", "tiny", "-m", old, "-o", fixture.folder.path("o.safetensors")])
        #expect(result.code == 1 && result.errorLines.count == 1 && result.errors.contains("none has a posterior"))
    }

    @Test func alignsWithAnotherObjective() throws {
        #expect(try Tool.run(fixture.arguments("pretrain", run: "run")).code == 0)
        let align = fixture.arguments("align", run: "run")
        #expect(try Tool.run(align + ["--objective", "clip-orderd"]).code == 2)
        try expectFailure(
            align + ["--objective", "clip-split"], words: [fixture.configuration, "privateEmbedding", "is missing"])
        let ordered = try Tool.run(align + ["--objective", "clip-ordered", "--steps", "3"])
        #expect(ordered.code == 0, "\(ordered.errors)")
        try expectFailure(align, words: ["run/align", "other settings"])
        let model = fixture.file("run", "align/model.safetensors")
        #expect(try !SafetensorsFile(contentsOf: model).names.contains { $0.contains("sharpness") })
        #expect(try SafetensorsFile(contentsOf: model).names.contains { $0.contains("backbone") })
        for name in ["align/last.safetensors", "align/best.safetensors"] {
            let names = try SafetensorsFile(contentsOf: fixture.file("run", name)).names
            #expect(!names.contains { $0.contains("backbone") && ($0.hasSuffix("weight") || $0.hasSuffix("bias")) })
            #expect(names.contains { $0.contains("projection") })
        }
        // Features that something spoilt, of the right size and with the right note, are made anew.
        let features = fixture.file("run", "align/features-gaia-xp-training.f32")
        let sound = try Data(contentsOf: features)
        try Data(count: sound.count).write(to: features)
        let again = try Tool.run(align + ["--objective", "clip-ordered", "--steps", "3", "--restart"])
        #expect(again.code == 0, "\(again.errors)")
        #expect(try Data(contentsOf: features) == sound)
        let codes = folder.path("z.npz")
        let embed = try Tool.run([
            "embed", "-m", model.path, fixture.data, "--split", "train", "--width", "2", "-o", codes,
        ])
        #expect(embed.code == 0, "\(embed.errors)")
        #expect(try NPZ.read(URL(fileURLWithPath: codes))["gaia_xp"]?.shape.last == 2)
    }

    @Test func otherSettingsAndDamagedCheckpoints() throws {
        func pretrain(_ more: String...) -> [String] { fixture.arguments("pretrain", run: "run") + more }
        #expect(try Tool.run(pretrain()).code == 0)
        #expect(try Tool.run(fixture.arguments("align", run: "run")).code == 0)
        try expectFailure(pretrain("--seed", "7"), words: ["was seed 42, now seed 7", "--restart"])
        #expect(try Tool.run(pretrain("--seed", "7", "--restart")).code == 0)
        // The alignment was made with the former encoders.
        try expectFailure(fixture.arguments("align", run: "run"), words: ["run/align", "other settings", "--restart"])
        try replace("width: 16", by: "width: 32")
        try expectFailure(
            fixture.arguments("align", run: "run"),
            words: ["lamost-lrs/encoder.safetensors", "not the encoder of this configuration", "[32, 41]"])
        try fixture.write(TrainingFixture.yaml())
        let last = fixture.file("run", "gaia-xp/last.safetensors")
        let whole = try Data(contentsOf: last)
        try whole.prefix(whole.count / 2).write(to: last)
        try expectFailure(pretrain("--seed", "7"), words: ["gaia-xp/last.safetensors", "cut short", "begin anew"])
    }
}
