import Foundation
import GoldenNumbers
import Testing
@testable import PublishedModels

/// The published regressors against the same weights in double precision, from `.pt` and JSON files as they are.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct RegressorGoldenTests {
    @Test(arguments: [("small", "pt", 48), ("full", "pt.xz", 768)])
    func labels(size: String, extension suffix: String, width: Int) throws {
        let golden = "retrieval/param_regressor_\(size).npz"
        let arrays = try Goldens.arrays(golden)
        let weights = Goldens.file("retrieval/param_regressor_\(size).\(suffix)")
        let (mean, std) = (
            try #require(arrays["stats_mean"]?.doubles), try #require(arrays["stats_std"]?.doubles)
        )
        let json = FileManager.default.temporaryDirectory.appending(path: "\(UUID())_mean_std.json")
        defer { try? FileManager.default.removeItem(at: json) }
        try JSONEncoder().encode(["mean": mean, "std": std]).write(to: json)
        let embeddings = try #require(arrays["x"]).tensor.to(.float32)
        for (name, statistics) in [("y", nil), ("y_standardised", json)] {
            let regressor = try PublishedRegressor(contentsOf: weights, statistics: statistics, label: "feh")
            #expect(regressor.embedding == width)
            let truth = try #require(arrays[name + "_f64"]?.doubles)
            let error = Goldens.error(golden, name, regressor.predict(embeddings), truth)
            #expect(error < 2e-5)
        }
    }
}
