import Torch

/// Pixels as an encoder that knows masks and errors sees them: the difference from the mean star, in units of the spread among
/// stars, shrunk by spread² / (spread² + error²), which is the best guess where stars and noise are Gaussian. What is missing is 0,
/// the mean star.
final class WeighedPixels: Module {
    /// Of the training spectra, per pixel, over those that have it.
    let pixelMean: Buffer
    /// Spread of the training spectra, per pixel.
    let pixelStd: Buffer

    /// Pixels farther from the mean, in units of the spread, are cosmic rays or no stars.
    private static let farthest = 8.0
    /// Lines weaker than this are no more than noise in most spectra: pixels without lines do not count for more than these.
    private static let leastSpread = 0.01

    init(pixels: Int) {
        pixelMean = Buffer(.ones([pixels]))
        pixelStd = Buffer(.ones([pixels]))
        super.init()
    }

    /// Takes mean and spread of the pixels from spectra that will be learned from.
    func adapt(to spectra: SpectrumBatch) {
        let valid = Self.valid(spectra)
        let count = valid.sum(dims: [0]).clamp(min: 1)
        let mean = (spectra.flux * valid).sum(dims: [0]) / count
        let variance = ((spectra.flux - mean).square() * valid).sum(dims: [0]) / count
        pixelMean.value = mean
        pixelStd.value = variance.sqrt() + Self.leastSpread
    }

    /// - Returns: `[B, pixels]`.
    func callAsFunction(_ x: SpectrumBatch) -> Tensor {
        let input = standardised(x.flux) * Self.valid(x)
        guard let ivar = x.ivar else { return input }
        // Where no error is known, the pixel is taken as it is.
        let noise = (ivar.clamp(min: 1e-12) * pixelStd.value.square()).reciprocal()
        let shrinkage = (noise + 1).reciprocal()
        return input * shrinkage.where(ivar.gt(0), 1)
    }

    /// Mean squared error of the pixels that are shown, against what they are without noise.
    func loss(_ drawn: Tensor, of x: SpectrumBatch, finding clean: Tensor) -> Tensor {
        let valid = Self.valid(x)
        let squares = (drawn - standardised(clean)).square() * valid
        return squares.sum() / valid.sum().clamp(min: 1)
    }

    /// 1 where a pixel carries information, `[B, pixels]`.
    static func valid(_ x: SpectrumBatch) -> Tensor { x.valid ?? .ones(like: x.flux) }

    private func standardised(_ flux: Tensor) -> Tensor {
        ((flux - pixelMean.value) / pixelStd.value).clamp(min: -Self.farthest, max: Self.farthest)
    }
}
