import Spectra

/// Prepared spectra of one instrument as a data set holds them, one row each, row-major.
public struct StoredSpectra: Sendable {
    /// Normalised flux, rows × pixels. Pixels without information (inverse variance not above 0) are bridged by
    /// straight lines, as `Instrument.prepare(_:options:acceptsMissingBands:)` does: what a file has there is no data.
    public let flux: [Float]
    /// Inverse variance of the flux, of the same shape; 0 where a pixel carries no information, in all pixels of a row
    /// whose errors are not known. Nil where the file has none.
    public let ivar: [Float]?
    /// Pixels of a row.
    public let pixels: Int

    /// Number of spectra.
    public var count: Int { pixels > 0 ? flux.count / pixels : 0 }

    init(flux: [Float], ivar: [Float]?, pixels: Int) {
        var flux = flux
        let coordinates = (0..<pixels).map(Double.init)
        for start in stride(from: 0, to: ivar == nil ? 0 : flux.count, by: max(1, pixels)) {
            guard let ivar, Self.hasBadPixels(ivar[start..<start + pixels]) else { continue }
            BadPixels.bridge(&flux, from: start, at: coordinates) { !BadPixels.isGood(ivar[start + $0]) }
        }
        self.init(bridged: flux, ivar: ivar, pixels: pixels)
    }

    /// Flux of a row.
    public func flux(ofRow row: Int) -> ArraySlice<Float> { flux[row * pixels..<(row + 1) * pixels] }

    /// Inverse variances of a row; nil where its errors are not known.
    public func ivar(ofRow row: Int) -> ArraySlice<Float>? {
        guard let own = ivar?[row * pixels..<(row + 1) * pixels], own.contains(where: { BadPixels.isGood($0) })
        else {
            return nil
        }
        return own
    }

    /// The spectra of some rows, in that order, repeats allowed.
    public func rows(_ wanted: [Int]) -> StoredSpectra {
        func gathered(_ values: [Float]) -> [Float] {
            [Float](unsafeUninitializedCapacity: wanted.count * pixels) { buffer, filled in
                values.withUnsafeBufferPointer { source in
                    for (place, row) in wanted.enumerated() {
                        let from = UnsafeBufferPointer(rebasing: source[row * pixels..<(row + 1) * pixels])
                        _ = buffer[(place * pixels)...].initialize(fromContentsOf: from)
                    }
                }
                filled = wanted.count * pixels
            }
        }
        return StoredSpectra(bridged: gathered(flux), ivar: ivar.map(gathered), pixels: pixels)
    }

    /// Median signal to noise per pixel of a row; nil where its errors are not known.
    public func signalToNoise(ofRow row: Int) -> Double? {
        ivar(ofRow: row).flatMap { PreparedSpectrum.signalToNoise(flux(ofRow: row), $0) }
    }

    /// Spectra whose bad pixels are bridged already.
    public init(bridged flux: [Float], ivar: [Float]?, pixels: Int) {
        (self.flux, self.ivar, self.pixels) = (flux, ivar, pixels)
    }

    /// Some pixels bad, others good: a row without any good one only lacks errors.
    private static func hasBadPixels(_ ivar: ArraySlice<Float>) -> Bool {
        ivar.contains { !BadPixels.isGood($0) } && ivar.contains { BadPixels.isGood($0) }
    }
}
