import Foundation
import Statistics

/// What the radial velocities of a star's visits tell together.
///
/// Of a visit's error a part is the star's: what the network reads off its velocity, it reads off every time. It does not
/// average down, and makes no visit differ from another. Beside the rest, a wavelength scale differs from one visit to the
/// next, which no single spectrum's error knows.
public struct VisitVelocities: Sendable, Hashable {
    /// Weighted mean, km/s, positive when receding.
    public let mean: Double
    /// Its error, km/s, with what all visits have in common.
    public let error: Double
    /// Σ (v − mean)² / σ² of the visits.
    public let chiSquare: Double
    /// The probability of a χ² as large if the velocity does not vary.
    public let probability: Double

    /// By how much wavelength scales of visits differ, km/s, unless the user says otherwise: LAMOST's low resolution, 3 to
    /// 5 km/s from one night to another.
    public static let usualFloor = 4.0
    /// The star's own part of an error, km/s, and at most of the whole: repeats of real LAMOST spectra with redrawn noise at S/N
    /// 20 scatter by 3.6 km/s where 4.6 are stated (docs/labels.md).
    private static let ownPart = 3.0
    private static let ownShare = 0.5

    /// - Parameters:
    ///   - velocities: of the visits, with their stated errors, km/s.
    ///   - floor: by how much wavelength scales of visits differ, km/s.
    /// - Returns: nil for less than two velocities that are known.
    init?(_ velocities: [(value: Double, error: Double)], floor: Double) {
        let known = velocities.filter { $0.value.isFinite && $0.error.isFinite && $0.error > 0 }
        guard known.count > 1 else { return nil }
        let own = known.map { min(Self.ownPart, Self.ownShare * $0.error) }
        let variances = zip(known, own).map { $0.error * $0.error - $1 * $1 + floor * floor }
        let weight = variances.reduce(0) { $0 + 1 / $1 }
        let mean = zip(known, variances).reduce(0) { $0 + $1.0.value / $1.1 } / weight
        let common = zip(own, variances).reduce(0) { $0 + $1.0 * $1.0 / $1.1 } / weight
        self.mean = mean
        error = (1 / weight + common).squareRoot()
        chiSquare = zip(known, variances).reduce(0) { $0 + ($1.0.value - mean) * ($1.0.value - mean) / $1.1 }
        probability = TailProbability.chiSquare(chiSquare, degrees: known.count - 1)
    }
}
