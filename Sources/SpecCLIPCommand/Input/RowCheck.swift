import Spectra

/// Judges the rows of a data set, which other programs may have written: files of spectra are checked when they are
/// prepared, rows come prepared and would otherwise turn into answers without a number.
enum RowCheck {
    /// - Parameters:
    ///   - flux: one prepared spectrum.
    ///   - name: `file#row`.
    /// - Throws: `CommandError` for flux that is not finite, constant, or too large to compute with.
    static func check(_ flux: ArraySlice<Float>, of instrument: Instrument, name: String) throws {
        var (low, high) = (Float.infinity, -Float.infinity)
        var bad = 0
        for value in flux {
            if value.isFinite {
                low = min(low, value)
                high = max(high, value)
            } else {
                bad += 1
            }
        }
        let problem: String? =
            if bad > 0 {
                "is NaN or infinite at \(bad) of \(flux.count) pixels"
            } else if !(high > low) {
                "has zero variance: it is \(low) at every pixel"
            } else if max(high, -low) > largest {
                "reaches \(max(high, -low)): that is no normalised flux"
            } else {
                nil
            }
        guard let problem else { return }
        throw CommandError(
            subject: name, field: "\(instrument.dataSetKey)_spectra", problem: problem,
            remedy: "leave the row out, or make the data set anew")
    }

    /// Squares beyond it leave the range of 32-bit numbers.
    private static let largest: Float = 1e15
}
