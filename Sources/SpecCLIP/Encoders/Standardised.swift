import Torch

/// Spectra brought to zero mean and unit standard deviation, each by its own statistics.
///
/// The standard deviation is the unbiased one. There is no epsilon (reference, quirk Q5): a constant spectrum has no
/// standard form, and `Instrument.prepare` refuses it before it gets here.
public struct Standardised {
    /// `(flux - mean) / std`, `[B, N]`.
    public let flux: Tensor
    /// `[B, 1]`.
    public let mean: Tensor
    /// `[B, 1]`.
    public let std: Tensor

    /// - Parameters:
    ///   - flux: `[B, N]`.
    ///   - minimumStd: what smaller standard deviations are raised to.
    public init(_ flux: Tensor, minimumStd: Double? = nil) {
        mean = flux.mean(dims: [1], keepDims: true)
        let std = flux.std(dim: 1, unbiased: true, keepDims: true)
        self.std = minimumStd.map { std.clamp(min: $0) } ?? std
        self.flux = (flux - mean) / self.std
    }
}

/// Which statistics of a spectrum a model is told beside its standardised shape.
public enum SpectrumStatistics: String, Codable, Sendable, Hashable {
    /// log₁₀ of the standard deviation: the mean stays unknown (LAMOST models).
    case logStd = "log10-std"
    /// Mean and standard deviation as they are (Gaia XP models).
    case meanStd = "mean-std"
    /// Mean and standard deviation compressed by asinh: heavily reddened stars, whose flux at 550 nm is close to 0,
    /// have means in the thousands, and a squared error of those would drown every other star.
    case asinhMeanStd = "asinh-mean-std"
    case none

    /// How many numbers that is.
    public var count: Int {
        switch self {
        case .logStd: 1
        case .meanStd, .asinhMeanStd: 2
        case .none: 0
        }
    }

    /// The statistics as columns, `[B, count]`; `nil` for `.none`.
    func columns(of spectra: Standardised) -> Tensor? {
        switch self {
        case .logStd: spectra.std.log10()
        case .meanStd: Tensor.cat([spectra.mean, spectra.std], dim: 1)
        case .asinhMeanStd: Tensor.cat([spectra.mean.asinh(), spectra.std.asinh()], dim: 1)
        case .none: nil
        }
    }
}
