import Spectra
import Torch

/// Prepared spectra of one instrument on their way into an encoder, with what is known of their pixels.
public struct SpectrumBatch: Sendable {
    /// Normalised flux, `[B, pixels]`; all finite, bad pixels bridged by straight lines.
    public var flux: Tensor
    /// Inverse variance of the flux, `[B, pixels]`; 0 where a pixel carries no information, and in all pixels of a spectrum
    /// whose errors are not known. Nil where the encoder does not ask for it.
    public var ivar: Tensor?
    /// 1 where a pixel carries information, else 0, `[B, pixels]`. Nil where the encoder does not ask for it.
    public var valid: Tensor?
    /// Vacuum wavelength of the pixels, Å, `[pixels]`. Nil where the encoder does not ask for it.
    public var wavelength: Tensor?

    /// A batch from its parts.
    public init(_ flux: Tensor, ivar: Tensor? = nil, valid: Tensor? = nil, wavelength: Tensor? = nil) {
        self.flux = flux
        self.ivar = ivar
        self.valid = valid
        self.wavelength = wavelength
    }

    /// What is known of some spectra beside their flux, of which an encoder takes what it asks for.
    /// - Parameters:
    ///   - flux: `[B, pixels]`.
    ///   - ivar: per spectrum, nil where its errors are not known.
    ///   - masks: per spectrum, true where a pixel is bad; empty where all are good.
    package init(
        _ flux: Tensor, of instrument: Instrument, ivar: [[Float]?], masks: [[Bool]], for inputs: SpectrumInputs
    ) {
        let shape = flux.shape
        self.flux = flux
        if inputs.contains(.ivar) {
            let none = [Float](repeating: 0, count: instrument.grid.count)
            self.ivar = Tensor(ivar.flatMap { $0 ?? none }, shape: shape)
        }
        if inputs.contains(.valid) {
            let all = [Float](repeating: 1, count: instrument.grid.count)
            let valid = zip(ivar, masks).flatMap { ivar, mask -> [Float] in
                if !mask.isEmpty { return mask.map { $0 ? 0 : 1 } }
                return ivar.map { $0.map { BadPixels.isGood($0) ? 1 : 0 } } ?? all
            }
            self.valid = Tensor(valid, shape: shape)
        }
        if inputs.contains(.wavelength) {
            wavelength = Tensor(instrument.grid.wavelengths.map { Float($0) }, shape: [instrument.grid.count])
        }
    }

    /// Number of spectra.
    public var count: Int { flux.size(0) }

    /// The batch on a device.
    public func to(_ device: Device) throws -> SpectrumBatch {
        SpectrumBatch(
            try flux.to(device), ivar: try ivar?.to(device), valid: try valid?.to(device),
            wavelength: try wavelength?.to(device))
    }

    /// Some of the spectra, in this order.
    package func rows(_ index: Tensor) -> SpectrumBatch {
        mapping { $0.indexSelect(0, index) }
    }

    /// The spectra of two batches, one after the other.
    package func appending(_ other: SpectrumBatch) -> SpectrumBatch {
        func joined(_ a: Tensor?, _ b: Tensor?) -> Tensor? { a.flatMap { a in b.map { Tensor.cat([a, $0], dim: 0) } } }
        return SpectrumBatch(
            Tensor.cat([flux, other.flux], dim: 0), ivar: joined(ivar, other.ivar), valid: joined(valid, other.valid),
            wavelength: wavelength)
    }

    private func mapping(_ body: (Tensor) -> Tensor) -> SpectrumBatch {
        SpectrumBatch(body(flux), ivar: ivar.map(body), valid: valid.map(body), wavelength: wavelength)
    }
}

/// What an encoder asks for beside the flux: what none asks for is neither read nor kept.
public struct SpectrumInputs: OptionSet, Sendable {
    /// One bit an input.
    public let rawValue: Int

    /// Inputs of some bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Inverse variances.
    public static let ivar = Self(rawValue: 1)
    /// Which pixels carry information.
    public static let valid = Self(rawValue: 2)
    /// Wavelengths.
    public static let wavelength = Self(rawValue: 4)
}
