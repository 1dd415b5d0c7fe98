import Foundation
import Torch
import Training

/// Data of known dimension, to try an ordered bottleneck on (Ho et al. 2023, §3). Drawn from the default generator.
public enum SampleSet {
    /// Standard deviation of the noise of `sCurve` in each of its three coordinates.
    public static let sCurveNoise = 0.1

    /// Points on a sheet bent to an S in space, with noise; centred. Two dimensions.
    /// - Returns: `[count, 3]`.
    public static func sCurve(_ count: Int, noise: Double = sCurveNoise) -> Tensor {
        let t = (Tensor.rand([count, 1]) - 0.5) * (3 * Double.pi)
        let height = Tensor.rand([count, 1]) * 2
        let points = Tensor.cat([t.sin(), height, t.sign() * (t.cos() - 1)], dim: 1)
        let noisy = points + Tensor.randn([count, 3]) * noise
        return noisy - noisy.mean(dims: [0], keepDims: true)
    }

    /// Images of white disks on black, which may overlap. Radius and place of each are three dimensions.
    /// - Parameters:
    ///   - count: how many.
    ///   - disks: in every image.
    ///   - side: of an image, in pixels.
    /// - Returns: `[count, 1, side, side]`, -1 or 1 as in the notebooks of the paper.
    public static func disks(_ count: Int, disks: Int, side: Int = 32) -> Tensor {
        let radius = Tensor.rand([count, disks, 1, 1]) * 3 + 2
        func centre() -> Tensor { radius + Tensor.rand([count, disks, 1, 1]) * (Double(side) - radius * 2) }
        let (x, y) = (centre(), centre())
        let pixel = Tensor.arange(side).to(.float32)
        let distance = (pixel.reshaped([1, 1, 1, side]) - x).square() + (pixel.reshaped([1, 1, side, 1]) - y).square()
        return distance.lt(radius.square()).to(.float32).max(dims: [1], keepDims: true) * 2 - 1
    }

    /// Gaussian latents of equal variance, turned into a larger space, with a little noise.
    /// - Returns: `[count, features]`.
    public static func linearGaussian(_ count: Int, rank: Int, features: Int, noise: Double = 0.01) -> Tensor {
        let directions = Tensor.randn([rank, features]) / Double(features).squareRoot()
        return Tensor.randn([count, rank]).matmul(directions) + Tensor.randn([count, features]) * noise
    }
}

extension BottleneckConfiguration {
    /// The S-curve of the paper: dense 3-64-64-4. The rate is higher than published and falls along a cosine, which
    /// reaches the published loss in a fraction of the epochs.
    public static func sCurve(seed: UInt64 = 42) -> Self {
        Self(
            width: 4, network: .dense(hidden: [64, 64], activation: .relu), seed: seed,
            training: .adam(epochs: 120, learningRate: 2e-3, minimumLearningRate: 1e-5))
    }

    /// Images of disks as in the paper: convolutions 1-12-24-48, then 768-256-128-K. Each image is decoded at five widths
    /// a step instead of all, which costs a third and, epoch for epoch, no loss (docs/iob-results.md).
    public static func disks(_ count: Int, seed: UInt64 = 42) -> Self {
        Self(
            width: max(16, 4 * count),
            network: .convolutional(channels: [12, 24, 48], hidden: [256, 128], activation: .relu),
            objective: .linear(weights: nil, widthsPerRow: 5), seed: seed,
            training: .adam(epochs: 150, learningRate: 1e-3, minimumLearningRate: 1e-5))
    }
}
