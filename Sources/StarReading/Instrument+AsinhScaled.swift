import Spectra
import Torch

extension Instrument {
    /// Flux in the form that a network learns best from: as it is where a continuum was divided out, else asinh-scaled, since a
    /// few reddened stars would drown all others.
    public func asinhScaled(_ flux: Tensor) -> Tensor {
        if case .continuum = normalisation { return flux }
        return (flux / Self.softening).asinh()
    }

    /// By how much the asinh-scaled flux changes with the flux, per pixel.
    func asinhSlope(_ flux: Tensor) -> Tensor {
        if case .continuum = normalisation { return Tensor.ones(like: flux) }
        return (flux.square() + Self.softening * Self.softening).sqrt().reciprocal()
    }

    /// Flux, relative to that at the normalising pixel, at which the scaling turns from linear to logarithmic.
    private static let softening = 0.05
}
