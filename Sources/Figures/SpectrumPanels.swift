import Foundation
import Spectra

/// What every panel with a spectrum needs: ranges that cosmic rays do not stretch, marks where the flux leaves the panel,
/// and intervals of bad pixels.
enum SpectrumPanels {
    static let wavelengthLabel = PlotText("Wavelength (vacuum) [Å]")

    /// A flux range from running medians over seven pixels: spikes of one to three pixels do not count, lines do.
    static func fluxRange(_ curves: [[Double]], margin: Double = 0.08) -> ClosedRange<Double>? {
        var range: ClosedRange<Double>?
        for curve in curves {
            let smooth = runningMedian(curve, half: 3)
            guard let low = quantile(0.0005, of: smooth), let high = quantile(0.9995, of: smooth) else { continue }
            range = union(range, low...high)
        }
        guard let range, range.lowerBound < range.upperBound else { return nil }
        let extent = range.upperBound - range.lowerBound
        return range.lowerBound - margin * extent...range.upperBound + 1.5 * margin * extent
    }

    static func runningMedian(_ values: [Double], half: Int) -> [Double] {
        values.indices.map { index in
            let window = values[max(0, index - half)...min(values.count - 1, index + half)].filter(\.isFinite).sorted()
            return window.isEmpty ? .nan : window[window.count / 2]
        }
    }

    /// Triangles at the edge of the panel where the flux goes beyond it, one for each group of neighbouring pixels.
    static func offScale(x: [Double], y: [Double], range: ClosedRange<Double>?, label: PlotText = "off scale")
        -> [Series]
    {
        guard let range, let first = x.first, let last = x.last else { return [] }
        let extent = range.upperBound - range.lowerBound
        func marks(_ isOutside: (Double) -> Bool, at place: Double, _ shape: Series.Shape) -> Series? {
            var places: [Double] = []
            for (x, y) in zip(x, y) where y.isFinite && isOutside(y) {
                if let latest = places.last, abs(x - latest) < abs(last - first) * 0.008 { continue }
                places.append(x)
            }
            guard !places.isEmpty else { return nil }
            return .points(
                x: places, y: places.map { _ in place }, colour: .purple, size: 0.45, shape: shape, label: label)
        }
        var series = [
            marks({ $0 > range.upperBound }, at: range.upperBound - 0.035 * extent, .triangleUp),
            marks({ $0 < range.lowerBound }, at: range.lowerBound + 0.035 * extent, .triangleDown),
        ].compactMap { $0 }
        for index in series.indices.dropFirst() { series[index].label = nil }
        return series
    }

    /// Intervals that hold the bad pixels, half a pixel beyond the outermost and wide enough to be seen in print.
    static func intervals(of bad: [Bool]?, wavelength: [Double]) -> [ClosedRange<Double>] {
        guard let bad, bad.count == wavelength.count, wavelength.count > 1,
            let first = wavelength.first, let last = wavelength.last
        else { return [] }
        let visible = abs(last - first) * 0.001
        var intervals: [ClosedRange<Double>] = []
        for index in bad.indices where bad[index] {
            let before = wavelength[max(0, index - 1)]
            let after = wavelength[min(wavelength.count - 1, index + 1)]
            let half = max((after - before) / 4, visible)
            guard half.isFinite else { continue }
            let own = wavelength[index] - half...wavelength[index] + half
            if let latest = intervals.last, latest.upperBound >= own.lowerBound {
                intervals[intervals.count - 1] = latest.lowerBound...max(latest.upperBound, own.upperBound)
            } else {
                intervals.append(own)
            }
        }
        return intervals
    }

    /// The power of ten to divide by so that tick labels stay short; 0 where they already are.
    static func exponent(of range: ClosedRange<Double>?) -> Int {
        guard let range else { return 0 }
        let largest = max(abs(range.lowerBound), abs(range.upperBound))
        guard largest > 0, largest.isFinite else { return 0 }
        let power = Int(floor(log10(largest)))
        return (-2...3).contains(power) ? 0 : power
    }

    /// First and last finite wavelength.
    static func extent(_ wavelength: [Double]) -> ClosedRange<Double>? {
        let finite = wavelength.filter(\.isFinite)
        guard let low = finite.min(), let high = finite.max(), low < high else { return nil }
        return low...high
    }
}
