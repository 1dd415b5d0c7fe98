import Algorithms
import Foundation
import Statistics
import Support

extension Instrument {
    /// Brings a spectrum into the form a model sees: checked, shifted to rest if asked, normalised, on the grid.
    ///
    /// Pixels that carry no information (flux not finite, inverse variance not above 0, masked) are bridged linearly
    /// and marked in the mask, as what a spectrum does not cover is where its instrument allows for that; a mask that
    /// covers nearly all pixels against their inverse variances is ignored, with a note. The continuum is fitted to the
    /// spectrum as observed, before resampling; flux is interpolated linearly in log λ for logarithmic grids and in λ for
    /// linear ones (Zhao et al. 2025, section on preprocessing).
    ///
    /// - Parameters:
    ///   - spectrum: as its file has it.
    ///   - options: how it is prepared.
    ///   - acceptsMissingBands: whether a quarter of the pixels is enough, and a spectrum is of use without those where its
    ///     instrument is normalised: it comes divided by its median then, and says so.
    /// - Throws: `Diagnostic` naming the spectrum's origin, the field and the remedy: lengths differ, wavelengths
    ///   in another unit, not increasing or not covering the grid, flux without finite values or variance,
    ///   signal-to-noise ratio not positive.
    public func prepare(
        _ spectrum: Spectrum, options: PrepareOptions = .init(), acceptsMissingBands: Bool = false
    ) throws -> PreparedSpectrum {
        var spectrum = spectrum
        if options.radialVelocity != 0 {
            spectrum.wavelength = RadialVelocity.shift(
                spectrum.wavelength, kmPerSecond: -options.radialVelocity)
        }
        try SpectrumValidation.checkArrays(spectrum, for: self)
        spectrum.remove(gaps)
        let bad = BadPixels(spectrum, within: grid.range)
        try SpectrumValidation.checkSignal(spectrum, bad, for: self, least: acceptsMissingBands ? 0.25 : 0.5)
        if let isBad = bad.isBad {
            BadPixels.bridge(&spectrum.flux, at: spectrum.wavelength) { isBad[$0] }
            spectrum.ivar = spectrum.ivar.map { zip($0, isBad).map { $1 ? 0 : $0 } }
        }
        let note = smooth(&spectrum)
        let rounds = options.referenceRounding && spectrum.wavelengthIsFloat32

        var flux = spectrum.flux
        var continuum: [Double]?
        if case .continuum(let recipe) = normalisation, !options.continuumIsDivided {
            let fitted = Continuum.fitChecked(
                wavelength: spectrum.wavelength, flux: flux, recipe: recipe, truncatesRank: rounds, within: grid.range)
            for i in flux.indices { flux[i] /= fitted[i] }
            continuum = fitted
        }

        let resample = Resampling.shared(spectrum.wavelength, grid, roundsTo32Bits: rounds)
        var onGrid = resample(flux)
        var ivar = spectrum.ivar.map(resample.inverseVariance)
        let continuumOnGrid = continuum.map { resample($0) }
        if let continuumOnGrid, let values = ivar {
            ivar = values.indices.map { values[$0] * continuumOnGrid[$0] * continuumOnGrid[$0] }
        }
        var mask = bad.isBad.map(resample.mask) ?? [Bool](repeating: false, count: grid.count)
        if leastCoverage != nil { resample.markUnseen(&mask) }
        var scaleIsUnknown = false
        if case .pixel(let wavelength) = normalisation {
            scaleIsUnknown = acceptsMissingBands && isUnseen(wavelength, mask)
            let divisor =
                try scaleIsUnknown
                ? median(zip(onGrid, mask).filter { !$0.1 }.map(\.0))
                : reference(onGrid, at: wavelength, of: spectrum, where: mask)
            for i in onGrid.indices { onGrid[i] /= divisor }
            ivar = ivar?.map { $0 * divisor * divisor }
        }
        if let blind {
            mask = zip(mask, blind).map { $0 || $1 }
            ivar = ivar.map { zip($0, blind).map { $1 ? 0 : $0 } }
        }
        var localLevel: [Double]?
        if case .smoothed(let width) = normalisation, case .logarithmic(_, let step, _) = grid,
            !options.continuumIsDivided
        {
            let level = LocalLevel.of(onGrid, where: mask, sigma: width / step)
            // Nothing is left of a spectrum around which there is no light.
            for i in onGrid.indices where !(level[i] > 0) { mask[i] = true }
            onGrid = zip(onGrid, level).map { $1 > 0 ? $0 / $1 : 1 }
            ivar = ivar.map { zip($0, level).map { $0 * $1 * $1 } }
            localLevel = level
        }
        if leastCoverage != nil {
            for i in onGrid.indices where mask[i] {
                ivar?[i] = 0
                if localLevel != nil { onGrid[i] = 1 }
            }
        }
        let prepared = onGrid.map { Float($0) }
        guard prepared.allSatisfy(\.isFinite) else {
            throw Diagnostic(
                spectrum.origin, field: "flux", problem: "is not finite once normalised",
                remedy: "its values are too large or too small: leave the spectrum out")
        }
        // A file's S/N is that of a band; of what any spectrograph has seen, the errors tell it, as they do of data sets.
        func told() -> Double? { ivar.flatMap { PreparedSpectrum.signalToNoise(onGrid, $0) } }
        let snr = leastCoverage == nil ? spectrum.snr ?? told() : told() ?? spectrum.snr
        var result = PreparedSpectrum(
            flux: prepared, ivar: ivar?.map { Float($0) },
            mask: mask,
            continuum: continuumOnGrid ?? localLevel,
            snr: snr, origin: spectrum.origin,
            sourceID: spectrum.sourceID, notes: spectrum.notes + [bad.note, note].compactMap(\.self))
        result.scaleIsUnknown = scaleIsUnknown
        return result
    }

    /// Brings a spectrum that resolves more than the instrument to what the instrument resolves. Its finer lines would
    /// otherwise come out too deep: 170 K for the Sun at R = 100,000.
    /// - Returns: what was done or could not be, for the user to know.
    private func smooth(_ spectrum: inout Spectrum) -> String? {
        guard let own = resolution else { return nil }
        let power = { (value: Double) in String(format: "%.0f", value) }
        guard let finer = spectrum.resolution else {
            let range = grid.range
            let pixels = spectrum.wavelength.count { range.contains($0) }
            guard pixels > Self.finePixels * grid.count else { return nil }
            return "its pixels are \(pixels / grid.count) times finer than those of \(title): if it resolves more than "
                + "R = \(power(own)), say so (--resolution)"
        }
        if finer < 0.8 * own {
            return "resolves less (R = \(power(finer))) than \(title) (\(power(own))): lines look weaker than they are"
        }
        guard finer > Self.sameResolution * own else { return nil }
        let (flux, variance) = LineSpread.smoothed(spectrum.flux, at: spectrum.wavelength, from: finer, to: own)
        spectrum.flux = flux
        spectrum.ivar = spectrum.ivar.map { zip($0, variance).map { $0 / $1 } }
        return "smoothed from R = \(power(finer)) to \(power(own)), that of \(title)"
    }

    /// Spectra with so many pixels for each of the instrument's may resolve more than it does.
    private static let finePixels = 3
    /// What differs less needs no smoothing.
    private static let sameResolution = 1.1

    /// Whether a whole band around a wavelength is missing: a pixel or two are bridged, but what bridges a band is no flux.
    private func isUnseen(_ wavelength: Double, _ isBad: [Bool]) -> Bool {
        guard let pixel = grid.nearestPixel(to: wavelength) else { return false }
        return isBad[max(0, pixel - 3)...min(isBad.count - 1, pixel + 3)].allSatisfy(\.self)
    }

    /// The flux of the grid pixel nearest to `wavelength`, which must be positive to divide by.
    private func reference(
        _ flux: [Double], at wavelength: Double, of spectrum: Spectrum, where isBad: [Bool]
    ) throws -> Double {
        let pixel = grid.nearestPixel(to: wavelength)
        if isUnseen(wavelength, isBad) {
            throw Diagnostic(
                spectrum.origin, field: "flux",
                problem: "is missing around \(SpectrumValidation.number(wavelength)) Å, where \(title) is normalised",
                remedy: "a band is missing: leave the spectrum out")
        }
        guard let pixel, flux[pixel] > 0 else {
            throw Diagnostic(
                spectrum.origin, field: "flux",
                problem: "is \(pixel.map { SpectrumValidation.number(flux[$0]) } ?? "absent")"
                    + " at \(SpectrumValidation.number(wavelength)) Å, where \(title) is normalised",
                remedy: "the signal is too weak: leave the spectrum out")
        }
        return flux[pixel]
    }
}

extension Spectrum {
    /// Leaves out the pixels within gaps: what stands on either side is then joined by a straight line. Wavelengths increase.
    fileprivate mutating func remove(_ gaps: [ClosedRange<Double>]) {
        var kept = self
        for gap in gaps {
            let start = kept.wavelength.partitioningIndex { $0 >= gap.lowerBound }
            let end = kept.wavelength.partitioningIndex { $0 > gap.upperBound }
            guard start < end else { continue }
            kept.wavelength.removeSubrange(start..<end)
            kept.flux.removeSubrange(start..<end)
            kept.ivar?.removeSubrange(start..<end)
            kept.mask?.removeSubrange(start..<end)
        }
        if kept.wavelength.count > 1 { self = kept }
    }
}
