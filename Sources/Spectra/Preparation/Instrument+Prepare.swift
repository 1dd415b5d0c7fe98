import Support

extension Instrument {
    /// Brings a spectrum into the form a model sees: checked, shifted to rest if asked, normalised, on the grid.
    ///
    /// Pixels that carry no information (flux not finite, inverse variance not above 0, masked) are bridged linearly
    /// and marked in the mask; a mask that covers nearly all pixels against their inverse variances is ignored, with a
    /// note. The continuum is fitted to the spectrum as observed, before resampling; flux is interpolated linearly in
    /// log λ for logarithmic grids and in λ for linear ones (Zhao et al. 2025, section on preprocessing).
    ///
    /// - Throws: `Diagnostic` naming the spectrum's origin, the field and the remedy: lengths differ, wavelengths
    ///   in another unit, not increasing or not covering the grid, flux without finite values or variance,
    ///   signal-to-noise ratio not positive.
    public func prepare(_ spectrum: Spectrum, options: PrepareOptions = .init()) throws -> PreparedSpectrum {
        var spectrum = spectrum
        if options.radialVelocity != 0 {
            spectrum.wavelength = RadialVelocity.shift(
                spectrum.wavelength, kmPerSecond: -options.radialVelocity)
        }
        try SpectrumValidation.checkArrays(spectrum, for: self)
        spectrum.remove(gaps)
        let bad = BadPixels(spectrum, within: grid.range)
        try SpectrumValidation.checkSignal(spectrum, bad, for: self)
        if let isBad = bad.isBad {
            BadPixels.bridge(&spectrum.flux, at: spectrum.wavelength) { isBad[$0] }
            spectrum.ivar = spectrum.ivar.map { zip($0, isBad).map { $1 ? 0 : $0 } }
        }
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
        if case .pixel(let wavelength) = normalisation {
            let divisor = try reference(onGrid, at: wavelength, of: spectrum)
            for i in onGrid.indices { onGrid[i] /= divisor }
            ivar = ivar?.map { $0 * divisor * divisor }
        }
        var mask = bad.isBad.map(resample.mask) ?? [Bool](repeating: false, count: grid.count)
        if let blind {
            mask = zip(mask, blind).map { $0 || $1 }
            ivar = ivar.map { zip($0, blind).map { $1 ? 0 : $0 } }
        }
        let prepared = onGrid.map { Float($0) }
        guard prepared.allSatisfy(\.isFinite) else {
            throw Diagnostic(
                spectrum.origin, field: "flux", problem: "is not finite once normalised",
                remedy: "its values are too large or too small: leave the spectrum out")
        }
        return PreparedSpectrum(
            flux: prepared, ivar: ivar?.map { Float($0) },
            mask: mask,
            continuum: continuumOnGrid,
            snr: spectrum.snr ?? ivar.flatMap { PreparedSpectrum.signalToNoise(onGrid, $0) }, origin: spectrum.origin,
            sourceID: spectrum.sourceID, notes: bad.note.map { [$0] } ?? [])
    }

    /// The flux of the grid pixel nearest to `wavelength`, which must be positive to divide by.
    private func reference(_ flux: [Double], at wavelength: Double, of spectrum: Spectrum) throws -> Double {
        let pixel = grid.nearestPixel(to: wavelength)
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
    /// Leaves out the pixels within gaps: what stands on either side is then joined by a straight line.
    fileprivate mutating func remove(_ gaps: [ClosedRange<Double>]) {
        guard !gaps.isEmpty else { return }
        let kept = wavelength.indices.filter { pixel in !gaps.contains { $0.contains(wavelength[pixel]) } }
        guard kept.count < wavelength.count, kept.count > 1 else { return }
        wavelength = kept.map { wavelength[$0] }
        flux = kept.map { flux[$0] }
        ivar = ivar.map { ivar in kept.map { ivar[$0] } }
        mask = mask.map { mask in kept.map { mask[$0] } }
    }
}
