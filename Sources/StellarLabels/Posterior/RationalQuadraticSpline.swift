import Torch

/// Monotone splines on [−B, B], rational-quadratic between knots and the identity beyond (Durkan et al. 2019,
/// arXiv 1906.04032, section 3.1): smooth, invertible in closed form, with a known derivative.
struct RationalQuadraticSpline {
    private let bins: Int
    private let bound: Double
    /// Left edges and widths of the bins along x and y, each `[…, K]`.
    private let x: Tensor, width: Tensor, y: Tensor, height: Tensor
    /// Derivatives at the K + 1 knots; 1 at the outermost, as beyond them.
    private let slopes: Tensor

    /// Least share of the interval that a bin has, and least slope of a knot: what keeps the inverse finite.
    private static let least = 1e-3

    /// Numbers that describe one spline.
    static func parameters(bins: Int) -> Int { 3 * bins - 1 }

    /// - Parameter parameters: unconstrained, `[…, 3K − 1]`: K widths, K heights, K − 1 inner slopes.
    init(_ parameters: Tensor, bins: Int, bound: Double) {
        self.bins = bins
        self.bound = bound
        let parts = parameters.split([bins, bins, bins - 1], -1)
        func edges(_ raw: Tensor) -> (left: Tensor, size: Tensor) {
            let shares = raw.softmax() * (1 - Self.least * Double(bins)) + Self.least
            let size = shares * (2 * bound)
            return (size.cumsum(-1) - size - bound, size)
        }
        (x, width) = edges(parts[0])
        (y, height) = edges(parts[1])
        // log(e − 1) makes the slope of untouched parameters 1, and the spline the identity.
        let inner = (parts[2] + 0.5413248546).softplus() + Self.least
        let ends = Tensor.ones(inner.shape.dropLast() + [1], dtype: inner.dtype, device: inner.device)
        slopes = Tensor.cat([ends, inner, ends], dim: -1)
    }

    /// The bin of each value.
    private struct Bin {
        let x: Tensor, width: Tensor, y: Tensor, height: Tensor, left: Tensor, right: Tensor
    }

    private func bin(of values: Tensor, among edges: Tensor) -> Bin {
        let passed = edges.narrow(-1, start: 1, length: bins - 1).le(values.unsqueezed(-1))
        let index = passed.to(.int64).sum(dims: [-1], keepDims: true)
        func at(_ table: Tensor) -> Tensor {
            let shape = index.shape.dropLast() + [table.shape[table.rank - 1]]
            return table.expanded(Array(shape)).gather(-1, index).squeezed(-1)
        }
        return Bin(
            x: at(x), width: at(width), y: at(y), height: at(height),
            left: at(slopes.narrow(-1, start: 0, length: bins)), right: at(slopes.narrow(-1, start: 1, length: bins)))
    }

    /// Values and the logarithm of the derivative there.
    /// - Parameter values: `[…]`, the parameters' shape without its last axis.
    func forward(_ values: Tensor) -> (values: Tensor, logDerivative: Tensor) {
        let isInside = values.abs().lt(bound)
        let inside = values.clamp(min: -bound, max: bound)
        let bin = bin(of: inside, among: x)
        let slope = bin.height / bin.width
        let t = ((inside - bin.x) / bin.width).clamp(min: 0, max: 1)
        let mixed = t * (1 - t)
        let denominator = slope + (bin.left + bin.right - slope * 2) * mixed
        let moved = bin.y + bin.height * (slope * t.square() + bin.left * mixed) / denominator
        let rise = bin.right * t.square() + slope * mixed * 2 + bin.left * (1 - t).square()
        let logDerivative = slope.log() * 2 + rise.log() - denominator.log() * 2
        return (moved.where(isInside, values), logDerivative.where(isInside, 0))
    }

    /// The values that `forward` takes to these.
    func inverse(_ values: Tensor) -> Tensor {
        let isInside = values.abs().lt(bound)
        let inside = values.clamp(min: -bound, max: bound)
        let bin = bin(of: inside, among: y)
        let slope = bin.height / bin.width
        let above = inside - bin.y
        let bend = above * (bin.left + bin.right - slope * 2)
        let a = bin.height * (slope - bin.left) + bend
        let b = bin.height * bin.left - bend
        let c = slope * above * -1
        let root = (b.square() - a * c * 4).clamp(min: 0).sqrt()
        let t = (c * 2 / (b * -1 - root)).clamp(min: 0, max: 1)
        return (bin.x + t * bin.width).where(isInside, values)
    }
}
