import Foundation
import Torch

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
