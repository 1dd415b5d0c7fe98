import Algorithms
import Foundation
import Support

/// The checks a spectrum must pass before it is normalised and resampled; each failure names field and remedy.
enum SpectrumValidation {
    /// Arrays of one length, numbers finite, wavelengths positive and increasing.
    static func checkNumbers(wavelength: [Double], flux: [Double], file: String) throws {
        try checkShapes(wavelength: wavelength, flux: flux, file: file)
        try checkOrder(wavelength, file: file)
        guard flux.allSatisfy(\.isFinite) else {
            throw Diagnostic(
                file, field: "flux", problem: "contains NaN or infinite values",
                remedy: "interpolate over bad pixels first")
        }
    }

    /// Whether the arrays of a spectrum that is to be seen through `instrument` fit each other and its wavelengths.
    static func checkArrays(_ spectrum: Spectrum, for instrument: Instrument) throws {
        let file = spectrum.origin
        try checkShapes(wavelength: spectrum.wavelength, flux: spectrum.flux, file: file)
        try checkLength(spectrum.ivar?.count, "ivar", spectrum)
        try checkLength(spectrum.mask?.count, "mask", spectrum)
        try checkUnit(spectrum.wavelength, instrument: instrument, file: file)
        try checkOrder(spectrum.wavelength, file: file)
        try checkCoverage(spectrum.wavelength, instrument: instrument, file: file)
    }

    /// Whether the good pixels of a spectrum within the range of `instrument` hold a signal; its arrays are checked.
    /// - Parameter least: the share of them that must be good.
    static func checkSignal(
        _ spectrum: Spectrum, _ bad: BadPixels, for instrument: Instrument, least: Double = 0.5
    ) throws {
        let file = spectrum.origin
        try checkFlux(spectrum, bad, instrument: instrument, least: least)
        if let snr = spectrum.snr, !(snr > 0) {
            throw Diagnostic(
                file, field: "signal-to-noise ratio", problem: "is \(number(snr)), not positive",
                remedy: "the spectrum holds no signal: leave it out")
        }
    }

    private static func checkShapes(wavelength: [Double], flux: [Double], file: String) throws {
        guard wavelength.count == flux.count else {
            throw Diagnostic(
                file, field: "flux",
                problem: "has \(flux.count) values but there are \(wavelength.count) wavelengths",
                remedy: "give one flux value per wavelength")
        }
        guard wavelength.count >= 2 else {
            throw Diagnostic(
                file, field: "flux", problem: "the spectrum has \(flux.count) pixels",
                remedy: "check that the file was downloaded completely")
        }
    }

    private static func checkLength(_ count: Int?, _ field: String, _ spectrum: Spectrum) throws {
        guard let count, count != spectrum.flux.count else { return }
        throw Diagnostic(
            spectrum.origin, field: field,
            problem: "has \(count) values but the flux has \(spectrum.flux.count)",
            remedy: "give one value per pixel or leave it out")
    }

    private static func checkOrder(_ wavelength: [Double], file: String) throws {
        if let bad = wavelength.firstIndex(where: { !($0.isFinite && $0 > 0) }) {
            throw Diagnostic(
                file, field: "wavelength", problem: "is \(number(wavelength[bad])) at pixel \(bad)",
                remedy: "wavelengths must be positive numbers in Å")
        }
        for i in 1..<wavelength.count where wavelength[i] <= wavelength[i - 1] {
            let falls = wavelength[wavelength.count - 1] < wavelength[0]
            throw Diagnostic(
                file, field: "wavelength",
                problem:
                    "does not increase at pixel \(i) (\(number(wavelength[i - 1])), then \(number(wavelength[i])))",
                remedy: falls ? "reverse the pixel order" : "sort the pixels by wavelength and drop duplicates")
        }
    }

    /// Recognises other units by asking which of them would make the wavelengths meet the instrument's.
    private static func checkUnit(_ wavelength: [Double], instrument: Instrument, file: String) throws {
        let grid = instrument.grid.range
        let finite = wavelength.lazy.filter(\.isFinite)
        guard !grid.contains(wavelength[wavelength.count / 2]), let low = finite.min(), let high = finite.max()
        else { return }
        func meetsGrid(_ convert: (Double) -> Double) -> Bool {
            let middle = (grid.lowerBound + grid.upperBound) / 2
            return convert(low) < middle && convert(high) > middle
        }
        if meetsGrid({ $0 }) { return }
        let candidates: [(name: String, remedy: String, convert: (Double) -> Double)] = [
            ("log10 of Å", "give 10^x, in Å", { pow(10, min($0, 10)) }),
            ("the natural logarithm of Å", "give exp(x), in Å", { exp(min($0, 20)) }),
            ("nm", "multiply by 10 to give Å", { $0 * 10 }),
            ("µm", "multiply by 10000 to give Å", { $0 * 1e4 }),
            ("m", "multiply by 1e10 to give Å", { $0 * 1e10 }),
        ]
        guard let guess = candidates.first(where: { meetsGrid($0.convert) }) else { return }
        throw Diagnostic(
            file, field: "wavelength",
            problem: "runs from \(number(low)) to \(number(high)), which looks like \(guess.name)", remedy: guess.remedy
        )
    }

    /// Half a pixel may be missing at either end.
    private static func checkCoverage(_ wavelength: [Double], instrument: Instrument, file: String) throws {
        let grid = instrument.grid
        guard let first = wavelength.first, let last = wavelength.last, grid.count > 1 else { return }
        let range = grid.range
        if let least = instrument.leastCoverage {
            let covered = min(last, range.upperBound) - max(first, range.lowerBound)
            guard covered < least else { return }
            throw Diagnostic(
                file, field: "wavelength",
                problem: "covers \(tenths(first))-\(tenths(last)) Å, of which \(tenths(max(0, covered))) Å lie within "
                    + "\(tenths(range.lowerBound))-\(tenths(range.upperBound)) Å; \(instrument.title) needs \(number(least)) Å",
                remedy: "use a spectrum of a wider range, or another instrument")
        }
        var missing: [String] = []
        if first > grid.wavelength(at: 0.5) {
            missing.append(tenths(first - range.lowerBound) + " Å at the blue end")
        }
        if last < grid.wavelength(at: Double(grid.count) - 1.5) {
            missing.append(tenths(range.upperBound - last) + " Å at the red end")
        }
        guard !missing.isEmpty else { return }
        throw Diagnostic(
            file, field: "wavelength",
            problem: "covers \(tenths(first))-\(tenths(last)) Å; \(instrument.title) needs \(tenths(range.lowerBound))-"
                + "\(tenths(range.upperBound)) Å, so \(missing.joined(separator: " and "))"
                + (missing.count > 1 ? " are" : " is") + " missing",
            remedy: "use a spectrum that covers the range, or another instrument")
    }

    private static func checkFlux(
        _ spectrum: Spectrum, _ bad: BadPixels, instrument: Instrument, least: Double
    ) throws {
        let grid = instrument.grid.range
        let start = spectrum.wavelength.partitioningIndex { $0 >= grid.lowerBound }
        let end = spectrum.wavelength.partitioningIndex { $0 > grid.upperBound }
        let inside = end - start
        func failure(_ field: String, _ problem: String, _ remedy: String) -> Diagnostic {
            Diagnostic(spectrum.origin, field: field, problem: problem, remedy: remedy)
        }
        if let ivar = spectrum.ivar, !ivar[start..<end].contains(where: BadPixels.isGood) {
            throw failure(
                "ivar", "is above 0 at no pixel of the instrument's range",
                "every pixel counts as bad: leave the spectrum out, or the column if it means nothing")
        }
        var (finite, good, positive) = (0, 0, 0)
        var (low, high) = (Double.infinity, -Double.infinity)
        for pixel in start..<end where spectrum.flux[pixel].isFinite {
            finite += 1
            guard bad.isBad?[pixel] != true else { continue }
            let flux = spectrum.flux[pixel]
            good += 1
            positive += flux > 0 ? 1 : 0
            low = flux < low ? flux : low
            high = flux > high ? flux : high
        }
        guard finite > 0 else {
            throw failure(
                "flux", "is NaN at every pixel of the instrument's range",
                "the spectrum holds no data: leave it out")
        }
        guard Double(good) > least * Double(inside) else {
            let missing = finite < inside ? "NaN at \(inside - finite)" : ""
            let marked = finite > good ? "marked bad (mask, or ivar not above 0) at \(finite - good)" : ""
            throw failure(
                "flux",
                "is \([missing, marked].filter { !$0.isEmpty }.joined(separator: " and "))"
                    + " of \(inside) pixels of the instrument's range",
                marked.isEmpty
                    ? "too little is left to work with: leave it out"
                    : "too little is left to work with: leave it out, or the mask if it means something else")
        }
        guard high > low else {
            throw failure(
                "flux", "has zero variance: it is \(number(low)) at every pixel",
                "the spectrum holds no signal: leave it out")
        }
        // Dividing by a negative continuum would turn noise around zero into something like a spectrum.
        guard positive * 2 > good else {
            throw failure(
                "flux", "is not above 0 at \(good - positive) of \(good) pixels of the instrument's range",
                "the signal-to-noise ratio is not positive: leave it out")
        }
    }

    /// A number as people write it: no more digits than needed.
    static func number(_ value: Double) -> String { String(format: "%.7g", value) }

    private static func tenths(_ value: Double) -> String { String(format: "%.1f", value) }
}

extension Instrument {
    /// Whether wavelengths from `first` to `last`, Å, are enough of the grid: all of it but half a pixel at either end, or as much as
    /// the instrument asks for.
    package func isCovered(from first: Double, to last: Double) -> Bool {
        if let least = leastCoverage {
            return min(last, grid.range.upperBound) - max(first, grid.range.lowerBound) >= least
        }
        return first <= grid.wavelength(at: 0.5) && last >= grid.wavelength(at: Double(grid.count) - 1.5)
    }
}
