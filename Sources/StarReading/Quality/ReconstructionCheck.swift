import Foundation
import OrderedBottleneck
import Statistics
import Torch

/// Compares spectra with what is drawn of them: what is left beyond noise is what the training has not shown.
///
/// Residuals are averaged over blocks of pixels, in which noise sinks and features stay. Of each block is known how far the
/// drawings of training spectra are off there; the noise comes from the errors of each spectrum itself, since the faint
/// spectra of a library are also the reddened ones, and what is drawn badly of these must not pass for noise.
struct ReconstructionCheck: Codable, Sendable, Hashable {
    /// Per block, by how much drawings are off where there is hardly any noise.
    var floor: [Double]
    /// What is left of a pixel's error in the mean of a block: 1 where noise is as smooth as a block is wide.
    var correlation: Double
    /// RMS of the blocks' residuals, in units of floor and noise, that 98 % of held-out spectra keep.
    var edge: Double

    /// A spectrum less its drawing, and the errors of its pixels in the same form (0 where unknown); NaN where a part of a spectrum is
    /// not there.
    struct Residual {
        var values: [Float]
        var errors: [Float]
    }

    /// Blocks of a spectrum: as fine as a broad line.
    private static let blocks = 60
    private static let within = 0.98

    /// - Parameter heldOut: spectra of the training's kind.
    init(_ heldOut: [Residual]) {
        let residuals = heldOut.map { Self.blockMeans($0.values) }
        let errors = heldOut.map { Self.blockMeans($0.errors) }
        let count = residuals.first?.count ?? 0
        let usual = errors.map { row in median(row.filter(\.isFinite)) }
        let order = errors.indices.sorted { usual[$0] < usual[$1] }
        let (quiet, noisy) = (Array(order.prefix(order.count / 2 + 1)), Array(order.suffix(order.count / 2 + 1)))
        func variance(_ block: Int, _ rows: [Int]) -> Double {
            let sigma = 1.4826 * median(rows.map { abs(residuals[$0][block]) }.filter(\.isFinite))
            return sigma.isFinite ? sigma * sigma : 1
        }
        func noise(_ block: Int, _ rows: [Int]) -> Double {
            let sigma = median(rows.map { errors[$0][block] }.filter(\.isFinite))
            return sigma.isFinite ? sigma * sigma : 1
        }
        var floors = (0..<count).map { variance($0, quiet) }
        let ratios = (0..<count).map { block -> Double in
            let more = noise(block, noisy) - noise(block, quiet)
            return more > 0 ? max(0, variance(block, noisy) - floors[block]) / more : 1
        }
        // The mean of a block is never noisier than its pixels.
        let share = ratios.isEmpty ? 1 : min(1, max(1e-4, median(ratios)))
        for block in floors.indices {
            floors[block] = max(floors[block] - share * noise(block, quiet), 0.1 * floors[block], 1e-18)
        }
        floor = floors.map { $0.squareRoot() }
        correlation = share.squareRoot()
        edge = 1
        let scores = zip(residuals, errors).map { score($0, $1) }.filter(\.isFinite).sorted()
        if !scores.isEmpty { edge = max(scores[Int(Self.within * Double(scores.count - 1))], 1e-9) }
    }

    /// How badly a spectrum is drawn: beyond 1 lies what hardly any spectrum of the training's kind does.
    func callAsFunction(_ residual: Residual) -> Double {
        score(Self.blockMeans(residual.values), Self.blockMeans(residual.errors))
    }

    /// Whether the numbers of a file make a check.
    var isConsistent: Bool {
        edge > 0 && (0...1).contains(correlation) && floor.allSatisfy { $0 > 0 && $0.isFinite }
    }

    private func score(_ residuals: [Double], _ errors: [Double]) -> Double {
        guard residuals.count == floor.count, !residuals.isEmpty else { return .infinity }
        let squares = residuals.indices.filter { !residuals[$0].isNaN }.map { block -> Double in
            let noise = correlation * errors[block]
            return residuals[block] * residuals[block] / (floor[block] * floor[block] + noise * noise)
        }
        guard !squares.isEmpty else { return .infinity }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot() / edge
    }

    private static func blockMeans(_ values: [Float]) -> [Double] {
        let size = max(1, values.count / blocks)
        return stride(from: 0, to: values.count, by: size).map { start in
            let part = values[start..<min(start + size, values.count)].filter { !$0.isNaN }
            return Double(part.reduce(0, +)) / Double(part.count)
        }
    }
}

/// Draws spectra whose shape is not divided out by their few largest principal components, none beyond what training
/// spectra have of it. An encoder that was taught labels forgets how to draw what labels do not need; these do not.
final class SpectralComponents: Module {
    let mean: Buffer
    /// `[pixels, K]`.
    let components: Buffer
    /// Least and most of each component, `[2, K]`.
    let limits: Buffer

    /// So few that a galaxy, a quasar or a carbon star cannot be made of them.
    private static let count = 8
    /// Share of the training spectra that lie beyond each limit.
    private static let beyond = 0.001

    /// Empty ones, to be loaded.
    init(pixels: Int) {
        mean = Buffer(Tensor.zeros([pixels]))
        components = Buffer(Tensor.zeros([pixels, Self.count]))
        limits = Buffer(Tensor.zeros([2, Self.count]))
        super.init()
    }

    /// - Parameter training: spectra in the form in which they are drawn, `[N, pixels]`.
    init(_ training: Tensor) {
        let principal = PrincipalComponents(training, count: Self.count)
        mean = Buffer(principal.mean)
        components = Buffer(principal.components)
        let coordinates = principal.project(training)
        let columns = (0..<coordinates.size(1)).map {
            coordinates.narrow(1, start: $0, length: 1).doubles().sorted()
        }
        func limit(_ share: Double) -> [Float] { columns.map { Float($0[Int(share * Double($0.count - 1))]) } }
        limits = Buffer(
            Tensor(limit(Self.beyond) + limit(1 - Self.beyond), shape: [2, columns.count]))
        super.init()
    }

    /// What is drawn of spectra, `[B, pixels]`.
    func drawn(_ spectra: Tensor) -> Tensor {
        let coordinates = (spectra - mean.value).matmul(components.value)
        let (low, high) = (limits.value.narrow(0, start: 0, length: 1), limits.value.narrow(0, start: 1, length: 1))
        return coordinates.maximum(low).minimum(high).matmul(components.value.transposed()) + mean.value
    }
}
