import Support
import Torch

/// What an ordered auto-encoder maximises: log-likelihood over widths (Ho et al. 2023, §2.2).
public enum OrderedObjective: Codable, Sendable, Hashable {
    /// All widths alike, or with `weights` for the widths 0 … K. Every row is decoded at all of them in every step; with
    /// `widthsPerRow` at so many, spread evenly over all widths from a random start, which has the same mean gradient
    /// for a part of the work.
    case linear(weights: [Double]?, widthsPerRow: Int?)
    /// Widths drawn for every row or batch. With `sweep`, latents freeze one after the other once they have converged,
    /// and widths are drawn above them: the paper's geometric IOB.
    case random(WidthDistribution, per: BottleneckLayer.Draw, sweep: UnitSweep.Options?)

    /// The paper's linear IOB.
    public static let linear = OrderedObjective.linear(weights: nil, widthsPerRow: nil)

    /// The paper's geometric IOB with unit sweeping.
    public static func geometric(p: Double, sweep: UnitSweep.Options? = .init()) -> Self {
        .random(.geometric(p: p), per: .sample, sweep: sweep)
    }

    /// Full width alone: an ordinary auto-encoder, to compare with.
    public static func fullWidth(_ width: Int) -> Self {
        .linear(weights: Array(repeating: 0, count: width) + [1], widthsPerRow: nil)
    }

    /// What makes the objective impossible for K latents; `nil` when nothing does.
    public func problem(width: Int) -> String? {
        switch self {
        case .linear(_, let perRow?) where !(1...width + 1).contains(perRow):
            return "widthsPerRow: \(perRow); give 1 to \(width + 1)"
        case .linear(nil, _): return nil
        case .linear(let weights?, _):
            guard weights.count == width + 1 else {
                return "weights: \(weights.count) of them; give \(width + 1), for the widths 0 to \(width)"
            }
            guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }), weights.contains(where: { $0 > 0 }) else {
                return "weights: give numbers that are not negative, one of them above 0"
            }
            return nil
        case .random(let distribution, _, _): return distribution.problem
        }
    }
}

/// Freezes latents one after the other, as nested dropout does (Rippel, Gelbart & Adams 2014, §3.3): gradients no longer
/// reach a latent that has converged, and widths are drawn above it. Some rows still get a frozen width, and hold its
/// latents to what they tell: in a deep network the layers below and the decoder go on learning, and would forget it
/// (on the S-curve the loss over all widths doubles without).
///
/// A latent counts as converged when the loss of the rows that end with it falls no more: a running mean over the last
/// hundreds of steps is within `tolerance` of one over a longer time. The state is part of the model's, so that a
/// resumed run goes on alike.
public final class UnitSweep: Module {
    /// When a latent counts as converged.
    public struct Options: Codable, Sendable, Hashable {
        /// Steps that every latent gets at least.
        public var steps: Int
        /// Relative fall of the loss below which a latent has converged.
        public var tolerance: Double
        /// Share of the rows that are decoded at frozen widths.
        public var hold: Double

        enum CodingKeys: String, CodingKey, CaseIterable { case steps, tolerance, hold }

        /// The defaults suit batches of 64.
        public init(steps: Int = 1000, tolerance: Double = 0.002, hold: Double = 0.2) {
            self.steps = steps
            self.tolerance = tolerance
            self.hold = hold
        }

        /// Reads the section strictly.
        /// - Throws: `Diagnostic` for unknown keys and values out of range.
        public init(from decoder: any Decoder) throws {
            let (fields, base) = (try StrictFields(decoder, keyedBy: CodingKeys.self), Self())
            self.init(
                steps: try fields(.steps, default: base.steps),
                tolerance: try fields(.tolerance, default: base.tolerance),
                hold: try fields(.hold, default: base.hold))
            let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
            guard steps >= 1, tolerance >= 0, (0..<1).contains(hold) else {
                throw Diagnostic.invalid(
                    path: path, problem: "give steps of at least 1, a tolerance not below 0, and hold in [0, 1)")
            }
        }
    }

    /// Latents frozen; steps since the last one; running means over short and long times. `[4]`, float64.
    let progress = Buffer(Tensor.zeros([4], dtype: .float64))
    private let options: Options
    private let width: Int

    init(_ options: Options, width: Int) {
        self.options = options
        self.width = width
        super.init()
    }

    /// Latents that are frozen.
    public var frozen: Int { Int(progress.value.doubles().first ?? 0) }

    /// Widths for so many rows, `[count]`, int64.
    func widths(_ count: Int, _ distribution: WidthDistribution, of width: Int) -> Tensor {
        let above = distribution.draw(count, minimum: frozen + 1, width: width)
        let below = WidthDistribution.uniform.draw(count, width: frozen)
        let isBelow = Tensor.rand([count]).lt(options.hold).to(.int64)
        return above + (below - above) * isBelow
    }

    /// Latents `[B, K]` as they are, but gradients reach the frozen ones only from rows at frozen widths.
    func frozen(_ latents: Tensor, at widths: Tensor) -> Tensor {
        guard frozen > 0 else { return latents }
        let first = latents.narrow(1, start: 0, length: frozen)
        let holds = widths.le(Double(frozen)).to(first.dtype).unsqueezed(1)
        let kept = first.detached()
        let others = latents.narrow(1, start: frozen, length: width - frozen)
        return Tensor.cat([kept + (first - kept) * ((try? holds.to(first.device)) ?? holds), others], dim: 1)
    }

    /// - Parameter loss: mean loss of the rows whose last open latent is the one being learned; NaN when there were none.
    func observe(_ loss: Double) {
        var state = progress.value.doubles()
        guard state.count == 4, Int(state[0]) < width - 1, loss.isFinite else { return }
        state[1] += 1
        let (short, long) = (20.0 / Double(options.steps), 5.0 / Double(options.steps))
        state[2] = state[1] == 1 ? loss : state[2] + short * (loss - state[2])
        state[3] = state[1] == 1 ? loss : state[3] + long * (loss - state[3])
        if Int(state[1]) >= options.steps, state[3] - state[2] < options.tolerance * abs(state[3]) {
            state = [state[0] + 1, 0, 0, 0]
        }
        progress.value = Tensor(state)
    }
}
