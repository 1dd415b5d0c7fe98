import Foundation
import Torch

/// From which distribution the number of open latents is drawn, in training with random widths.
public enum WidthDistribution: Codable, Sendable, Hashable {
    /// Every width from the minimum to K, both included.
    case uniform
    /// The next latent with probability `p`, the one after it with p (1 - p), …: nested dropout (Rippel et al. 2014).
    case geometric(p: Double)
    /// Around `rate` latents above the minimum.
    case poisson(rate: Double)
    /// Width k with a probability that falls as 1 / k (at width 0 as at 1): every doubling of the width alike.
    case logUniform

    /// The probability of each width `minimum ... width`, cut off there and brought to a sum of 1.
    public func probabilities(minimum: Int = 0, width: Int) -> [Double] {
        let steps = (0...max(0, width - minimum)).map(Double.init)
        let logarithms: [Double] =
            switch self {
            case .uniform: steps.map { _ in 0 }
            case .geometric(let p): steps.map { $0 * log1p(-p) }
            case .poisson(let rate): steps.map { $0 * log(rate) - lgamma($0 + 1) }
            case .logUniform: steps.map { -log($0 + Double(max(1, minimum))) }
            }
        let largest = logarithms.max() ?? 0
        let weights = logarithms.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// Draws widths from the default generator.
    /// - Returns: `[count]`, int64, each in `minimum ... width`.
    public func draw(_ count: Int, minimum: Int = 0, width: Int) -> Tensor {
        draw(count, perRow: 1, minimum: minimum, width: width).select(1, 0)
    }

    /// Draws several widths for each row, spread over the distribution: `[count, perRow]`, int64, ascending in each row.
    public func draw(_ count: Int, perRow: Int, minimum: Int = 0, width: Int) -> Tensor {
        Self.draw(probabilities(minimum: minimum, width: width), rows: count, perRow: perRow)
            + Tensor([Int64(minimum)])
    }

    /// Draws several numbers for each row by systematic sampling: evenly spread along the cumulative probabilities from a
    /// random start, so that each number comes up `perRow` times its probability on average, and one row's numbers
    /// differ as much as they can.
    /// - Parameter probabilities: of the numbers 0, 1, …; their sum is 1.
    /// - Returns: `[rows, perRow]`, int64.
    static func draw(_ probabilities: [Double], rows: Int, perRow: Int = 1) -> Tensor {
        var sum = 0.0
        let edges = probabilities.dropLast().map { probability in
            sum += probability
            return sum
        }
        let start = Tensor.rand([rows, 1], dtype: .float64)
        let position = (start + Tensor.arange(perRow).to(.float64).unsqueezed(0)) / Double(perRow)
        let passed = position.unsqueezed(2).ge(Tensor(edges, shape: [1, 1, edges.count]))
        return passed.to(.int64).sum(dims: [2])
    }

    /// What makes the parameters impossible; `nil` when nothing does.
    public var problem: String? {
        switch self {
        case .uniform, .logUniform: nil
        case .geometric(let p): (0..<1).contains(p) && p > 0 ? nil : "geometric: p is \(p); give a number in (0, 1)"
        case .poisson(let rate): rate > 0 && rate.isFinite ? nil : "poisson: rate is \(rate); give one above 0"
        }
    }
}
