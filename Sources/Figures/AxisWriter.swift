import Foundation

/// gnuplot commands for the range, scale and ticks of one axis.
struct AxisWriter {
    private let axis: Axis
    private let name: String
    private let range: ClosedRange<Double>
    private let length: Double

    /// - Parameters:
    ///   - name: "x", "y" or "cb" (the colour scale).
    ///   - length: Length of the axis on the page in points.
    init(_ axis: Axis, name: String, range: ClosedRange<Double>, length: Double) {
        self.length = length
        self.axis = axis
        self.name = name
        self.range = range
    }

    func commands() -> [String] {
        let ends = axis.isReversed ? [range.upperBound, range.lowerBound] : [range.lowerBound, range.upperBound]
        return [
            axis.isLogarithmic ? "set logscale \(name)" : "unset logscale \(name)",
            "set \(name)range [\(number(ends[0])):\(number(ends[1]))]",
        ] + ticks()
    }

    private func ticks() -> [String] {
        if case .none = axis.ticks { return ["unset \(name)tics; unset m\(name)tics"] }
        let offset = ["x": "offset 0, 0.35", "y": "offset 0.5, 0"][name, default: "offset -0.5, 0"]
        let look = "in mirror scale 0.7, 0.35 norotate \(offset) font ',\(number(Style.tickSize))'"
        let format = axis.showsNumbers ? (isWideLogarithmic ? "10^{%T}" : "%h") : ""
        return [
            "set \(name)tics \(look) \(positions) ",
            "set format \(name) '\(format)'",
            "set m\(name)tics \(axis.isLogarithmic ? "10" : "")",
        ]
    }

    private var decades: Double { log10(range.upperBound / range.lowerBound) }

    private var isWideLogarithmic: Bool { axis.isLogarithmic && decades >= 4.5 }

    private var positions: String {
        if case .every(let step) = axis.ticks { return number(step) }
        if isWideLogarithmic { return "autofreq" }
        guard axis.isLogarithmic else { return number(evenStep) }
        let labels = logarithmicTicks.map { value in
            "'\(axis.showsNumbers ? plainNumber(value) : "")' \(number(value))"
        }
        return "(\(labels.joined(separator: ", ")))"
    }

    /// Ticks for a logarithmic axis of few decades, where powers of ten alone would leave it almost bare.
    private var logarithmicTicks: [Double] {
        guard decades > 0.35 else { return evenTicks }
        let choices: [[Double]] = [[1, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 2, 5], [1]]
        let powers = Int(floor(log10(range.lowerBound)))...Int(ceil(log10(range.upperBound)))
        let ticks = choices[(decades > 2.5 ? 3 : decades > 1.2 ? 2 : 0)...].map { mantissas in
            powers.flatMap { power in mantissas.map { $0 * pow(10, Double(power)) } }.filter(range.contains)
        }
        // A single tick would not tell the scale.
        return ticks.first { hasRoom(for: $0) } ?? ticks.last { $0.count > 1 } ?? ticks[0]
    }

    /// Whether the numbers of a logarithmic axis stand clear of each other.
    private func hasRoom(for ticks: [Double]) -> Bool {
        zip(ticks, ticks.dropFirst()).allSatisfy { low, high in
            let distance = log10(high / low) / decades * length
            guard name == "x" else { return distance > Style.tickSize * 1.1 }
            let widths = [low, high].map { PlotText(plainNumber($0)).width(size: Style.tickSize) }
            return distance > (widths[0] + widths[1]) / 2 + 3
        }
    }

    private var evenTicks: [Double] {
        let step = evenStep
        let first = (range.lowerBound / step).rounded(.up)
        return stride(from: first, through: (range.upperBound / step).rounded(.down), by: 1).map { $0 * step }
    }

    /// The finest round step whose numbers do not run into each other.
    private var evenStep: Double {
        let extent = range.upperBound - range.lowerBound
        func round(_ rough: Double) -> Double {
            let power = pow(10, floor(log10(rough)))
            return ([1, 2, 5].first { $0 * power >= rough * 0.999 } ?? 10) * power
        }
        guard name == "x" else { return round(extent * max(20, length / 7) / length) }
        // The width of the numbers depends on the step: start with few and let it settle.
        var step = round(extent / 4)
        for _ in 0..<3 {
            let widest =
                [range.lowerBound, range.upperBound]
                .map { PlotText(plainNumber(($0 / step).rounded() * step)).width(size: Style.tickSize) }
                .max() ?? 0
            step = round(extent * max(36, widest * 1.45) / length)
        }
        return step
    }

    /// Six significant digits as gnuplot writes them, no exponent for everyday magnitudes.
    private func plainNumber(_ value: Double) -> String { String(format: "%.6g", value) }
}
