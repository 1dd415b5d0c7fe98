import Statistics

/// A spectrum ready for a model: normalised, on the grid of its ``Instrument``.
public struct PreparedSpectrum: Sendable, Equatable {
    /// Normalised flux, one value per grid pixel; all finite.
    public var flux: [Float]
    /// Inverse variance of the normalised flux, if the errors are known; 0 where bad.
    public var ivar: [Float]?
    /// True where the grid pixel rests on bad or missing data; its flux is then a straight line across them.
    public var mask: [Bool]
    /// The continuum the flux was divided by, on the grid and in the flux unit of the file; nil if none was fitted.
    public var continuum: [Double]?
    /// Signal-to-noise ratio per pixel: as stated by the file, else the median of flux × √ivar; nil if unknown.
    public var snr: Double?
    /// Where it came from: `file` or `file#row`.
    public var origin: String
    /// Identifier of the source.
    public var sourceID: String?
    /// What was assumed or left out in preparation, each a clause for the user to read; mostly none.
    public var notes: [String]
    /// Whether the band that its instrument is normalised in is missing: flux is then in units of its own median.
    public var scaleIsUnknown = false

    /// A prepared spectrum from its parts, all arrays of the grid's length.
    public init(
        flux: [Float], ivar: [Float]? = nil, mask: [Bool], continuum: [Double]? = nil, snr: Double? = nil,
        origin: String = "memory", sourceID: String? = nil, notes: [String] = []
    ) {
        self.flux = flux
        self.ivar = ivar
        self.mask = mask
        self.continuum = continuum
        self.snr = snr
        self.origin = origin
        self.sourceID = sourceID
        self.notes = notes
    }

    /// Median of flux × √ivar over the pixels that carry information; nil where none does.
    @inlinable public static func signalToNoise<Value: BinaryFloatingPoint>(
        _ flux: some Collection<Value>, _ ivar: some Collection<Value>
    ) -> Double? {
        var ratios: [Double] = []
        ratios.reserveCapacity(flux.count)
        for (value, weight) in zip(flux, ivar) where weight > 0 {
            ratios.append(Double(value) * Double(weight).squareRoot())
        }
        return ratios.isEmpty ? nil : median(ratios)
    }

    /// Signal to noise per pixel as the flux alone tells it: DER_SNR (Stoehr et al. 2008, ASP Conf. Ser. 394, 505), the
    /// median over that of third-order differences of every other pixel. Lines count as noise, so it is a lower bound
    /// for good spectra; nil for fewer than five pixels.
    public static func signalToNoise(ofFlux flux: some RandomAccessCollection<Float>) -> Double? {
        let values = flux.map(Double.init)
        guard values.count > 4 else { return nil }
        let differences = (2..<values.count - 2).map { i -> Double in
            abs(2 * values[i] - values[i - 2] - values[i + 2])
        }
        let noise = Self.noisePerDifference * median(differences)
        return median(values) / max(noise, .leastNormalMagnitude)
    }

    /// σ of the noise over the median of |2 f(i) − f(i − 2) − f(i + 2)|.
    private static let noisePerDifference = 1.482602 / 6.0.squareRoot()

    /// Inverse variances as the flux itself tells them, where nobody has stated any: in the same way, over some hundred pixels at a
    /// time, since a spectrograph sees its ends worse than its middle. 0 where pixels are missing.
    public var estimatedIvar: [Float] {
        let block = 128
        var ivar = [Float](repeating: 0, count: flux.count)
        for start in stride(from: 0, to: flux.count, by: block) {
            let part = start..<min(start + block, flux.count)
            let differences = part.compactMap { i -> Double? in
                guard i >= 2, i + 2 < flux.count, [i - 2, i, i + 2].allSatisfy({ mask.isEmpty || !mask[$0] }) else {
                    return nil
                }
                return abs(2 * Double(flux[i]) - Double(flux[i - 2]) - Double(flux[i + 2]))
            }
            guard differences.count > 4 else { continue }
            let noise = max(Self.noisePerDifference * median(differences), 1e-6)
            for i in part where mask.isEmpty || !mask[i] { ivar[i] = Float(1 / (noise * noise)) }
        }
        return ivar
    }
}

/// Choices in ``Instrument/prepare(_:options:acceptsMissingBands:)``.
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
