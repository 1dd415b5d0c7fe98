import Foundation
import Spectra
import Torch

/// A spectrum beside what was to be expected of it.
public struct OddityPortrait: Sendable {
    /// The pixels, Å in vacuum.
    public let wavelength: [Double]
    /// Prepared flux at rest; NaN where nothing was observed.
    public let flux: [Double]
    /// What its labels let expect, and how far normal spectra are from that, noise included; NaN where nothing was learned.
    public let expected: [Double], error: [Double]
    /// The normal stars that are most like it, and their spectra without noise.
    public let neighbours: [(name: String, flux: [Double])]

    /// How far the spectrum is from what was expected, in units of the error.
    public var residual: [Double] { zip(zip(flux, expected), error).map { ($0.0 - $0.1) / $1 } }
}

extension OutlierFinder {
    /// Normal stars that are shown beside one.
    private static let shown = 5

    /// Spectra beside what was to be expected of them.
    /// - Parameters:
    ///   - observations: of one instrument.
    ///   - instrument: which it is.
    public func portraits(_ observations: [Observation], of instrument: Instrument) throws -> [OddityPortrait] {
        guard let (generator, normal) = parts(of: instrument) else { return [] }
        let own = try judged(observations, of: instrument)
        let band = try expected(own, by: generator).band()
        return try catchingTorchErrors {
            withoutGradient {
                let nearest = own.places.map { normal.nearest(to: $0, Self.shown) }
                let isSeen = own.ivar.gt(0)
                let noise = (generator.basis.noiseFactor.value / own.ivar.clamp(min: 1e-12)).where(isSeen, 0)
                let flux = own.flux.where(isSeen, .nan)
                let error = (band.error.square() + noise).sqrt()
                return observations.indices.map { star in
                    func row(_ tensor: Tensor) -> [Double] { tensor.select(0, star).doubles() }
                    let rows = nearest.map { $0.select(0, star).ints() } ?? []
                    let alike = generator.basis.logFlux(normal.numbers.value.rows(rows)).exp()
                        .maskedFill(generator.basis.known.value.eq(0), .nan)
                    return OddityPortrait(
                        wavelength: instrument.grid.wavelengths, flux: row(flux), expected: row(band.flux),
                        error: row(error),
                        neighbours: rows.enumerated().map {
                            (normal.about.names[$0.element], alike.select(0, $0.offset).doubles())
                        })
                }
            }
        }
    }
}
