import Datasets
import Foundation
import Instruments
import LearnedResults
import SpecCLIP
import Spectra
import StarReading
import Support
import Tables
import TestFiles
import Testing
import Torch
import Training

/// A third instrument (512 pixels, linear, with a gap) joins the two that come with the library, on stars of which few were
/// seen by all three: once without a line of Swift, once with one file of it.
@Suite(.serialized) struct ThirdInstrumentTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private static let definition =
        "{ title: Slit Arm, grid: { linear: { start: 4500, step: 4, count: 512 } }, "
        + "normalisation: { pixel: { wavelength: 6000 } }, gaps: [[5400, 5480]] }"

    /// From a keyboard: a YAML file, then commands.
    @Test(.tags(.learned), .timeLimit(.minutes(5))) func inYAMLAlone() throws {
        let yaml = ToyStars.yaml(
            "slit-arm", definition: Self.definition,
            encoder:
                "{ kind: auto-encoder, hidden: 64, bottleneck: 16, encoderBlocks: 1, decoderBlocks: 1, expansion: 1 }")
        let configuration = folder.path("three.yaml")
        try yaml.write(toFile: configuration, atomically: true, encoding: .utf8)
        let instruments = try Configuration(yaml: yaml, source: "three.yaml").resolvedInstruments().map(\.instrument)
        let third = try #require(instruments.first { $0.name == "slit-arm" })
        #expect(third.grid.count == 512 && third.title == "Slit Arm" && third.dataSetKey == "slit_arm")
        try ToyStars(instruments: instruments).write(to: folder.file("three.h5"), seed: 1)
        let run = ["--run", folder.path("run"), "--data-folder", folder.url.path, "--threads", "1", "--device", "cpu"]
        for stage in [["pretrain"], ["align"], ["labels", "fit"]] {
            try specclip(stage + [configuration] + run)
        }
        let model = folder.path("run/model.safetensors")
        #expect(try specclip(["model", "info", model]).contains("Slit Arm"))
        #expect(try specclip(["data", "info", folder.path("three.h5")]).contains("slit-arm"))

        // Stars that no training has seen, as a file of the user's.
        var random = SeededGenerator(seed: LearnedResults.seed(7))
        let stars = (0..<40).map { ToyStars.star(10_000 + $0, &random) }
        let files = try stars.map { star in
            let spectrum = ToyStars.spectrum(star, of: third, sigma: 0.02, &random)
            let lines = spectrum.wavelength.indices.map { pixel in
                // What stands in the gap is no data, whatever a file says.
                let inGap = (5400...5480).contains(spectrum.wavelength[pixel])
                return "\(spectrum.wavelength[pixel]),\(inGap ? 99 : spectrum.flux[pixel]),2500"
            }
            let path = folder.path(star.id + ".csv")
            try (["wavelength,flux,ivar"] + lines).joined(separator: "\n").write(
                toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        try specclip(["predict", "-m", model, "-o", folder.path("read.npz")] + files)
        let read = try NPZ.read(folder.file("read.npz"))
        #expect(read["instrument"]?.strings == files.map { _ in "slit-arm" })
        let teff = zip(stars, try #require(read["teff"]?.doubles)).map { ($0.teff, $1) }
        // 0.218 ± 0.046 (14).
        expectLearned(Self.scatter(teff) / 577, below: 0.4, "third instrument (YAML): r.m.s. of teff in its spread")

        // Known stars, found by what the third instrument saw of them; most of these LAMOST has seen as well.
        let found = try specclip([
            "search", folder.path("three.h5"), "-m", model, "--instrument", "slit-arm", "--in", folder.path("three.h5"),
            "--among", "lamost-lrs", "--top", "5", "--format", "csv",
        ])
        let rows = found.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
        let known = try PairedDataSet(opening: folder.file("three.h5"))
        let both = try known.rows(seenBy: [third, .lamostLRS], split: .test)
        #expect(Set(rows.map { $0[1] }).count == (try known.rows(seenBy: [third], split: .test).count))
        let refound = Set(rows.filter { $0[1] == $0[3] }.map { $0[1] }).count
        // 0.460 ± 0.073 (14); by chance 0.06.
        expectLearned(Double(refound) / Double(both.count), above: 0.2, "third instrument (YAML): own star among five")

        try specclip(["translate"] + files + ["-m", model, "--to", "gaia-xp", "-o", folder.path("xp.npz")])
        let xp = try #require(try NPZ.read(folder.file("xp.npz"))["flux"]?.doubles)
        let truth = stars.flatMap { star in
            Instrument.gaiaXP.grid.wavelengths.map { ToyStars.flux(star, at: $0) / ToyStars.flux(star, at: 5500) }
        }
        let pixels = Instrument.gaiaXP.grid.count
        let mean = (0..<pixels).map { pixel in
            stars.indices.map { truth[$0 * pixels + pixel] }.reduce(0, +) / Double(stars.count)
        }
        let off = zip(xp, truth).map { abs($0 - $1) }.reduce(0, +)
        let scatter = truth.indices.map { abs(truth[$0] - mean[$0 % pixels]) }.reduce(0, +)
        // 0.474 ± 0.166 (14); the mean star has 1.
        expectLearned(
            off / scatter, below: 1,
            "third instrument (YAML): translations, in units of the scatter about the mean star")
    }

    /// In one Swift file each: instrument and file layout, encoder, objective term; and a label registered in a line.
    @Test(.tags(.learned), .timeLimit(.minutes(5))) func inOneSwiftFileEach() throws {
        Instrument.register(.halfArm)
        SpectrumReader.register(HalfArmFormat.self)
        EncoderConfiguration.register(WeightedEncoderSizes.self)
        WeightedTerm.register(CentredTerm.self)
        StellarLabel.register(StellarLabel("age", title: "Age", unit: "Gyr", digits: 1))

        let yaml = ToyStars.yaml(
            "half-arm", definition: nil, encoder: "{ kind: weighted, width: 16 }",
            terms: ", terms: { centred: { weight: 0.1 } }")
        let configuration = try Configuration(yaml: yaml, source: "three.yaml")
        let instruments = try configuration.resolvedInstruments().map(\.instrument)
        #expect(instruments.contains(.halfArm))
        try ToyStars(instruments: instruments).write(to: folder.file("three.h5"), seed: 2)
        let sink = Losses()
        let context = StageContext(
            configuration, dataFolder: URL(fileURLWithPath: folder.url.path, isDirectory: true),
            folder: folder.file("run"), progress: { _ in sink })
        for (instrument, part) in try configuration.resolvedInstruments() {
            #expect(try Pretraining(instrument, part, context: context).run().isFinished)
        }
        #expect(try Alignment(context: context).run().isFinished)
        #expect(sink.names.contains("centred"))
        #expect(try LabelFitting(context: context).run())
        // The gap is 20 of 512 pixels: both trainings and readings must have told the encoder so.
        WeightedEncoder.seen.withLock { seen in
            for isTraining in [true, false] { #expect((seen[isTraining] ?? 0) > 0.03) }
        }

        let reader = try StarReader(contentsOf: LabelFitting(context: context).output)
        var random = SeededGenerator(seed: LearnedResults.seed(8))
        let stars = (0..<40).map { ToyStars.star(20_000 + $0, &random) }
        let spectra = try stars.flatMap { star in
            let url = folder.file(star.id + ".jsonl")
            try HalfArmFormat.write(
                ToyStars.spectrum(star, of: .halfArm, sigma: 0.02, &random), sigma: 0.02, to: url)
            return try SpectrumReader.read(url)
        }
        let read = try reader.read(spectra)
        let age = try #require(read[0].estimates.first { $0.label.name == "age" })
        #expect(age.label.unit == "Gyr" && age.label.title == "Age")
        func values(_ name: String) -> [Double] {
            read.map { $0.estimates.first { $0.label.name == name }?.value ?? .nan }
        }
        // 0.088 ± 0.023 (13), 0.088 ± 0.021 (13).
        let (teff, ages) = (
            zip(stars, values("teff")).map { ($0.teff, $1) }, zip(stars, values("age")).map { ($0.age, $1) }
        )
        expectLearned(Self.scatter(teff) / 577, below: 0.2, "third instrument (Swift): r.m.s. of teff in its spread")
        expectLearned(Self.scatter(ages) / 2.89, below: 0.2, "third instrument (Swift): r.m.s. of age in its spread")
        let observations = try spectra.map { try Observation($0, among: reader.instruments) }
        #expect(observations.allSatisfy { $0.instrument == .halfArm && $0.prepared.mask.contains(true) })
        let flux = try reader.translate(observations, try reader.embed(observations), to: .gaiaXP)
        #expect(flux.allSatisfy(\.isFinite) && flux.count == 40 * Instrument.gaiaXP.grid.count)
    }

    /// Root mean square of residuals.
    private static func scatter(_ pairs: [(Double, Double)]) -> Double {
        (pairs.map { ($0 - $1) * ($0 - $1) }.reduce(0, +) / Double(max(1, pairs.count))).squareRoot()
    }

    @discardableResult
    private func specclip(_ arguments: [String]) throws -> String {
        let outcome = try Tool.run(arguments)
        if ProcessInfo.processInfo.environment["DBG"] != nil { print(outcome.errors.suffix(2500)) }
        try #require(outcome.code == 0, "\(arguments.joined(separator: " ")): \(outcome.errors)")
        return outcome.output
    }
}

/// Remembers the names of losses.
private final class Losses: ProgressSink {
    private(set) var names: Set<String> = []

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) { names.formUnion(row.losses.keys) }
    func note(_ text: String) {}
}
