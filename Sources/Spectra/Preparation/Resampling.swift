import Foundation
import Statistics
import Support

/// Linear interpolation from one set of wavelengths to a grid, in the coordinate in which the grid's steps are equal.
///
/// The arithmetic is that of `numpy.interp`. What depends on the wavelengths alone is computed once and shared by all
/// spectra that have the same ones.
struct Resampling: Sendable {
    /// Left neighbour of each grid pixel in the input.
    private let left: [Int32]
    /// Distance from the left neighbour to the grid pixel.
    private let offset: [Double]
    /// Distance between the neighbours.
    private let spacing: [Double]
    /// By how much the grid pixel lies beyond the input's ends.
    private let beyond: [Double]

    private struct Key: Equatable, Sendable {
        var wavelength: WavelengthKey
        var grid: WavelengthGrid
        var roundsTo32Bits: Bool
    }
    private static let cache = SharedCache<Key, Resampling>(capacity: 8)

    /// The resampling from strictly increasing `wavelength` (Å, at least two) to `grid`; beyond the ends it holds the
    /// first and last values. With `roundsTo32Bits`, log10 λ is taken and kept in 32 bits.
    static func shared(_ wavelength: [Double], _ grid: WavelengthGrid, roundsTo32Bits: Bool = false) -> Resampling {
        let key = Key(wavelength: WavelengthKey(wavelength: wavelength), grid: grid, roundsTo32Bits: roundsTo32Bits)
        return cache.value(for: key) { Resampling(wavelength, grid, roundsTo32Bits: roundsTo32Bits) }
    }

    private init(_ wavelength: [Double], _ grid: WavelengthGrid, roundsTo32Bits: Bool) {
        let from: [Double] =
            switch (grid.isLogarithmic, roundsTo32Bits) {
            case (false, _): wavelength
            case (true, false): wavelength.map { log10($0) }
            case (true, true): wavelength.map { Double(Float(log10($0))) }
            }
        var left: [Int32] = []
        var offset: [Double] = []
        var spacing: [Double] = []
        var beyond: [Double] = []
        var j = 0
        left.reserveCapacity(grid.count)
        offset.reserveCapacity(grid.count)
        spacing.reserveCapacity(grid.count)
        beyond.reserveCapacity(grid.count)
        for target in grid.coordinates {
            while j + 2 < from.count, from[j + 1] <= target { j += 1 }
            left.append(Int32(j))
            spacing.append(max(from[j + 1] - from[j], .leastNormalMagnitude))
            beyond.append(max(from[0] - target, target - from[from.count - 1], 0))
            offset.append(min(max(target - from[j], 0), from[j + 1] - from[j]))
        }
        (self.left, self.offset, self.spacing, self.beyond) = (left, offset, spacing, beyond)
    }

    /// `values` (one per input wavelength) at each grid pixel.
    func callAsFunction(_ values: [Double]) -> [Double] {
        left.indices.map { i in
            let j = Int(left[i])
            return (values[j + 1] - values[j]) / spacing[i] * offset[i] + values[j]
        }
    }

    /// Inverse variance at each grid pixel: the variance is interpolated linearly, and is infinite where either
    /// neighbour that counts has none. (Interpolated pixels are correlated; this is the noise of the better sampled,
    /// not the averaged, pixel, so white noise keeps its level.)
    func inverseVariance(_ ivar: [Double]) -> [Double] {
        left.indices.map { i in
            let j = Int(left[i])
            let weight = offset[i] / spacing[i]
            if weight < Self.negligible { return max(0, ivar[j]) }
            if weight > 1 - Self.negligible { return max(0, ivar[j + 1]) }
            guard ivar[j] > 0, ivar[j + 1] > 0 else { return 0 }
            return 1 / ((1 - weight) / ivar[j] + weight / ivar[j + 1])
        }
    }

    /// Whether each grid pixel rests on a bad one.
    func mask(_ bad: [Bool]) -> [Bool] {
        left.indices.map { i in
            let j = Int(left[i])
            let weight = offset[i] / spacing[i]
            return bad[j] && weight < 1 - Self.negligible || bad[j + 1] && weight > Self.negligible
        }
    }

    /// Marks grid pixels that the input does not see: beyond its ends by more than half of a pixel of its own, and within what
    /// is left between pixels that lie much farther apart than most.
    func markUnseen(_ mask: inout [Bool]) {
        let some = stride(from: 0, to: spacing.count, by: max(1, spacing.count / 256)).map { spacing[$0] }
        let usual = median(some)
        for i in left.indices where beyond[i] > usual / 2 || spacing[i] > Self.gap * usual { mask[i] = true }
    }

    /// Pixels that lie so many times farther apart than most have something missing between them.
    private static let gap = 4.0
    /// A neighbour with less weight than this does not count: grids that coincide differ by rounding.
    private static let negligible = 1e-3
}
