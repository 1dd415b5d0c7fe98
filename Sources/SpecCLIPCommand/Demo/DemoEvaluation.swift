import Datasets
import Evaluation
import Foundation
import Instruments
import Spectra
import StarReading
import Support
import Torch

/// Evaluates the demo's model on held-out stars, beside baselines fitted on the same split.
struct DemoEvaluation {
    let model: URL
    let data: DemoData
    let lamost: URL?

    /// Robust σ of gradient-boosted trees on XP spectra, 15 % of the same sources held out by another hash; measured
    /// once for orientation (docs/design-notes.md, "Baselines").
    private static let boostedTrees = ["teff": 136.0, "logg": 0.34, "fe_h": 0.237]
    /// A training of seconds on stars from formulas must beat the mean label; a real one, regression on components.
    private var components: Int { data.isProcedural ? 0 : 50 }
    private var baselineName: String { data.isProcedural ? "mean label" : "PCA + linear" }

    func run() throws -> DemoReport {
        let reader = try StarReader(contentsOf: model)
        var report = DemoReport(
            configuration: reader.file.description.provenance["configuration"] ?? "", lines: [],
            testsLAMOST: lamost != nil)
        // A short training smooths: it need not come as near as the noisy counterpart of the nearest star.
        if data.isProcedural { report.forOrientation = ["nearest neighbour"] }

        try addXP(reader, to: &report)
        try addLRS(reader, to: &report)
        let pairs = PairEvaluation(reader.model, try PairedDataSet(opening: data.pairs))
        report.lines += try pairs.retrieval()
        report.lines += try pairs.translation()
        return report
    }

    private func addXP(_ reader: StarReader, to report: inout DemoReport) throws {
        let set = try PairedDataSet(opening: data.xp)
        let test = try LabelTest(reader, .gaiaXP)
        let results = try test.run(set, split: .test, baseline: test.baseline(set, components: components))
        for result in results {
            var line = add(result, .gaiaXP, tier: set.tier, to: &report)
            guard !data.isProcedural, let trees = Self.boostedTrees[result.label.name] else { continue }
            line.baseline = trees
            line.baselineName = "boosted trees"
            line.coverage = nil
            report.lines.append(line)
        }
    }

    private func addLRS(_ reader: StarReader, to report: inout DemoReport) throws {
        let pairs = try PairedDataSet(opening: data.pairs)
        let test = try LabelTest(reader, .lamostLRS)
        let baseline = try test.baseline(pairs, components: components)
        for set in try [pairs] + [data.miles].compactMap(\.self).map(PairedDataSet.init(opening:)) {
            for result in try test.run(set, split: .test, baseline: baseline) {
                add(result, .lamostLRS, tier: set.tier, to: &report)
            }
        }
        guard let lamost else { return }
        let stars = try LASPStars(lamost)
        let truth = try reader.labels().labels(for: .lamostLRS).map {
            stars.labels[$0.name] ?? stars.files.map { _ in .nan }
        }
        for result in try test.run(try stars.observations(reader), truth: truth, baseline: baseline) {
            add(result, .lamostLRS, tier: "real-lamost", to: &report)
        }
    }

    @discardableResult
    private func add(
        _ result: LabelEvaluation, _ instrument: Instrument, tier: String, to report: inout DemoReport
    ) -> ScoreLine {
        let line = result.line(
            instrument, tier: tier, baselineName: baselineName, measure: data.isProcedural ? .rootMeanSquare : .robust)
        report.lines.append(line)
        return line
    }
}
