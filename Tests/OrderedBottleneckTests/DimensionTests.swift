import Foundation
import Testing
import Torch
@testable import OrderedBottleneck

@Suite(.serialized) struct DimensionTests {
    /// Rows whose error falls by known steps.
    private func errors(_ curve: [Double], rows: Int, noise: Double = 0.01) -> Tensor {
        Generator.seed(8)
        let steps = Tensor(curve, shape: [1, curve.count])
        return steps.expanded([rows, -1]) + Tensor.randn([rows, 1], dtype: .float64) * noise
    }

    /// By the paper's statistics.
    private func paper(_ curve: [Double], rows: Int, _ statistic: IntrinsicDimension.Statistic) -> IntrinsicDimension {
        IntrinsicDimension(errors: [errors(curve, rows: rows)], variance: 1, features: 100, statistic: statistic)
    }

    @Test func countsTheLatentsThatGain() {
        let wilks = paper([1, 0.5, 0.2, 0.199, 0.1985], rows: 1000, .wilks)
        #expect(wilks.dimension == 2)
        #expect(wilks.interval == [2, 2])
        #expect(wilks.problems.isEmpty)
        let gains = wilks.curve.compactMap(\.gain)
        #expect(abs(gains[0] - 250) < 1e-6 && abs(gains[2] - 0.5) < 1e-6)
        #expect(wilks.curve.allSatisfy { $0.p == nil })
        // A gain of 2.5 passes Wilks' statistic (5 > 3.84) and not the published one.
        let steps = [1, 0.5, 0.495, 0.4949]
        #expect(paper(steps, rows: 1000, .wilks).dimension == 2)
        #expect(paper(steps, rows: 1000, .published).dimension == 1)
    }

    @Test func tailsAreChiSquared() {
        // Tabulated upper tails of χ² with one degree of freedom.
        for (x, p) in [(3.841458820694124, 0.05), (6.634896601021213, 0.01), (10.827566170662733, 0.001)] {
            #expect(abs(chiSquaredTail(x) - p) < 1e-9)
        }
    }

    /// Latents with as much signal as noise: rows scatter, and one p-value in twenty is below 0.05.
    @Test(arguments: [false, true]) func pValuesAreProbabilities(isEstimated: Bool) {
        Generator.seed(31)
        let (rows, latents, free) = (400, 300, 20)
        // Noise and signal of variance 1 each in every latent; the noise of the dimensions that are left.
        let gains = Tensor.randn([rows, latents], dtype: .float64).square() * 2
        let left = Tensor.randn([rows, free], dtype: .float64).square().sum(dims: [1], keepDims: true)
        // Error at width k is what all later latents would take away, and the rest.
        let later = Tensor(
            (0...latents).flatMap { k in (0..<latents).map { $0 >= k ? 1.0 : 0 } }, shape: [latents + 1, latents])
        let errors = SquaredErrors(gains.matmul(later.transposed()) + left, variance: 1)
        let p = errors.probabilities(floor: 2, free: isEstimated ? free : nil)
        // Of 300, 15 ± 3.8 are expected below 0.05, 150 ± 8.7 below 0.5.
        #expect((4...26).contains(p.count { $0 < 0.05 }), "\(p.count { $0 < 0.05 })")
        #expect((120...180).contains(p.count { $0 < 0.5 }), "\(p.count { $0 < 0.5 })")
    }

    @Test func saysWhenThereIsNoAnswer() {
        func problems(_ curve: [Double], rows: Int = 1000) -> IntrinsicDimension { paper(curve, rows: rows, .wilks) }
        let narrow = problems([1, 0.6, 0.3])
        #expect(narrow.dimension == nil && narrow.verdict.contains("larger width"))
        let few = problems([1, 0.5, 0.5, 0.5], rows: 20)
        #expect(few.dimension == nil && few.verdict.contains("20 held-out rows"))
        let open = problems([1.5, 0.5, 0.5])
        #expect(open.dimension == nil && open.verdict.contains("not converged"))
        let worse = problems([1, 0.5, 0.7, 0.7])
        #expect(worse.problems.contains { $0.contains("makes the error larger") })
        let unsettled = problems([1, 0.5, 0.4999, 0.2, 0.2])
        #expect(unsettled.dimension == 1 && unsettled.problems.contains { $0.contains("not settled") })

        // As many latents as features: nothing is left to tell the noise by, unless it is given.
        let errors = errors([1, 0.2, 0.1, 0.09], rows: 1000)
        let full = IntrinsicDimension(errors: [errors], variance: 1, features: 3)
        #expect(full.dimension == nil && full.verdict.contains("give the noise"))
        let given = IntrinsicDimension(errors: [errors], variance: 1, features: 3, chiSquares: [errors / 0.01])
        #expect(given.dimension == 2)
        // What is left goes on falling as it did: no noise.
        let falling = IntrinsicDimension(
            errors: [self.errors([1, 0.5, 0.35, 0.32, 0.28, 0.24, 0.2], rows: 1000)], variance: 1, features: 14)
        #expect(falling.dimension == 2 && falling.problems.contains { $0.contains("not white noise") })
        let flat = self.errors([1, 0.2, 0.1, 0.0995], rows: 1000)
        let loud = IntrinsicDimension(errors: [flat], variance: 1, features: 13, chiSquares: [flat / 0.001])
        #expect(loud.dimension == 2 && loud.problems.contains { $0.contains("larger than given") })
    }

    /// Uniform points in a cube, and on a sheet in space, have known dimensions.
    @Test func neighboursTellTheDimension() {
        Generator.seed(21)
        let cube = NeighbourDimension(Tensor.rand([2000, 4]))
        #expect(abs((cube.twoNN ?? 0) - 4) < 0.4 && abs(cube.maximumLikelihood - 4) < 0.5)
        let sheet = NeighbourDimension(SampleSet.sCurve(2000, noise: 0))
        #expect(abs((sheet.twoNN ?? 0) - 2) < 0.2 && abs(sheet.maximumLikelihood - 2) < 0.2)
    }

    /// Whole numbers have neighbours at one distance, of which no ratio tells anything.
    @Test func latticesHaveNoNeighbourDimension() {
        Generator.seed(23)
        let lattice = NeighbourDimension((Tensor.rand([600, 3]) * 30).floor())
        #expect(lattice.twoNN == nil && lattice.problem?.contains("lattice") == true)
    }

    /// Of many rows some are compared with their neighbours: of a sorted set not the first, which are on a line here while
    /// the others fill five dimensions.
    @Test func neighboursAreOfAllRows() throws {
        Generator.seed(22)
        let line = Tensor.rand([4000, 1]) * Tensor([Float(1), 2, 3, 4, 5], shape: [1, 5])
        let rows = Tensor.cat([line, Tensor.rand([4000, 5]) * 5 + 20], dim: 0)
        let model = OrderedModel(
            BottleneckConfiguration(width: 2, network: .dense(hidden: [4], activation: .gelu, shortcut: true)),
            training: rows)
        let report = try DimensionReport(models: [model], test: rows, reference: nil, data: "sorted")
        // The mean of 1 / dimension over both halves is 0.6; a line has 1.
        #expect(abs((report.twoNN ?? 0) - 1.67) < 0.3 && abs(report.maximumLikelihood - 1.67) < 0.3)
    }

    @Test func sampleSetsAreWhatTheyShouldBe() {
        Generator.seed(4)
        let curve = SampleSet.sCurve(20_000)
        #expect(abs(curve.totalVariance - 2.78) < 0.05)
        let images = SampleSet.disks(500, disks: 2)
        #expect(images.shape == [500, 1, 32, 32])
        #expect(Set(images.floats()) == [-1, 1])
        // Mean area of a disk is π E[r²] = π 13 pixels; overlap takes a little off two of them.
        let area = images.gt(0).to(.float32).sum(dims: [1, 2, 3]).mean().item()
        #expect(area > 60 && area < 2 * 13 * Double.pi + 3)
        let rank = SampleSet.linearGaussian(5000, rank: 5, features: 20, noise: 0)
        let covariance = rank.transposed().matmul(rank).to(.float64)
        #expect(covariance.symmetricEigen().values.doubles().count { $0 > 1e-3 } == 5)
    }
}
