import Torch

/// The logarithm of a scale, within ±7, from an unbounded number: x / (1 + |x| / 7).
///
/// A step that goes wrong can then neither stretch a label to infinity nor press it to a point.
func boundedLogScale(_ x: Tensor) -> Tensor { x / (x.abs() * (1.0 / 7) + 1) }

/// A smooth, rising function made of pieces that are quotients of parabolas: on -bound … bound it bends, outside it is the
/// identity (Durkan et al. 2019, arXiv 1906.04032, §3.1).
struct RationalQuadraticSpline {
    /// Number of pieces K.
    let bins: Int
    /// Where the straight tails begin.
    let bound: Double
    /// By which the numbers that shape it are multiplied first. Small, it lets shift and scale be learnt before shapes:
    /// a flow that bends at once fits the noise of its few training rows.
    var gain = 1.0
    /// The least share of 2 · bound that a piece is wide and high.
    static let least = 1e-3

    /// Numbers that shape a spline: K widths, K heights, K - 1 slopes at the inner knots. All 0 give the identity.
    var parameterCount: Int { 3 * bins - 1 }

    /// The function and the logarithm of its slope.
    /// - Parameters:
    ///   - x: any shape.
    ///   - parameters: the same shape and `parameterCount` more.
    func callAsFunction(_ x: Tensor, _ parameters: Tensor) -> (y: Tensor, logSlope: Tensor) {
        let knots = Knots(self, parameters)
        let inside = x.clamp(min: -bound, max: bound)
        let piece = knots.piece(at: inside, among: knots.x)
        let t = (inside - piece.x) / piece.width
        let mixed = t * (1 - t)
        // s + (d1 + d0 - 2 s) t (1 - t)
        let denominator = piece.slope + (piece.after + piece.before - piece.slope * 2) * mixed
        let y = piece.y + piece.height * (piece.slope * t.square() + piece.before * mixed) / denominator
        let numerator =
            piece.after * t.square() + piece.slope * 2 * mixed + piece.before * (1 - t).square()
        let logSlope = piece.slope.log() * 2 + numerator.log() - denominator.log() * 2
        let bends = bends(at: x)
        return (y.where(bends, x), logSlope.where(bends, 0))
    }

    /// Where the function takes the value y: the root of a quadratic equation (eq. 6 to 8).
    func inverse(_ y: Tensor, _ parameters: Tensor) -> Tensor {
        let knots = Knots(self, parameters)
        let inside = y.clamp(min: -bound, max: bound)
        let piece = knots.piece(at: inside, among: knots.y)
        let rise = inside - piece.y
        let bend = piece.after + piece.before - piece.slope * 2
        let a = piece.height * (piece.slope - piece.before) + rise * bend
        let b = piece.height * piece.before - rise * bend
        let c = -(piece.slope * rise)
        let root = (b.square() - a * c * 4).clamp(min: 0).sqrt()
        let x = piece.x + piece.width * (c * 2 / (-b - root))
        return x.where(bends(at: y), y)
    }

    private func bends(at x: Tensor) -> Tensor { x.abs().le(bound) }
}

/// The points between the pieces, `[…, K + 1]`.
private struct Knots {
    let (x, y): (Tensor, Tensor)
    let (widths, heights): (Tensor, Tensor)
    /// Slopes at the knots; 1 at both ends, where the tails begin.
    let slopes: Tensor
    private let bins: Int

    init(_ spline: RationalQuadraticSpline, _ parameters: Tensor) {
        bins = spline.bins
        let parts = (parameters * spline.gain).split([bins, bins, bins - 1], -1)
        let (bound, least) = (spline.bound, RationalQuadraticSpline.least)
        func sizes(_ part: Tensor) -> Tensor {
            (part.softmax(-1) * (1 - least * Double(spline.bins)) + least) * (2 * bound)
        }
        func places(_ sizes: Tensor) -> Tensor { sizes.cumsum(-1).padded([1, 0]) - bound }
        widths = sizes(parts[0])
        heights = sizes(parts[1])
        (x, y) = (places(widths), places(heights))
        slopes = boundedLogScale(parts[2]).exp().padded([1, 1], value: 1)
    }

    /// One piece for each number.
    struct Piece {
        /// Its lower end.
        let (x, y): (Tensor, Tensor)
        let (width, height): (Tensor, Tensor)
        /// Slopes at its ends.
        let (before, after): (Tensor, Tensor)
        /// height / width
        let slope: Tensor
    }

    /// The pieces that hold some numbers, by the knots on their axis.
    func piece(at values: Tensor, among knots: Tensor) -> Piece {
        let inner = knots.narrow(-1, start: 1, length: bins - 1)
        let index = values.unsqueezed(-1).ge(inner).sum(dims: [-1], keepDims: true)
        func pick(_ numbers: Tensor) -> Tensor { numbers.gather(-1, index).squeezed(-1) }
        let (width, height) = (pick(widths), pick(heights))
        return Piece(
            x: pick(x), y: pick(y), width: width, height: height, before: pick(slopes),
            after: pick(slopes.narrow(-1, start: 1, length: bins)), slope: height / width)
    }
}
