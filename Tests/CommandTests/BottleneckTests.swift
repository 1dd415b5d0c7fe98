import Foundation
import LearnedResults
import Tables
import TestFiles
import Testing
import Torch

/// `specclip iob`, from data to dimension.
@Suite(.serialized) struct BottleneckTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Rows of rank two in five features with a little noise (σ = 0.03), from formulas.
    private func rows(_ count: Int, features: Int = 5) -> NPYArray {
        let values = (0..<count).flatMap { row -> [Float] in
            let (u, v) = (sin(Double(row) * 12.9898) * 2, cos(Double(row) * 78.233))
            return (0..<features).map {
                let hash = sin(Double(row * features + $0) * 127.1) * 43_758.5453
                let noise = 0.1 * (hash - hash.rounded(.down) - 0.5)
                return Float(u * cos(Double($0)) + v * sin(Double($0) * 2 + 1) + noise)
            }
        }
        return NPYArray(.float32(values), shape: [count, features])
    }

    private func write(_ array: NPYArray, _ name: String) throws -> String {
        try NPZ.write(arrays: [("rows", array)], to: folder.url.appending(path: name))
        return folder.path(name)
    }

    private let configuration = """
        width: 4
        network: { kind: dense, hidden: [], activation: relu }
        scaling: common
        training: { batch: 32, epochs: 60, learningRate: 1e-2, minimumLearningRate: 1e-4 }
        """

    @Test(.tags(.learned)) func theWholeWay() throws {
        let data = try write(rows(3000), "data.npz")
        try Data(configuration.utf8).write(to: folder.url.appending(path: "iob.yaml"))
        let model = folder.path("iob.safetensors")
        let train = try Tool.run([
            "iob", "train", data, "--config", folder.path("iob.yaml"), "--seed", "\(LearnedResults.seed(42))", "-o",
            model,
        ])
        #expect(train.code == 0 && train.output == model + "\n", "\(train.errors)")
        #expect(folder.contents.contains("iob.run"))

        let found = try Tool.run(["iob", "dimension", model, data, "--json"])
        #expect(found.code == 0, "\(found.errors)")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
        expectLearned(report["dimension"] as? Int, exactly: 2, "iob: dimension")
        let interval = try #require(report["interval"] as? [Int])
        expectLearned(interval.last, exactly: 2, "iob: interval, upper end")
        expectLearned(interval.first, exactly: 2, "iob: interval, lower end")
        #expect(report["statistic"] as? String == "noise" && report["threshold"] as? Double == 2)
        let against = try #require(report["againstRows"] as? [[String: Any]])
        #expect(against.compactMap { $0["rows"] as? Int } == [75, 150, 300])
        for rows in against {
            expectLearned((rows["dimensions"] as? [String: Int])?["noise"], exactly: 2, "iob: dimension of fewer rows")
        }
        #expect((report["noise"] as? [String: Any])?["source"] as? String == "residual")
        let curve = try #require(report["curve"] as? [[String: Any]])
        let values = curve.compactMap { $0["value"] as? Double }
        // The threshold of the statistic.
        expectLearned(values[1], above: 2, "iob: what latent 2 takes away")
        expectLearned(values[2], below: 2, "iob: what latent 3 takes away")
        #expect(
            curve.count == 5 && curve[0]["error"] is Double && curve[0]["gain"] is Double && curve[0]["p"] is Double)
        #expect((report["data"] as? String)?.contains("300 rows that training left out") == true)
        let people = try Tool.run(["iob", "dimension", model, data])
        #expect(people.output.hasPrefix("Intrinsic dimension: 2, 95 % interval 2–2"))
        #expect(people.output.contains("\n  published        2       2       2\n"), "\(people.output)")
        // The paper's statistic has no p-value.
        let wilks = try Tool.run(["iob", "dimension", model, data, "--statistic", "wilks"])
        #expect(wilks.output.contains("all of the variance") && !wilks.output.contains(" p\n"), "\(wilks.output)")
        // Noise that is given, as a number or as an array of the file, in other units.
        let given = try Tool.run(["iob", "dimension", model, data, "--noise", "0.0289", "--json"])
        #expect(given.code == 0 && given.output.contains("\"dimension\" : 2"), "\(given.errors)")
        let large = try Tool.run(["iob", "dimension", model, data, "--noise", "10"])
        #expect(large.output.hasPrefix("Intrinsic dimension: 0, 95 % interval 0–0"), "\(large.output)")
        let ivar = NPYArray(.float32(Array(repeating: 0.01, count: 15_000)), shape: [3000, 5])
        let both = folder.url.appending(path: "both.npz")
        try NPZ.write(arrays: [("rows", rows(3000)), ("ivar", ivar)], to: both)
        let weighted = ["iob", "dimension", model, both.path, "--name", "rows", "--ivar"]
        let known = try Tool.run(weighted + ["ivar"])
        #expect(known.output.hasPrefix("Intrinsic dimension: 0, 95 % interval 0–0"), "\(known.errors)")
        #expect(known.output.contains("noise: that of"))
        let missing = try Tool.run(weighted + ["errors"])
        #expect(missing.code == 1 && missing.errors.contains("no such array") && missing.errorLines.count == 1)
        #expect(try Tool.run(weighted + ["ivar", "--noise", "1"]).code == 2)
        for line in people.output.split(separator: "\n") where !line.contains(folder.url.path) {
            #expect(line.count <= 80, "\(line)")
        }

        let codes = folder.path("codes.npz")
        let compress = try Tool.run(
            ["iob", "compress", model, data, "--width", "2", "--reconstruct", "-o", codes])
        #expect(compress.code == 0, "\(compress.errors)")
        let archive = try NPZ.read(URL(fileURLWithPath: codes))
        #expect(archive["code"]?.shape == [3000, 2])
        let rebuilt = try #require(archive["reconstruction"]?.floats)
        let truth = try #require(rows(3000).floats)
        let worst = zip(rebuilt, truth).map { abs($0 - $1) }.max() ?? .infinity
        // 0.094 ± 0.007 (11: eight seeds, three of them under both sets of instructions).
        expectLearned(Double(worst), below: 0.12, "iob: worst reconstruction")

        let traverse = try Tool.run(["iob", "traverse", model, "-o", folder.path("t.npz")])
        #expect(traverse.code == 0, "\(traverse.errors)")
        #expect(try NPZ.read(folder.url.appending(path: "t.npz"))["latent_3"]?.shape == [5, 5])
    }

    @Test func badInputIsOneClearLine() throws {
        let data = try write(rows(200), "data.npz")
        try Data(configuration.utf8).write(to: folder.url.appending(path: "iob.yaml"))
        let model = folder.path("iob.safetensors")
        let config = folder.path("iob.yaml")
        #expect(try Tool.run(["iob", "train", data, "--config", config, "--epochs", "1", "-o", model]).code == 0)
        func problem(_ arguments: [String]) throws -> String {
            let outcome = try Tool.run(["iob"] + arguments)
            #expect(outcome.code == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
            return outcome.errors
        }
        let other = try write(rows(200, features: 6), "other.npz")
        #expect(
            try problem(["dimension", model, other]).contains("6 features per row, but the model was trained on 5"))
        #expect(
            try problem(["compress", model, data, "--width", "9", "-o", folder.path("c.npz")]).contains("give 0 to 4"))
        let constant = try write(NPYArray(.float32(Array(repeating: 1, count: 400)), shape: [100, 4]), "constant.npz")
        let new = folder.path("new.safetensors")
        #expect(try problem(["train", constant, "--width", "2", "-o", new]).contains("all features are constant"))
        let few = try write(rows(5), "few.npz")
        #expect(try problem(["train", few, "--width", "2", "-o", new]).contains("too few rows"))
        try Data("width: 4\nobjektive: linear\n".utf8).write(to: folder.url.appending(path: "bad.yaml"))
        #expect(
            try problem(["train", data, "--config", folder.path("bad.yaml"), "-o", new]).contains(
                "did you mean 'objective'?"))
        try Data("width: 4\nobjective: { kind: linear, weights: [1, 2] }\n".utf8)
            .write(to: folder.url.appending(path: "weights.yaml"))
        #expect(
            try problem(["train", data, "--config", folder.path("weights.yaml"), "-o", new]).contains("give 5"))
        #expect(try problem(["dimension", data, data]).contains("data.npz"))
        // Ten rows were left out for four latents: no number, but the reason.
        let honest = try Tool.run(["iob", "dimension", model, data])
        #expect(honest.code == 0 && honest.output.contains("no answer: 20 held-out rows for 4 latents"))
        let json = try Tool.run(["iob", "dimension", model, data, "--json"]).output
        #expect(json.contains("\"dimension\" : null") && json.contains("\"interval\" : null"))
        let warned = try Tool.run(["iob", "train", data, "--config", config, "--epochs", "1", "--restart", "-o", model])
        #expect(warned.code == 0 && warned.errors.contains("20 rows are held out for 4 latents"))
        // Numbers that are none, and no rows at all.
        let broken = try write(NPYArray(.float32([1, 2, .nan, 4, 5, 6]), shape: [3, 2]), "nan.npz")
        #expect(try problem(["train", broken, "--width", "1", "-o", new]).contains("row 1 holds a number that is not"))
        let empty = try write(NPYArray(.float32([]), shape: [0, 3]), "empty.npz")
        #expect(try problem(["train", empty, "--width", "1", "-o", new]).contains("holds no rows"))
        var columns = try #require(rows(100).floats)
        for row in 0..<100 { columns[row * 5 + 2] = 7 }
        let still = try write(NPYArray(.float32(columns), shape: [100, 5]), "still.npz")
        try Data("width: 2\nscaling: features\n".utf8).write(to: folder.url.appending(path: "features.yaml"))
        #expect(
            try problem(["train", still, "--config", folder.path("features.yaml"), "-o", new])
                .contains("feature 2 is constant"))
    }
}
