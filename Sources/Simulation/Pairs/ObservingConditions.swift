import Foundation
import Instruments
import Spectra
import Statistics
import Support

/// What observing does to the spectra of simulated stars: radial velocity, resolution and noise, drawn star by star.
public struct ObservingConditions: Sendable, Codable, Hashable {
    /// Standard deviation of the radial velocities, km/s.
    public var velocitySigma = 80.0
    /// Share of the stars whose velocity is drawn evenly instead, so that fast stars are not strange to a model.
    public var uniformVelocityShare = 0.3
    /// Half-width of that even distribution, km/s.
    public var uniformVelocityLimit = 400.0
    /// Median S/N per pixel of the LRS spectra between 4400 and 5500 Å.
    public var lrsSignalToNoise = 40.0
    /// Standard deviation of its natural logarithm.
    public var lrsSignalToNoiseSpread = 0.8
    /// Median S/N per pixel of the XP spectra between 496 and 616 nm (109 in the XP–APOGEE library).
    public var xpSignalToNoise = 109.0
    /// Standard deviation of its natural logarithm.
    public var xpSignalToNoiseSpread = 0.73
    /// Range of the Gaussian σ, in LRS pixels, that widens the library's lines to LAMOST's.
    public var broadening: ClosedRange<Double> = 0.6...0.8

    /// The conditions under which the published surveys work.
    public init() {}

    /// The largest velocity that is drawn, km/s.
    private static let fastest = 500.0
    /// Reach of the widest blur that a configuration may ask for: 3 σ and a pixel, σ being 1.2 pixels.
    private static let blurReach = 5

    /// Pixels to spare at each end of an instrument's grid, for shifts up to 500 km/s and the blur: 12 on the LRS grid,
    /// where such a shift is 7.2 pixels; more where pixels are finer.
    static func margin(of instrument: Instrument) -> Int {
        let shift = max(abs(shift(fastest, on: instrument)), abs(self.shift(-fastest, on: instrument)))
        return Int(shift.rounded()) + blurReach
    }

    /// Why the spectra of an instrument cannot be observed anew, as `problem; remedy`; `nil` when they can.
    public static func problem(observing instrument: Instrument) -> String? {
        guard case .logarithmic(_, let step, _) = instrument.grid else {
            return "needs a grid in log wavelength; use ownNoise for \(instrument.title)"
        }
        // No spectrograph resolves more than a few million; a slip of the exponent would ask for terabytes.
        guard step >= 1e-7 else {
            return "needs steps of 1e-7 dex or more, not \(step); mend the grid of the definition"
        }
        return nil
    }

    /// A velocity in pixels of a logarithmic grid (of LAMOST's, where the grid is none).
    static func shift(_ velocity: Double, on instrument: Instrument) -> Double {
        var step = 1e-4
        if case .logarithmic(_, let gridStep, _) = instrument.grid { step = gridStep }
        return log10(RadialVelocity.factor(velocity)) / step
    }

    /// An instrument with ``margin(of:)`` more pixels at each end, at rest.
    static func widened(_ instrument: Instrument) -> Instrument {
        var wide = instrument
        if case .logarithmic(let start, let step, let count) = instrument.grid {
            let margin = margin(of: instrument)
            wide.grid = .logarithmic(
                log10Start: start - Double(margin) * step, step: step, count: count + 2 * margin)
        }
        return wide
    }

    /// S/N along the LRS relative to that at 4400–5500 Å: medians of nine LAMOST spectra in steps of 100 Å from 4000 Å.
    private static let lrsProfile: [Double] = [
        0.304, 0.370, 0.461, 0.490, 0.642, 0.800, 0.907, 0.955, 0.989, 0.999, 1.033, 1.047, 1.046, 1.102, 1.107, 1.091,
        1.003,
    ]

    /// S/N along XP relative to that at 496–616 nm: medians of the XP–APOGEE library in steps of 38 nm from 336 nm.
    private static let xpProfile: [Double] = [
        0.046, 0.057, 0.197, 0.367, 0.568, 0.805, 1.053, 1.414, 1.442, 1.036, 1.197, 1.510, 1.559, 1.555, 1.411, 1.218,
        0.960, 0.554, 0.228,
    ]

    /// A simulated observation.
    struct Observation {
        var flux: [Float]
        /// The same before noise.
        var noiseless: [Float]
        var ivar: [Float]
        var velocity: Double
        var snr: Double
    }

    /// Observes a continuum-normalised spectrum given on the widened grid of an instrument.
    func observeLRS(
        _ wide: [Float], _ instrument: Instrument, using generator: inout SeededGenerator
    ) -> Observation {
        let velocity =
            generator.uniform() < uniformVelocityShare
            ? generator.uniform(in: -uniformVelocityLimit...uniformVelocityLimit)
            : velocitySigma * generator.gaussian()
        let bounded = max(-Self.fastest, min(Self.fastest, velocity))
        let snr = Self.draw(lrsSignalToNoise, lrsSignalToNoiseSpread, 5...500, &generator)
        // Red stars lose more in the blue than blue ones do: the fall is drawn steeper or flatter.
        let steepness = generator.uniform(in: 0.5...1.5)
        let sigma = generator.uniform(in: broadening)
        var flux = LineSpread.blur(
            wide, margin: Self.margin(of: instrument), shift: Self.shift(bounded, on: instrument), sigma: sigma)
        let noiseless = flux
        let profile = Self.lrsProfile(on: instrument)
        let ivar = Self.addNoise(&flux, profile.map { snr * pow($0, steepness) }, &generator)
        return Observation(flux: flux, noiseless: noiseless, ivar: ivar, velocity: bounded, snr: snr)
    }

    /// Observes a spectrum given on the XP grid (any positive scale).
    func observeXP(_ flux: [Float], using generator: inout SeededGenerator) -> Observation {
        let snr = Self.draw(xpSignalToNoise, xpSignalToNoiseSpread, 8...800, &generator)
        let wavelengths = Instrument.gaiaXP.grid.wavelengths
        let profile = Self.profile(Self.xpProfile, from: 3360, step: 380, at: wavelengths)
        let noiseless = flux
        var flux = flux
        let noise = Self.smoothNoise(flux.count, &generator)
        // Noise follows the flux: the profile is of S/N. A thousandth of the mean keeps it positive where there is none.
        let least = flux.reduce(0, +) / Float(max(1, flux.count)) * 1e-3
        var ivar = [Float](repeating: 0, count: flux.count)
        for i in flux.indices {
            let sigma = max(least, abs(flux[i])) / Float(snr * profile[i])
            flux[i] += sigma * noise[i]
            ivar[i] = 1 / (sigma * sigma)
        }
        return Observation(flux: flux, noiseless: noiseless, ivar: ivar, velocity: 0, snr: snr)
    }

    /// Gaussian noise of unit variance, correlated over a few samples: sampled XP spectra are sums of smooth functions,
    /// 55 a band, so their errors are as smooth as they are.
    static func smoothNoise(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
        let reach = 8
        let kernel = (-reach...reach).map { exp(-0.5 * pow(Double($0) / xpNoiseLength, 2)) }
        let scale = 1 / kernel.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let white = (0..<count + 2 * reach).map { _ in Float(generator.gaussian() * scale) }
        // Weight by weight over all samples, without a check of each: the compiler makes vectors of it.
        var noise = [Float](repeating: 0, count: count)
        white.withUnsafeBufferPointer { white in
            noise.withUnsafeMutableBufferPointer { noise in
                for (place, weight) in kernel.enumerated() {
                    let (weight, there) = (Float(weight), UnsafeBufferPointer(rebasing: white[place...]))
                    for i in 0..<count { noise[i] += weight * there[i] }
                }
            }
        }
        return noise
    }

    /// Correlation length of simulated XP noise, samples of 2 nm.
    private static let xpNoiseLength = 2.0

    /// Adds photon noise of the given S/N in the continuum to normalised flux; returns the inverse variance.
    private static func addNoise(
        _ flux: inout [Float], _ snr: [Double], _ generator: inout SeededGenerator
    ) -> [Float] {
        flux.indices.map { i in
            let sigma = Float(max(0.1, Double(flux[i])).squareRoot() / snr[i])
            flux[i] += sigma * Float(generator.gaussian())
            return 1 / (sigma * sigma)
        }
    }

    private static func draw(
        _ median: Double, _ spread: Double, _ range: ClosedRange<Double>, _ generator: inout SeededGenerator
    ) -> Double {
        min(range.upperBound, max(range.lowerBound, median * exp(spread * generator.gaussian())))
    }

    /// The profile on an instrument's grid; trainings ask for it at every spectrum.
    private static func lrsProfile(on instrument: Instrument) -> [Double] {
        if instrument == .lamostLRS { return profileOfLAMOST }
        return profile(lrsProfile, from: 4000, step: 100, at: instrument.grid.wavelengths)
    }

    private static let profileOfLAMOST = profile(
        lrsProfile, from: 4000, step: 100, at: Instrument.lamostLRS.grid.wavelengths)

    /// A profile tabulated in equal steps, interpolated linearly and held constant beyond its ends.
    private static func profile(
        _ values: [Double], from start: Double, step: Double, at wavelengths: [Double]
    ) -> [Double] {
        wavelengths.map { wavelength in
            let place = max(0, min(Double(values.count - 1), (wavelength - start) / step))
            let index = min(values.count - 2, Int(place))
            let fraction = place - Double(index)
            return values[index] * (1 - fraction) + values[index + 1] * fraction
        }
    }
}
