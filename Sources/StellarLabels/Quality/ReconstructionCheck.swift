import Foundation

/// Compares spectra with what a model draws of them: what is left beyond noise is what the model does not know.
///
/// Residuals are averaged over blocks of pixels, in which noise sinks and features stay; noise is estimated from the
/// differences of neighbouring pixels.
struct ReconstructionCheck: Codable, Sendable, Hashable {
    /// Median of the block residual of held-out spectra at little noise: what the model never draws.
    var floor: Double
    /// Block residual, in units of floor and noise, that 99 % of held-out spectra keep.
    var edge: Double

    /// Pixels in a block.
    private static let block = 20

    /// - Parameter heldOut: residuals (spectrum − drawing) of spectra of the training's kind.
    init(_ heldOut: [[Float]]) {
        let measures = heldOut.map(Self.measure)
        let noises = measures.map(\.noise).sorted()
        let quiet = noises.isEmpty ? 0 : noises[noises.count / 2]
        let floors = measures.filter { $0.noise <= quiet }.map(\.misfit).sorted()
        floor = max(floors.isEmpty ? 1 : floors[floors.count / 2], 1e-9)
        edge = 1
        let scores = measures.map { score($0) }.sorted()
        if !scores.isEmpty { edge = max(scores[Int(0.99 * Double(scores.count - 1))], 1e-9) }
    }

    /// How badly a spectrum is drawn: beyond 1 lies what hardly any spectrum of the training's kind does.
    func callAsFunction(_ residual: [Float]) -> Double { score(Self.measure(residual)) }

    private func score(_ measure: (misfit: Double, noise: Double)) -> Double {
        let expected = (floor * floor + measure.noise * measure.noise / Double(Self.block)).squareRoot()
        return measure.misfit / expected / edge
    }

    /// RMS of block means, and the noise of a pixel.
    private static func measure(_ residual: [Float]) -> (misfit: Double, noise: Double) {
        let blocks = stride(from: 0, to: residual.count, by: block).map { start in
            let part = residual[start..<min(start + block, residual.count)]
            return Double(part.reduce(0, +)) / Double(part.count)
        }
        let misfit = (blocks.reduce(0) { $0 + $1 * $1 } / Double(max(1, blocks.count))).squareRoot()
        let steps = zip(residual, residual.dropFirst()).map { Double(abs($1 - $0)) }.sorted()
        // The median of |a − b| of two Gaussian numbers is 0.6745 √2 σ.
        let noise = steps.isEmpty ? 0 : steps[steps.count / 2] / (0.6745 * 2.0.squareRoot())
        return (misfit, noise)
    }
}
