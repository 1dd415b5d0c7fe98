import Foundation
import Instruments
import SpecCLIP
import Testing
import Torch
@testable import PublishedModels
@testable import StarReading

/// Regressors of the published form, made here: small enough to compute by hand.
@Suite(.serialized) final class PublishedRegressorTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-labels-\(UUID())")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// 2 → 2 → 1 with every number different from its default.
    private let state: [String: Tensor] = [
        "network.0.weight": Tensor([1, -2, 0.5, 3] as [Float], shape: [2, 2]),
        "network.0.bias": Tensor([0.25, -1] as [Float], shape: [2]),
        "network.1.weight": Tensor([2, 0.5] as [Float], shape: [2]),
        "network.1.bias": Tensor([0.1, 0.2] as [Float], shape: [2]),
        "network.1.running_mean": Tensor([0.5, -0.5] as [Float], shape: [2]),
        "network.1.running_var": Tensor([4, 0.25] as [Float], shape: [2]),
        "network.1.num_batches_tracked": Tensor([7] as [Int64], shape: []),
        "network.4.weight": Tensor([3, -4] as [Float], shape: [1, 2]),
        "network.4.bias": Tensor([0.5] as [Float], shape: [1]),
    ]

    private func byHand(_ x: [Double], _ statistics: EmbeddingStatistics?) -> Double {
        let z = zip(x, zip(statistics?.mean ?? [0, 0], statistics?.std ?? [1, 1])).map { ($0 - $1.0) / $1.1 }
        let a = [z[0] - 2 * z[1] + 0.25, 0.5 * z[0] + 3 * z[1] - 1]
        let h = [
            max(0, (a[0] - 0.5) / (4 + 1e-5).squareRoot() * 2 + 0.1),
            max(0, (a[1] + 0.5) / (0.25 + 1e-5).squareRoot() * 0.5 + 0.2),
        ]
        return 3 * h[0] - 4 * h[1] + 0.5
    }

    private func regressor(
        _ change: [String: Tensor?] = [:], statistics: EmbeddingStatistics? = nil, label: String = "feh"
    ) throws -> PublishedRegressor {
        var state = state
        for (name, tensor) in change { state[name] = tensor }
        return try PublishedRegressor(state: state, statistics: statistics, label: label, path: "x.pt")
    }

    @Test func givesWhatItsLayersSay() throws {
        let stars: [[Double]] = [[0.3, -0.7], [2, 1], [-4, 3.5], [0, 0]]
        let embeddings = Tensor(stars.flatMap { $0 }.map { Float($0) }, shape: [4, 2])
        for statistics in [nil, EmbeddingStatistics(mean: [0.5, -1], std: [2, 0.25])] {
            let found = try regressor(statistics: statistics).predict(embeddings)
            #expect(zip(found, stars).allSatisfy { abs($0 - byHand($1, statistics)) < 1e-5 }, "\(found)")
        }
        let one = try regressor()
        #expect(one.label.name == "fe_h" && one.label.unit == "dex" && one.embedding == 2 && one.hidden == [2])
    }

    @Test func wrongWeightsAreNamed() throws {
        func expectError(_ words: String..., of make: () throws -> PublishedRegressor) {
            #expect {
                try make()
            } throws: { error in
                words.allSatisfy("\(error)".contains) && "\(error)".hasPrefix("x.pt: ")
            }
        }
        expectError("no published regressor") { try regressor(["network.0.weight": nil]) }
        expectError("no published regressor") { try regressor(["network.4.weight": Tensor.ones([1, 3])]) }
        expectError("gives 2 values") { try regressor(["network.4.weight": Tensor.ones([2, 2])]) }
        expectError("network.1.running_var") { try regressor(["network.1.running_var": nil]) }
        expectError("network.1.bias", "[3]", "[2]") { try regressor(["network.1.bias": Tensor.ones([3])]) }
        expectError("network.4.bias", "not finite") {
            try regressor(["network.4.bias": Tensor([.nan] as [Float], shape: [1])])
        }
        expectError("2 numbers", "have 3") {
            try regressor(statistics: EmbeddingStatistics(mean: [0, 0, 0], std: [1, 1, 1]))
        }
    }

    @Test(arguments: [
        (#"{"mean": [0.5, 1], "std": [2, 3]}"#, nil),
        (#"{"mean": [0.5, 1], "std": [2]}"#, "std 1"),
        (#"{"mean": [0.5, NaN], "std": [2, 3]}"#, "NaN"),
        (#"{"mean": [0.5, 1], "std": [2, 0]}"#, "std[1] is 0"),
        (#"{"mean": [0.5, 1e300], "std": [2, 1]}"#, "mean[1]"),
        (#"{"means": [0.5, 1]}"#, "form"), ("hello", "form"),
    ])
    func statistics(text: String, problem: String?) throws {
        let file = folder.appending(path: "feh_mean_std.json")
        try text.write(to: file, atomically: true, encoding: .utf8)
        guard let problem else {
            let read = try EmbeddingStatistics(contentsOf: file)
            #expect(read == EmbeddingStatistics(mean: [0.5, 1], std: [2, 3]))
            return
        }
        #expect {
            try EmbeddingStatistics(contentsOf: file)
        } throws: {
            "\($0)".hasPrefix(file.path) && "\($0)".contains(problem)
        }
    }

    /// An auto-encoder of two numbers, that is not aligned.
    private func model() throws -> ModelFile {
        var configuration = AutoEncoderConfiguration()
        (configuration.hidden, configuration.bottleneck) = (4, 2)
        let model = SpecCLIPModel(
            ModelDescription(
                embedding: nil, branches: [BranchDescription(instrument: .gaiaXP, encoder: .autoEncoder(configuration))]
            ))
        let url = folder.appending(path: "model.safetensors")
        try ModelFile.write(model, to: url)
        return try ModelFile(contentsOf: url)
    }

    @Test func becomesPartOfAModelFile() throws {
        let statistics = EmbeddingStatistics(mean: [0.5, -1], std: [2, 0.25])
        let (first, second) = (folder.appending(path: "1.safetensors"), folder.appending(path: "2.safetensors"))
        let (iron, carbon) = (
            try regressor(statistics: statistics),
            try regressor(["network.4.bias": Tensor([9] as [Float], shape: [1])], statistics: statistics, label: "cfe")
        )
        try iron.write(into: try model(), for: .gaiaXP, to: first)
        try carbon.write(into: try ModelFile(contentsOf: first), for: .gaiaXP, to: second)
        // The same label once more takes the place of the first.
        try iron.write(into: try ModelFile(contentsOf: second), for: .gaiaXP, to: second)

        let file = try ModelFile(contentsOf: second)
        let reader = try LabelReader(file)
        #expect(try reader.labels(for: .gaiaXP).map(\.name) == ["c_fe", "fe_h"])
        let embeddings = Tensor([0.3, -0.7, 2, 1] as [Float], shape: [2, 2])
        let found = try reader.predict(embeddings, from: .gaiaXP)
        #expect(found.map { $0[0].value } == carbon.predict(embeddings))
        #expect(found.map { $0[1].value } == iron.predict(embeddings))
        #expect(found.allSatisfy { $0.allSatisfy { $0.error == nil } }, "no error is known")
        // The model's own weights are as they were.
        let flux = Tensor((0..<343).map { 1 + 0.1 * sin(Float($0)) }, shape: [1, 343])
        let (before, after) = (try model().model(), try file.model())
        #expect(after.parameterCount == before.parameterCount)
        #expect(try after.embed(flux, from: .gaiaXP).shape == [1, 2])
    }

    @Test func theOtherKindOfModelIsDoubted() throws {
        let unified = ModelDescription(embedding: 768, branches: [])
        let split = ModelDescription(embedding: 512, privateEmbedding: 256, branches: [])
        let (iron, carbon, teff) = (try regressor(), try regressor(label: "cfe"), try regressor(label: "teff"))
        #expect(
            iron.doubt(about: split, for: .lamostLRS) == nil && carbon.doubt(about: unified, for: .lamostLRS) == nil)
        #expect(iron.doubt(about: unified, for: .lamostLRS)?.contains("split model") == true)
        #expect(carbon.doubt(about: split, for: .lamostLRS)?.contains("not the split model") == true)
        #expect(iron.doubt(about: unified, for: .gaiaXP) == nil && iron.doubt(about: split, for: .gaiaXP) != nil)
        #expect(teff.doubt(about: split, for: .lamostLRS) == nil && teff.doubt(about: unified, for: .lamostLRS) == nil)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let output = folder.appending(path: "out.safetensors")
        let statistics = EmbeddingStatistics(mean: [0, 0], std: [1, 1])
        func expectError(_ words: String..., of work: () throws -> Void) {
            #expect(throws: (any Error).self) { try work() }
            do { try work() } catch { for word in words { #expect("\(error)".contains(word), "\(error)") } }
            #expect(!FileManager.default.fileExists(atPath: output.path))
        }
        let file = try model()
        expectError("does not read lamost-lrs", "gaia-xp") {
            try regressor(statistics: statistics).write(into: file, for: .lamostLRS, to: output)
        }
        expectError("needs the statistics", "--stats") {
            try regressor().write(into: file, for: .gaiaXP, to: output)
        }
        expectError("3 numbers", "makes 2") {
            try regressor(
                ["network.0.weight": Tensor.ones([2, 3])],
                statistics: EmbeddingStatistics(mean: [0, 0, 0], std: [1, 1, 1])
            ).write(into: file, for: .gaiaXP, to: output)
        }
    }
}
