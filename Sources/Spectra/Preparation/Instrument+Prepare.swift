extension Instrument {
    /// Brings a spectrum into the form a model sees: checked, shifted to rest if asked, normalised, on the grid.
    ///
    /// Pixels whose flux is not finite are bridged linearly and marked in the mask. The continuum is fitted to the
    /// spectrum as observed, before resampling; flux is interpolated linearly in log λ for logarithmic grids and in λ
    /// for linear ones (Zhao et al. 2025, section on preprocessing).
    ///
    /// - Throws: ``SpectrumError`` naming the spectrum's origin, the field and the remedy: lengths differ, wavelengths
    ///   in another unit, not increasing or not covering the grid, flux without finite values or variance,
    ///   signal-to-noise ratio not positive.
    public func prepare(_ spectrum: Spectrum, options: PrepareOptions = .init()) throws -> PreparedSpectrum {
        var spectrum = spectrum
        if options.radialVelocity != 0 {
            spectrum.wavelength = RadialVelocity.shift(
                spectrum.wavelength, kmPerSecond: -options.radialVelocity)
        }
        try SpectrumValidation.check(spectrum, for: self)
        let isMissing = Self.bridgeGaps(&spectrum)
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
        let prepared = onGrid.map { Float($0) }
        guard prepared.allSatisfy(\.isFinite) else {
            throw SpectrumError(
                file: spectrum.origin, field: "flux", problem: "is not finite once normalised",
                remedy: "its values are too large or too small: leave the spectrum out")
        }
        return PreparedSpectrum(
            flux: prepared, ivar: ivar?.map { Float($0) },
            mask: mask(spectrum, isMissing, resample), continuum: continuumOnGrid,
            snr: spectrum.snr ?? ivar.flatMap { PreparedSpectrum.signalToNoise(onGrid, $0) }, origin: spectrum.origin,
            sourceID: spectrum.sourceID)
    }

    /// Replaces flux that is not finite by a straight line between its neighbours (by the nearest value at the ends);
    /// returns which pixels that were, or nil if there were none.
    private static func bridgeGaps(_ spectrum: inout Spectrum) -> [Bool]? {
        guard !spectrum.flux.allSatisfy(\.isFinite) else { return nil }
        let isMissing = spectrum.flux.map { !$0.isFinite }
        let good = isMissing.indices.filter { !isMissing[$0] }
        guard let first = good.first, let last = good.last else { return isMissing }
        let (wavelength, flux) = (spectrum.wavelength, spectrum.flux)
        for i in 0..<first { spectrum.flux[i] = flux[first] }
        for i in last..<flux.count { spectrum.flux[i] = flux[last] }
        for (left, right) in zip(good, good.dropFirst()) where right > left + 1 {
            let slope = (flux[right] - flux[left]) / (wavelength[right] - wavelength[left])
            for i in left + 1..<right { spectrum.flux[i] = flux[left] + slope * (wavelength[i] - wavelength[left]) }
        }
        if let ivar = spectrum.ivar { spectrum.ivar = zip(ivar, isMissing).map { $1 ? 0 : $0 } }
        return isMissing
    }

    private func mask(_ spectrum: Spectrum, _ isMissing: [Bool]?, _ resample: Resampling) -> [Bool] {
        guard isMissing != nil || spectrum.mask != nil || spectrum.ivar != nil else {
            return [Bool](repeating: false, count: grid.count)
        }
        return resample.mask(
            spectrum.flux.indices.map { i in
                (isMissing?[i] ?? false) || (spectrum.mask?[i] ?? false) || !(spectrum.ivar.map { $0[i] > 0 } ?? true)
            })
    }

    /// The flux of the grid pixel nearest to `wavelength`, which must be positive to divide by.
    private func reference(_ flux: [Double], at wavelength: Double, of spectrum: Spectrum) throws -> Double {
        let pixel = grid.nearestPixel(to: wavelength)
        guard let pixel, flux[pixel] > 0 else {
            throw SpectrumError(
                file: spectrum.origin, field: "flux",
                problem: "is \(pixel.map { SpectrumValidation.number(flux[$0]) } ?? "absent")"
                    + " at \(SpectrumValidation.number(wavelength)) Å, where \(title) is normalised",
                remedy: "the signal is too weak: leave the spectrum out")
        }
        return flux[pixel]
    }
}
