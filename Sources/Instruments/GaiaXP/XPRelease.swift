import Foundation
import GaiaXPTables
import Support

/// How a release of Gaia's XP coefficients becomes sampled flux: the instrument model of Montegriffo et al. (2023,
/// A&A 674, A3) as GaiaXPy has it. Another release is another table (`scripts/gaia_xp_tables.py`), without code.
package struct XPRelease: Sendable {
    /// A photometer.
    package struct Band: Sendable {
        /// `bp` or `rp`.
        package let name: String
        /// Identifier of its basis functions.
        package let basis: Int
        /// Number of coefficients.
        package let coefficients: Int
        /// Where it sees something, nm.
        package let low: Double, high: Double
        /// The first sample of the default sampling at which it counts.
        let firstSample: Int
        /// Ranges of pseudo-wavelengths and of the argument of the Hermite functions that they are scaled to.
        let range: [Double]
        /// Samples of each coefficient on the default sampling, weighted by the merging of the bands,
        /// [coefficients × samples].
        let merged: Matrix
        /// Basis functions made of Hermite functions.
        let transformed: Matrix
        /// Wavelengths, nm, and pseudo-wavelengths.
        let dispersion: Matrix
        /// Wavelengths, nm, and response.
        let response: Matrix

        /// Its share where bands meet: BP's falls linearly from 635 to 643 nm, where RP's rises.
        func weight(at wavelength: Double, overlap: ClosedRange<Double>) -> Double {
            let place = (wavelength - overlap.lowerBound) / (overlap.upperBound - overlap.lowerBound)
            let rising = max(0, min(1, place))
            return name == "bp" ? 1 - rising : rising
        }
    }

    struct Matrix: Sendable {
        let rows: Int, columns: Int
        let values: [Double]
        subscript(row: Int, column: Int) -> Double { values[row * columns + column] }
    }

    /// `Gaia DR3`.
    package let title: String
    /// The default sampling, nm.
    package let sampling: [Double]
    package let bands: [Band]

    /// All that are known.
    package static let known: [XPRelease] = (0..<gaia_xp_table_count()).compactMap { index in
        let table = gaia_xp_table(index)
        return try? XPRelease(Data(bytes: table.bytes, count: table.count))
    }

    /// Where both bands see something, nm.
    var overlap: ClosedRange<Double> {
        let (low, high) = (bands.map(\.low).max() ?? 0, bands.map(\.high).min() ?? 0)
        return low...max(low, high)
    }

    private struct Head: Decodable {
        struct Band: Decodable {
            struct Shape: Decodable {
                var name: String
                var shape: [Int]
            }

            var name: String
            var basis: Int
            var coefficients: Int
            var low: Double
            var high: Double
            var firstSample: Int
            var range: [Double]
            var arrays: [Shape]
        }

        var release: String
        var sampling: [Double]
        var bands: [Band]
    }

    private init(_ data: Data) throws {
        let end = data.firstIndex(of: 0x0A) ?? data.endIndex
        let head = try JSONDecoder().decode(Head.self, from: data[..<end])
        var place = end + 1
        func take(_ count: Int) -> [Double] {
            let bytes = data[place..<place + 8 * count]
            place += 8 * count
            return [Double](unsafeUninitializedCapacity: count) { buffer, initialised in
                bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
                initialised = count
            }
        }
        title = head.release
        sampling = (0..<Int(head.sampling[2])).map { head.sampling[0] + Double($0) * head.sampling[1] }
        bands = head.bands.map { band in
            let arrays = Dictionary(
                uniqueKeysWithValues: band.arrays.map { array in
                    let (rows, columns) = (array.shape[0], array.shape[1])
                    return (array.name, Matrix(rows: rows, columns: columns, values: take(rows * columns)))
                })
            let none = Matrix(rows: 0, columns: 0, values: [])
            return Band(
                name: band.name, basis: band.basis, coefficients: band.coefficients, low: band.low, high: band.high,
                firstSample: band.firstSample, range: band.range, merged: arrays["merged"] ?? none,
                transformed: arrays["transformed"] ?? none, dispersion: arrays["dispersion"] ?? none,
                response: arrays["response"] ?? none)
        }
    }
}

/// Wavelengths at which XP spectra are sampled, nm.
public struct XPSampling: Sendable, Hashable {
    /// Ascending, within 330 to 1020 nm.
    public let wavelengths: [Double]

    /// - Throws: `Diagnostic` for wavelengths that are not ascending or where Gaia sees nothing.
    public init(_ wavelengths: [Double]) throws {
        guard wavelengths.count > 1, zip(wavelengths, wavelengths.dropFirst()).allSatisfy({ $0 < $1 }),
            let first = wavelengths.first, let last = wavelengths.last, first >= 330, last <= 1020
        else {
            throw Diagnostic(
                "sampling", problem: "must be two or more ascending wavelengths from 330 to 1020 nm",
                remedy: "give such as 336:1020:2nm")
        }
        self.wavelengths = wavelengths
    }

    /// `400:900:1nm`: from, to and step.
    public init(parsing text: String) throws {
        let parts = text.lowercased().replacing("nm", with: "").split(separator: ":").compactMap { Double($0) }
        guard parts.count == 3, parts[2] > 0.001, parts[1] > parts[0] else {
            throw Diagnostic(
                "sampling", field: text, problem: "is none", remedy: "give from:to:step in nm, 400:900:1nm")
        }
        let count = Int(((parts[1] - parts[0]) / parts[2] + 1e-6).rounded(.down))
        try self.init((0...count).map { parts[0] + Double($0) * parts[2] })
    }
}
