import Foundation
import Spectra
import Support

/// What a training does to prepared spectra each time it shows them, so that a model learns stars and not the
/// circumstances of one observation. Parts that are nil or 0 do nothing.
public struct Augmentation: Sendable, Hashable {
    /// Observes noise-free spectra at rest anew: velocity, broadening, noise. For logarithmic grids.
    public var observing: ObservingConditions?
    /// Half-width of the even distribution of velocities that half the spectra are given, without new noise, km/s; the others stay
    /// near rest, where stars are read in the end. For logarithmic grids.
    public var velocity = 0.0
    /// Adds smooth noise of 0 to so many times the spectrum's own errors.
    public var ownNoise = 0.0
    /// RMS of smooth wiggles that multiply the flux: what a continuum fit leaves or a flux calibration misses.
    public var continuumWarp = 0.0
    /// Share of the spectra with sky lines that were subtracted badly.
    public var skyResiduals = 0.0
    /// Share of the spectra with a gap, bridged by a straight line as `Instrument.prepare` does.
    public var gaps = 0.0
    /// Share of the spectra that are seen through a window alone, of the least coverage of their instrument at least; for
    /// instruments of which a part is enough.
    public var windows = 0.0
    /// Mean of the exponential distribution of additional extinction A_V, mag, of half the spectra.
    public var extinction = 0.0

    /// No change at all.
    public init() {}

    /// A spectrum as a model is shown it.
    public struct Result: Sendable {
        /// What is shown.
        public var flux: [Float]
        /// The same without noise, sky lines and gaps: what a denoising model is to find.
        public var clean: [Float]
        /// What was changed and must be added to labels, by name: `rv` in km/s, `a_k` in mag.
        public var labels: [String: Double] = [:]
        /// Signal to noise per pixel of a new observation; nil where there was none.
        public var snr: Double?
        /// Inverse variance of what is shown; nil where that of the spectrum still holds.
        public var ivar: [Float]?
    }

    /// Changes a spectrum.
    /// - Parameters:
    ///   - flux: prepared flux on the grid of `instrument`.
    ///   - ivar: its inverse variance; without it there is no noise of its own.
    public func callAsFunction(
        _ flux: [Float], ivar: [Float]?, of instrument: Instrument, using generator: inout SeededGenerator
    ) -> Result {
        var result = Result(flux: flux, clean: flux)
        if extinction > 0, generator.uniform() < 0.5 { redden(&result, ivar, instrument, &generator) }
        if let observing { observe(&result, observing, ivar, instrument, &generator) }
        if velocity > 0 { move(&result, ivar, instrument, &generator) }
        if continuumWarp > 0 { warp(&result, &generator) }
        if ownNoise > 0, let ivar = result.ivar ?? ivar { addNoise(&result, ivar, &generator) }
        if generator.uniform() < skyResiduals { addSky(&result.flux, instrument, &generator) }
        if generator.uniform() < gaps {
            let gap = Self.bridgeGap(&result.flux, &generator)
            // An instrument that knows masks is told.
            if instrument.leastCoverage != nil { result.hide(gap, known: ivar) }
        }
        if windows > 0, let least = instrument.leastCoverage, generator.uniform() < windows {
            look(&result, least, ivar, instrument, &generator)
        }
        return result
    }

    private func observe(
        _ result: inout Result, _ conditions: ObservingConditions, _ known: [Float]?, _ instrument: Instrument,
        _ generator: inout SeededGenerator
    ) {
        let margin = ObservingConditions.margin(of: instrument)
        // Beyond its ends a continuum-normalised spectrum goes on as it stops: a few pixels, at high velocities only.
        let wide =
            [Float](repeating: result.flux.first ?? 1, count: margin) + result.flux
            + [Float](repeating: result.flux.last ?? 1, count: margin)
        let observation = conditions.observeLRS(wide, instrument, using: &generator)
        result.flux = observation.flux
        result.clean = observation.noiseless
        result.labels[RadialVelocity.label] = observation.velocity
        result.snr = observation.snr
        result.ivar = observation.ivar
        guard let known, instrument.leastCoverage != nil else { return }
        // What the library does not have, no observation of it has; the blur reaches a few pixels.
        let shift = Int(ObservingConditions.shift(observation.velocity, on: instrument).rounded())
        let last = known.count - 1
        for i in known.indices {
            let near = [i - shift - 3, i - shift, i - shift + 3].map { known[max(0, min(last, $0))] }
            if !near.allSatisfy(BadPixels.isGood) { result.ivar?[i] = 0 }
        }
    }

    /// What a velocity that was read may be off by, km/s.
    private static let nearRest = 20.0

    /// Shifts a spectrum with what is known of its pixels.
    private func move(
        _ result: inout Result, _ known: [Float]?, _ instrument: Instrument, _ generator: inout SeededGenerator
    ) {
        let most = generator.uniform() < 0.5 ? velocity : min(velocity, Self.nearRest)
        let given = generator.uniform(in: -most...most)
        result.flux = instrument.atRest(result.flux, removing: -given)
        result.clean = instrument.atRest(result.clean, removing: -given)
        result.labels[RadialVelocity.label, default: 0] += given
        guard let ivar = result.ivar ?? known else { return }
        let shift = Int(ObservingConditions.shift(given, on: instrument).rounded())
        result.ivar = ivar.indices.map { pixel in
            ivar.indices.contains(pixel - shift) ? ivar[pixel - shift] : 0
        }
    }

    /// Leaves a part of the spectrum: of the pixels that are known, so many in a row that they cover at least `least` Å.
    private func look(
        _ result: inout Result, _ least: Double, _ own: [Float]?, _ instrument: Instrument,
        _ generator: inout SeededGenerator
    ) {
        let known = result.ivar ?? own
        let good =
            known.map { known in known.indices.filter { BadPixels.isGood(known[$0]) } } ?? Array(result.flux.indices)
        guard let first = good.first, let last = good.last else { return }
        let grid = instrument.grid
        let (low, high) = (grid.wavelength(at: Double(first)), grid.wavelength(at: Double(last)))
        guard high - low > least else { return }
        let width = generator.uniform(in: least...(high - low))
        let start = low + generator.uniform() * (high - low - width)
        let (left, right) = (Int(grid.pixel(at: start)), Int(grid.pixel(at: start + width)))
        result.hide(0..<max(0, left), known: own)
        result.hide(min(result.flux.count, right + 1)..<result.flux.count, known: own)
    }

    /// Dims a spectrum as dust does. It keeps its S/N.
    private func redden(
        _ result: inout Result, _ known: [Float]?, _ instrument: Instrument, _ generator: inout SeededGenerator
    ) {
        let visual = -extinction * log(1 - generator.uniform())
        let dimming = ExtinctionCurve.factors(on: instrument.grid).map { Float(pow(10, -0.4 * visual * $0)) }
        var divisor: Float = 1
        if case .pixel(let wavelength) = instrument.normalisation {
            divisor = Float(pow(10, -0.4 * visual * ExtinctionCurve.relative(wavelength)))
        }
        let factors = dimming.map { $0 / divisor }
        for i in result.flux.indices {
            result.flux[i] *= factors[i]
            result.clean[i] = result.flux[i]
        }
        result.ivar = known.map { zip($0, factors).map { $0 / ($1 * $1) } }
        result.labels["a_k"] = visual * ExtinctionCurve.relative(ExtinctionCurve.kBand)
    }

    /// Low-order polynomials and a slow wave, with random signs.
    private func warp(_ result: inout Result, _ generator: inout SeededGenerator) {
        let factors = (0..<3).map { _ in continuumWarp * generator.gaussian() }
        let (turns, phase) = (generator.uniform(in: 0.5...1.5), generator.uniform(in: 0...(2 * .pi)))
        let last = Double(max(1, result.flux.count - 1))
        for i in result.flux.indices {
            let x = 2 * Double(i) / last - 1
            let wave = factors[0] * x + factors[1] * (x * x - 1.0 / 3) + factors[2] * sin(.pi * turns * x + phase)
            result.flux[i] *= Float(1 + wave)
            result.clean[i] *= Float(1 + wave)
        }
    }

    private func addNoise(_ result: inout Result, _ ivar: [Float], _ generator: inout SeededGenerator) {
        let strength = Float(ownNoise * generator.uniform())
        let noise = ObservingConditions.smoothNoise(result.flux.count, &generator)
        for i in result.flux.indices where ivar[i] > 0 { result.flux[i] += strength * noise[i] / ivar[i].squareRoot() }
    }

    /// Residuals of night-sky lines, the strongest within the LRS window being [O I] 5577.34 Å (air).
    private func addSky(_ flux: inout [Float], _ instrument: Instrument, _ generator: inout SeededGenerator) {
        var places = (0..<Int.random(in: 0...3, using: &generator)).map { _ in generator.uniform() * Double(flux.count)
        }
        let grid = instrument.grid
        if grid.range.contains(5578.89), let pixel = grid.nearestPixel(to: 5578.89) { places.append(Double(pixel)) }
        for place in places {
            let (height, sigma) = (0.3 * generator.gaussian(), generator.uniform(in: 0.7...2))
            for i in max(0, Int(place) - 6)..<min(flux.count, Int(place) + 7) {
                flux[i] += Float(height * exp(-0.5 * pow((Double(i) - place) / sigma, 2)))
            }
        }
    }

    private static func bridgeGap(_ flux: inout [Float], _ generator: inout SeededGenerator) -> Range<Int> {
        let length = Int.random(in: 3...max(4, flux.count / 15), using: &generator)
        guard flux.count > length + 2 else { return 0..<0 }
        let start = Int.random(in: 1..<flux.count - length - 1, using: &generator)
        let (left, right) = (flux[start - 1], flux[start + length])
        for i in 0..<length {
            flux[start + i] = left + (right - left) * Float(i + 1) / Float(length + 1)
        }
        return start..<start + length
    }
}

extension Augmentation.Result {
    /// Marks pixels as without information.
    /// - Parameter known: inverse variances of the spectrum itself, where it was not observed anew.
    fileprivate mutating func hide(_ pixels: Range<Int>, known: [Float]?) {
        var ivar = ivar ?? known ?? [Float](repeating: 1e6, count: flux.count)
        for pixel in pixels { ivar[pixel] = 0 }
        self.ivar = ivar
    }
}

/// The Galactic extinction curve of Cardelli, Clayton & Mathis (1989, ApJ 345, 245) with R_V = 3.1, from 0.3 to 3.3 µm.
enum ExtinctionCurve {
    /// Wavelength of the K_s band, Å.
    static let kBand = 21_600.0
    private static let ratio = 3.1
    /// Polynomials of the optical part in y = 1/λ − 1.82, equations 3a and 3b.
    private static let a = [1, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999]
    private static let b = [0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002]

    /// A(λ)/A_V at a wavelength in Å.
    static func relative(_ wavelength: Double) -> Double {
        let x = min(3.3, max(0.3, 1e4 / wavelength))
        if x < 1.1 { return (0.574 - 0.527 / ratio) * pow(x, 1.61) }
        func polynomial(_ terms: [Double]) -> Double { terms.reversed().reduce(0) { $0 * (x - 1.82) + $1 } }
        return polynomial(a) + polynomial(b) / ratio
    }

    /// A(λ)/A_V on a grid.
    static func factors(on grid: WavelengthGrid) -> [Double] {
        cache.value(for: grid) { grid.wavelengths.map(relative) }
    }

    private static let cache = SharedCache<WavelengthGrid, [Double]>(capacity: 4)
}
