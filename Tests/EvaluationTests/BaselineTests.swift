import Foundation
import LearnedResults
import OrderedBottleneck
import StarReading
import Support
import Testing
import Torch
@testable import Evaluation
@testable import Statistics

@Suite struct BaselineTests {
    /// Rows that are exactly linear in three hidden numbers: three components explain them, and labels that are linear
    /// in the same numbers are found exactly.
    @Test func linearDataAreFoundExactly() {
        let hidden = (0..<300).map { i in (0..<3).map { sin(Double(i * 31 + $0 * 17) * 1.7) } }
        let mixing = (0..<3).map { i in (0..<40).map { cos(Double(i * 13 + $0) * 0.9) } }
        let rows = hidden.flatMap { h in (0..<40).map { j in Float((0..<3).reduce(0.5) { $0 + h[$1] * mixing[$1][j] }) }
        }
        let labels = [hidden.map { 5000 + 800 * $0[0] - 300 * $0[2] }, hidden.map { $0[1] + 0.2 * $0[2] }]
        let x = Tensor(rows, shape: [300, 40])
        let baseline = LinearBaseline(
            x.narrow(0, start: 0, length: 200), labels: labels.map { Array($0[..<200]) }, components: 3)
        let predicted = baseline.predict(x.narrow(0, start: 200, length: 100))
        for i in 0..<100 {
            #expect(abs(predicted[0][i] - labels[0][200 + i]) < 0.5)
            #expect(abs(predicted[1][i] - labels[1][200 + i]) < 1e-3)
        }
        let components = PrincipalComponents(x, count: 3)
        let gram = components.components.transposed().matmul(components.components)
        #expect((gram - Tensor.eye(3)).abs().max().item() < 1e-5)
    }

    @Test func rowsWithAMissingLabelAreLeftOut() {
        let x = Tensor((0..<60).map(Float.init), shape: [60, 1])
        var labels = (0..<60).map { 2 * Double($0) + 1 }
        labels[10] = .nan
        let baseline = LinearBaseline(x, labels: [labels], components: 1)
        #expect(abs(baseline.predict(x)[0][10] - 21) < 1e-3)
    }

    @Test func nearestRowIsTheNearest() {
        let rows = Tensor([0, 0, 10, 10, 5, 5] as [Float], shape: [3, 2])
        let queries = Tensor([9, 9, 1, -1, 5, 6] as [Float], shape: [3, 2])
        #expect(PairEvaluation.nearest(queries, among: rows).int64s() == [1, 0, 2])
    }

    /// Labels that are quadratic in two hidden numbers of the spectra are found, a few wild labels and missing ones
    /// notwithstanding; a linear model is lost.
    @Test(.tags(.learned)) func quadraticLabelsAreFound() {
        var random = SeededGenerator(seed: LearnedResults.seed(2))
        let mixing = (0..<2).map { i in (0..<30).map { cos(Double(i * 13 + $0) * 0.9) } }
        func stars(_ count: Int) -> (rows: Tensor, labels: [[Double]]) {
            var (rows, teff, logg): ([Float], [Double], [Double]) = ([], [], [])
            for _ in 0..<count {
                let (a, b) = (random.uniform(in: -1...1), random.uniform(in: -1...1))
                for pixel in 0..<30 {
                    let flux = 3 + a * mixing[0][pixel] + b * mixing[1][pixel]
                    rows.append(Float(flux + 1e-3 * random.gaussian()))
                }
                teff.append(pow(10, 3.7 + 0.1 * a * b + 0.05 * a))
                logg.append(3 + a * a - 0.5 * b)
            }
            return (Tensor(rows, shape: [count, 30]), [teff, logg])
        }
        var training = stars(1500)
        let (validation, test) = (stars(300), stars(300))
        for row in stride(from: 0, to: 1500, by: 50) { training.labels[1][row] += 100 }
        for row in stride(from: 1, to: 1500, by: 7) { training.labels[1][row] = .nan }
        let names = ["teff", "logg"].map(StellarLabel.init(named:))
        func scatter(_ predicted: [[Double]]) -> [Double] {
            zip(predicted, test.labels).map { robustSigma(zip($0, $1).map { $0 - $1 }, aboutZero: true) }
        }
        let quadratic = QuadraticBaseline(
            training.rows, labels: training.labels, named: names, validation: validation,
            options: .init(components: 2, softening: nil, limit: 10))
        let found = scatter(quadratic.predict(test.rows))
        // 1.72 ± 0.14 K and 0.0020 ± 0.0002 dex (18).
        expectLearned(found[0], below: 2.2, "quadratic model: Teff, K")
        expectLearned(found[1], below: 0.003, "quadratic model: log g")
        let linear = LinearProbe(
            training.rows, labels: training.labels, named: names,
            validation: (validation.rows, validation.labels))
        let lost = scatter(linear.predict(test.rows))
        // 386 ± 21 K and 2.08 ± 0.03 dex (18).
        expectLearned(lost[0], above: 320, "linear model of quadratic labels: Teff, K")
        expectLearned(lost[1], above: 1.95, "linear model of quadratic labels: log g")
    }

    /// The penalty is the one that foretells other rows best: large for noise, small for a clear dependence.
    @Test(.tags(.learned)) func probesChooseTheirPenaltyOnOtherRows() {
        Generator.seed(LearnedResults.seed(5))
        let features = Tensor.randn([300, 100], dtype: .float64)
        let signal = features.select(1, 4).doubles()
        let noise = Tensor.randn([300], dtype: .float64).doubles()
        func part(_ start: Int) -> (features: Tensor, labels: [[Double]]) {
            (
                features.narrow(0, start: start, length: 150),
                [signal, noise].map { Array($0[start..<start + 150]) }
            )
        }
        let (training, other) = (part(0), part(150))
        let probe = LinearProbe(
            training.features, labels: training.labels, named: ["a", "b"].map(StellarLabel.init(named:)),
            validation: other)
        // -2 in all of 18 runs, and 3.8 ± 0.4 (18) on noise.
        expectLearned(log10(probe.penalties[0]), below: 0, "probe: log penalty on a clear dependence")
        expectLearned(log10(probe.penalties[1]), above: 2.4, "probe: log penalty on noise")
        let predicted = probe.predict(other.features)
        let worst = zip(predicted[0], other.labels[0]).map { abs($0 - $1) }.max() ?? .infinity
        // (8.9 ± 1.2)e-4 (18).
        expectLearned(worst, below: 2e-3, "probe: worst prediction of a clear dependence")
        // Without validation rows the smallest penalty is taken: least squares, which the normal equations give as well.
        let plain = LinearProbe(training.features, labels: training.labels, named: probe.labels)
        let x = Tensor.cat([Tensor.ones([150, 1], dtype: .float64), training.features], dim: 1)
        let solution = x.transposed().matmul(x).solving(
            x.transposed().matmul(Tensor(training.labels[1]).unsqueezed(1)))
        let expected = x.matmul(solution).doubles()
        #expect(zip(plain.predict(training.features)[1], expected).allSatisfy { abs($0 - $1) < 1e-2 })
        let unknown = LinearProbe(
            training.features, labels: [training.labels[0].map { _ in .nan }], named: [StellarLabel(named: "a")])
        #expect(unknown.predict(other.features)[0].allSatisfy { $0.isNaN })
    }
}
