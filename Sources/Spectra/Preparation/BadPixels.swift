/// The pixels of a spectrum that carry no information, as the file itself says: flux that is not a number, an inverse
/// variance that is not above 0, a mask.
package struct BadPixels {
    /// Per pixel; nil where all are good.
    package let isBad: [Bool]?
    /// What was assumed about the file's own statements, for the user to know; nil where nothing was.
    package let note: String?

    /// A mask that covers more than this of an instrument's range contradicts inverse variances above 0: it is one in
    /// which 1 means good, or one of a whole observation.
    private static let believedShare = 0.9

    /// - Parameters:
    ///   - spectrum: with arrays of one length and increasing wavelengths.
    ///   - range: the wavelengths that an instrument sees, Å.
    package init(_ spectrum: Spectrum, within range: ClosedRange<Double>) {
        let believed = Self.believes(spectrum, within: range)
        let mask = believed ? spectrum.mask : nil
        note =
            believed
            ? nil
            : "mask ignored: it covers \(Int(100 * Self.believedShare)) % or more of the pixels,"
                + " which have inverse variances above 0"
        let (flux, ivar) = (spectrum.flux, spectrum.ivar)
        var isBad = [Bool](repeating: false, count: flux.count)
        var any = false
        for pixel in flux.indices {
            guard !flux[pixel].isFinite || mask?[pixel] == true || !(ivar.map { Self.isGood($0[pixel]) } ?? true)
            else { continue }
            isBad[pixel] = true
            any = true
        }
        self.isBad = any ? isBad : nil
    }

    /// Whether an inverse variance is that of a pixel which carries information.
    // Two of a kind: a generic one, which other rooms call for each pixel, would take a hundred times as long unspecialised.
    @inlinable package static func isGood(_ ivar: Float) -> Bool { ivar > 0 && ivar.isFinite }

    /// Whether an inverse variance is that of a pixel which carries information.
    @inlinable package static func isGood(_ ivar: Double) -> Bool { ivar > 0 && ivar.isFinite }

    private static func believes(_ spectrum: Spectrum, within range: ClosedRange<Double>) -> Bool {
        guard let mask = spectrum.mask, let ivar = spectrum.ivar else { return true }
        var (all, masked, contradicted) = (0, 0, 0)
        for pixel in mask.indices where range.contains(spectrum.wavelength[pixel]) {
            all += 1
            guard mask[pixel] else { continue }
            masked += 1
            contradicted += isGood(ivar[pixel]) && spectrum.flux[pixel].isFinite ? 1 : 0
        }
        return Double(masked) <= believedShare * Double(all) || 2 * contradicted < all
    }

    /// Puts straight lines across runs of bad pixels, from the last good value to the next; beyond the outermost good
    /// values these go on. Values stay as they are where none is good.
    /// - Parameters:
    ///   - start: where the spectrum begins in `values`.
    ///   - coordinates: in which the lines are straight, increasing, one per pixel.
    @inlinable package static func bridge<Value: BinaryFloatingPoint>(
        _ values: inout [Value], from start: Int = 0, at coordinates: [Double], where isBad: (Int) -> Bool
    ) {
        var previous: Int?
        for next in coordinates.indices where !isBad(next) {
            defer { previous = next }
            let (first, right) = (previous.map { $0 + 1 } ?? 0, values[start + next])
            guard first < next else { continue }
            guard let previous else {
                for pixel in first..<next { values[start + pixel] = right }
                continue
            }
            let left = values[start + previous]
            let slope = (right - left) / Value(coordinates[next] - coordinates[previous])
            for pixel in first..<next {
                values[start + pixel] = left + slope * Value(coordinates[pixel] - coordinates[previous])
            }
        }
        guard let previous else { return }
        for pixel in previous + 1..<max(previous + 1, coordinates.count) {
            values[start + pixel] = values[start + previous]
        }
    }
}
