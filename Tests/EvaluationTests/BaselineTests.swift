import Foundation
import Testing
import OrderedBottleneck
import Torch

@testable import Evaluation

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
}
