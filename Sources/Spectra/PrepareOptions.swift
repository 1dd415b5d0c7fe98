/// Choices in ``Instrument/prepare(_:options:)``.
public struct PrepareOptions: Sendable, Codable, Hashable {
    /// The flux is already divided by its continuum: it is only resampled.
    public var continuumIsDivided: Bool
    /// For spectra with 32-bit wavelengths, reproduce the published pipeline's 32-bit roundings: rank-truncated
    /// continuum fits and 32-bit log10 λ. Changes such a normalised flux by 0.2–6 %. (The last bit of log10 in 32 bits
    /// differs between builds of numpy: equality with one of them is to 0.3 % of the step between pixels.)
    public var referenceRounding: Bool
    /// Radial velocity to remove, km/s, positive when the star recedes.
    public var radialVelocity: Double

    /// Options; the defaults do the right thing for raw spectra.
    public init(continuumIsDivided: Bool = false, referenceRounding: Bool = false, radialVelocity: Double = 0) {
        self.continuumIsDivided = continuumIsDivided
        self.referenceRounding = referenceRounding
        self.radialVelocity = radialVelocity
    }
}
