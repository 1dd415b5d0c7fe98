import Spectra
import Torch

extension Instrument {
    /// Flux in the form that a network learns best from: as it is where a continuum was divided out, else squashed, since a
    /// few reddened stars would drown all others.
    public func squashed(_ flux: Tensor) -> Tensor {
        if case .continuum = normalisation { return flux }
        return (flux / Self.softening).asinh()
    }

    /// By how much the squashed flux changes with the flux, per pixel.
    func squashedSlope(_ flux: Tensor) -> Tensor {
        if case .continuum = normalisation { return Tensor.ones(like: flux) }
        return (flux.square() + Self.softening * Self.softening).sqrt().reciprocal()
    }

    /// Flux, relative to that at the normalising pixel, at which squashing turns from linear to logarithmic.
    private static let softening = 0.05
}
