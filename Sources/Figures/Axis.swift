import Foundation

/// One axis of a panel.
public struct Axis: Sendable {
    /// Where the major ticks are.
    public enum Ticks: Sendable {
        /// Chosen by gnuplot.
        case automatic
        /// A fixed distance apart, in the axis' units.
        case every(Double)
        /// None at all.
        case none
    }

    /// The quantity and its unit, such as "Wavelength [Å]".
    public var label: PlotText
    /// Lowest and highest value drawn; from the data when nil.
    public var range: ClosedRange<Double>?
    /// Whether the axis is logarithmic (values ≤ 0 are not drawn).
    public var isLogarithmic: Bool
    /// Whether values grow to the left or downwards, as in a Kiel diagram.
    public var isReversed: Bool
    /// Where the major ticks are.
    public var ticks: Ticks
    /// Whether numbers stand at the ticks; off where a panel shares the axis of the one below.
    public var showsNumbers: Bool

    /// An axis; everything but the label has a usual default.
    public init(
        _ label: PlotText = "", range: ClosedRange<Double>? = nil, isLogarithmic: Bool = false,
        isReversed: Bool = false,
        ticks: Ticks = .automatic, showsNumbers: Bool = true
    ) {
        self.label = label
        self.range = range
        self.isLogarithmic = isLogarithmic
        self.isReversed = isReversed
        self.ticks = ticks
        self.showsNumbers = showsNumbers
    }

    /// The range drawn: the stated one, else that of `values` widened by `padding` of its extent on both sides.
    func resolvedRange(of values: some Sequence<Double>, padding: Double) -> ClosedRange<Double> {
        if let range, range.lowerBound.isFinite, range.upperBound.isFinite, !isLogarithmic || range.lowerBound > 0 {
            return range.lowerBound < range.upperBound ? range : widened(range.lowerBound)
        }
        let usable = values.lazy.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
        guard let low = usable.min(), let high = usable.max() else { return isLogarithmic ? 0.1...1 : 0...1 }
        guard low < high else { return widened(low) }
        if isLogarithmic {
            let factor = pow(high / low, padding)
            return low / factor...high * factor
        }
        let margin = (high - low) * padding
        return low - margin...high + margin
    }

    /// A range around a single value.
    private func widened(_ value: Double) -> ClosedRange<Double> {
        if isLogarithmic { return value / 2...value * 2 }
        let margin = value == 0 ? 1 : abs(value) * 0.1
        return value - margin...value + margin
    }
}
