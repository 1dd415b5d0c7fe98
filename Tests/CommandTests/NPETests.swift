import Foundation
import Support
import Tables
import TestFiles
import Testing

/// `specclip npe`, from simulations to samples and densities.
@Suite(.serialized) struct NPETests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// theta in two dimensions, x = theta + noise, from formulas.
    private func write(_ rows: Int, _ name: String, missing: Bool = false, columns: Int = 2) throws -> String {
        var random = SeededGenerator(seed: UInt64(rows))
        var (theta, x): ([Float], [Float]) = ([], [])
        for row in 0..<rows {
            let own = [random.gaussian(), random.gaussian()]
            theta += own.enumerated().map { missing && row % 3 == $0.offset ? .nan : Float($0.element) }
            x += (0..<columns).map { Float(own[$0 % 2] + 0.3 * random.gaussian()) }
        }
        try NPZ.write(
            arrays: [
                ("theta", NPYArray(.float32(theta), shape: [rows, 2])),
                ("x", NPYArray(.float32(x), shape: [rows, columns])),
            ], to: folder.url.appending(path: name))
        return folder.path(name)
    }

    private func npe(_ arguments: String...) throws -> Tool.Outcome { try Tool.run(["npe"] + arguments) }

    @Test func theWholeWay() throws {
        let (data, few) = (try write(600, "data.npz", missing: true), try write(5, "few.npz"))
        let (model, samples) = (folder.path("p.safetensors"), folder.path("samples.npz"))
        let train = try npe(
            "train", data, "--kind", "maf", "--keep-order", "--members", "2", "--epochs", "2", "--names", "teff,logg",
            "-o", model)
        #expect(train.code == 0 && train.output == model + "\n", "\(train.errors)")
        #expect(folder.contents.contains("p.run"))

        let sample = try npe("sample", model, few, "--samples", "101", "-o", samples, "--json")
        #expect(sample.code == 0, "\(sample.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(sample.output.utf8)) as? [String: Any])
        #expect(report["samples"] as? Int == 101 && report["observations"] as? Int == 5)
        #expect((report["secondsPerObservation"] as? Double ?? 0) > 0)
        let drawn = try NPZ.read(URL(fileURLWithPath: samples))
        #expect(drawn["samples"]?.shape == [5, 101, 2] && drawn["names"]?.strings == ["teff", "logg"])
        let again = folder.path("again.npz")
        #expect(try npe("sample", model, few, "--samples", "101", "-o", again).output == again + "\n")
        #expect(try NPZ.read(URL(fileURLWithPath: again))["samples"] == drawn["samples"])

        let densities = folder.path("p.npz")
        let density = try npe("density", model, data, "--marginals", "-o", densities)
        #expect(density.code == 0, "\(density.errors)")
        let read = try NPZ.read(URL(fileURLWithPath: densities))
        let joint = try #require(read["log_density"]?.doubles)
        let second = try #require(read["log_marginal_logg"]?.doubles)
        #expect(joint.count == 600 && joint.allSatisfy(\.isFinite))
        // The first row misses its first parameter, the second row its second.
        #expect(abs(joint[0] - second[0]) < 1e-4 && second[1].isNaN)
        let table = try npe("density", model, few)
        #expect(table.code == 0 && table.output.contains("log_density"))
    }

    @Test func aSecondCallFindsTheRunFinished() throws {
        let (data, model) = (try write(200, "data.npz"), folder.path("p.safetensors"))
        func train(_ more: String...) throws -> Tool.Outcome {
            try Tool.run(["npe", "train", data, "--epochs", "1", "-o", model] + more)
        }
        #expect(try train().code == 0)
        let first = try Data(contentsOf: URL(fileURLWithPath: model))
        let second = try train()
        #expect(second.code == 0 && second.errors.contains("finished before"), "\(second.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == first)
        let other = try train("--kind", "maf")
        #expect(other.code == 1 && other.errors.contains("started with other settings"), "\(other.errors)")
        #expect(try train("--kind", "maf", "--restart").code == 0)
    }

    @Test func badInputIsOneClearLine() throws {
        let (data, model) = (try write(200, "data.npz"), folder.path("p.safetensors"))
        #expect(try npe("train", data, "--epochs", "1", "-o", model).code == 0)
        func problem(_ arguments: String...) throws -> String {
            let outcome = try Tool.run(["npe"] + arguments)
            #expect(outcome.code == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome)")
            return outcome.errors
        }
        let other = folder.path("other.safetensors")
        #expect(try problem("train", folder.path("none.npz"), "-o", other).contains("does not exist"))
        #expect(
            try problem("train", data, "--theta", "y", "-o", other)
                .contains("data.npz: y: no such array; the file has theta, x; name one with --theta"))
        let holes = try write(201, "holes.npz", missing: true)
        #expect(try problem("train", holes, "-o", other).contains("labels: some are missing; set fixedOrder: true"))
        #expect(try problem("train", try write(20, "few.npz"), "-o", other).contains("theta_1: is known for 20 rows"))
        let wide = try write(10, "wide.npz", columns: 3)
        let samples = folder.path("s.npz")
        #expect(
            try problem("sample", model, wide, "-o", samples)
                .contains("wide.npz: x: 3 columns, the posterior was trained on 2"))
        #expect(try problem("sample", data, data, "-o", samples).contains("data.npz"))
        #expect(try problem("sample", other, data, "-o", samples).contains("make one with `specclip npe train`"))
        #expect(try problem("density", model, holes).contains("need a flow that keeps the order of labels"))
        #expect(try problem("density", model, data, "--marginals").contains("need a flow that keeps the order"))
        #expect(!folder.contents.contains("s.npz"))
        try Data("transform: 3".utf8).write(to: folder.url.appending(path: "c.yaml"))
        #expect(
            try problem("train", data, "--config", folder.path("c.yaml"), "-o", other)
                .contains("did you mean 'transforms'"))
    }
}
