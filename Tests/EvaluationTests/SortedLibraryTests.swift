import Datasets
import Foundation
import Instruments
import SpecCLIP
import Spectra
import Testing
import Torch
@testable import Evaluation

/// Libraries are sorted, by brightness for example: scores of some of their stars must be those of all.
struct SortedLibraryTests {
    /// Stars of a split.
    private static let stars = 400

    /// Pairs in whose test split flux grows with the row from 1 to 11; all training spectra are as the first of these.
    private func pairs() throws -> PairedDataSet {
        let url = FileManager.default.temporaryDirectory.appending(path: "specclip-sorted-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        let writer = try PairedDataSetWriter(
            creating: url, instruments: Instrument.builtIn, labels: [], tier: "test")
        for split in [Split.train, .test] {
            let rows = (0..<Self.stars).map { row in
                let level = split == .train ? 1 : 1 + 10 * Float(row) / Float(Self.stars)
                let flux = Instrument.builtIn.map { instrument in
                    (instrument.dataSetKey, (0..<instrument.grid.count).map { level * (1 + 0.1 * sin(Float($0))) })
                }
                return PairedRow(sourceID: "\(split) \(row)", flux: Dictionary(uniqueKeysWithValues: flux))
            }
            try writer.append(split: split, rows: rows)
        }
        try writer.finish()
        return try PairedDataSet(opening: url)
    }

    private func model() -> SpecCLIPModel {
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (8, 4)
        let branches = Instrument.builtIn.map {
            BranchDescription(
                instrument: $0, encoder: .autoEncoder(sizes),
                projection: ProjectionConfiguration(kind: .mlp, hidden: 8),
                decoder: DecoderConfiguration(hidden: [8]), crossDecoder: DecoderConfiguration(hidden: [8]))
        }
        Generator.seed(1)
        let model = SpecCLIPModel(ModelDescription(embedding: 5, branches: branches))
        model.evaluate()
        return model
    }

    /// The error of the mean training spectrum is 0 for the first test star and 10 for the last.
    @Test func translationIsScoredOnAllKindsOfStars() throws {
        let evaluation = PairEvaluation(model(), try pairs())
        let (all, some) = (try evaluation.translation(limit: .max), try evaluation.translation(limit: 40))
        #expect(all.count == 4)
        for (whole, part) in zip(all, some) {
            #expect(whole.stars == 400 && part.stars == 40)
            // Draws within 40 blocks scatter the mean by a hundredth of the range; the first 40 stars have a tenth of it.
            #expect(abs(part.baseline / whole.baseline - 1) < 0.05, "\(part.name), \(part.baselineName)")
            #expect(abs(part.model / whole.model - 1) < 0.05, "\(part.name)")
        }
    }

    /// Spectra are predicted from embeddings of the same stars.
    @Test func widthsAreScoredOnAllKindsOfStars() throws {
        let (model, pairs) = (model(), try pairs())
        let scores = try [Int.max, 40].map { try WidthEvaluation(model, pairs, limit: $0).cut(widths: [2, 5]) }
        for (whole, part) in zip(scores[0], scores[1]) {
            #expect(whole.translation.count == 2 && whole.top1 == part.top1)
            for (direction, error) in whole.translation {
                #expect(abs((part.translation[direction] ?? 0) / error - 1) < 0.05, "\(direction), \(whole.width)")
            }
        }
        // At full width the score is that of the evaluation of pairs.
        for line in try PairEvaluation(model, pairs).translation(limit: 40) where line.baselineName == "mean spectrum" {
            #expect(scores[1][1].translation.values.contains { abs($0 - line.model) < 1e-5 }, "\(line.name)")
        }
    }
}
