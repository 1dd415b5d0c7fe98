import Spectra
import Torch

extension Instrument {
    /// Flux in the form that a network learns best from: as it is where a continuum was divided out, else squashed, since a
    /// few reddened stars would drown all others.
    func squashed(_ flux: Tensor) -> Tensor {
        if case .continuum = normalisation { return flux }
        return (flux / 0.05).asinh()
    }
}
