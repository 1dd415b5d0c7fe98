import Evaluation
import Figures
import Support
import Testing
@testable import StarReading
@testable import SpecCLIPCommand

/// What checks of posteriors say is what figures show.
@Suite struct CalibrationFiguresTests {
    @Test func figuresShowTheChecks() throws {
        var random = SeededGenerator(seed: 6)
        let labels = ["teff", "fe_h"].map(StellarLabel.init(named:))
        var (values, truth): ([Float], [[Double]]) = ([], [[], []])
        for star in 0..<400 {
            truth[0].append(5000 + 100 * random.gaussian())
            truth[1].append(star < 100 ? .nan : random.gaussian())
            for _ in 0..<60 { values += [Float(5000 + 100 * random.gaussian()), Float(0.5 * random.gaussian())] }
        }
        var samples = PosteriorSamples(values, draws: 60, labels: labels)
        let before = PosteriorCheck.all(samples, truth: truth)
        PosteriorCalibration.fit(samples: samples, truth: truth).apply(to: &samples)
        let after = PosteriorCheck.all(samples, truth: truth)

        let coverage = CoverageFigure(
            title: "t", tier: "real-xp", after, joint: [.randomPoints(samples, truth: truth)])
        #expect(coverage.curves.map(\.name.plain) == ["Teff", "[Fe/H]", "joint, TARP"])
        #expect(coverage.curves.map(\.stars) == [400, 300, 300])
        #expect(coverage.curves[2].isJoint && coverage.curves[2].band != nil)
        let ranks = RankFigure(title: "t", tier: "real-xp", after, compared: before)
        let probability = try #require(ranks.histograms[1].probability)
        #expect(probability > 0.01 && ranks.histograms[1].counts.reduce(0, +) == 300)
        // Half as wide as they should be: the outer bins were too full.
        let compared = try #require(ranks.histograms[1].compared)
        #expect(compared[0] + compared[19] > 60)
        let residuals = ResidualFigure(title: "t", tier: "real-xp", after, snr: truth[0].map { _ in 20 })
        #expect(residuals.quantities.count == 3 && residuals.residuals[1].values[0].isNaN)
        let corner = CornerFigure(title: "t", tier: "real-xp", samples, star: 0, truth: [5000, .nan])
        #expect(corner.quantities[0].draws.count == 60 && corner.quantities[1].truth == nil)
    }
}
