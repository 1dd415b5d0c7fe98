import Foundation
import Spectra
import Support

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
