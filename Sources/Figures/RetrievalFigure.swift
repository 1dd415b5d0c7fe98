import Foundation
import Statistics
import Support

/// How often the true partner is among the k best candidates, against k, for each direction of a search.
public struct RetrievalFigure: FigureConvertible {
    /// One direction of the search, such as "LAMOST LRS → Gaia XP".
    public struct Direction: Sendable {
        /// What was searched with and in.
        public var name: String
        /// For each query the rank of its true partner, 1 being the first.
        public var ranks: [Int]

        /// A direction with the rank of each query's partner.
        public init(name: String, ranks: [Int]) {
            self.name = name
            self.ranks = ranks
        }
    }

    /// Title above the panel, with the data tier.
    public var title: String
    /// The directions, at least one query in each.
    public var directions: [Direction]
    /// The number of candidates that were ranked.
    public var candidates: Int

    /// A rank curve.
    public init(title: String, directions: [Direction], candidates: Int) {
        self.title = title
        self.directions = directions
        self.candidates = candidates
    }

    /// The page, 420 points wide.
    public func figure() throws -> Figure {
        let frame = Frame(x: 52, y: 38 + 11 * Double(directions.count), width: 354, height: 210)
        var series: [Series] = []
        for (index, direction) in directions.enumerated() {
            guard direction.ranks.allSatisfy((1...max(1, candidates)).contains), !direction.ranks.isEmpty else {
                throw Diagnostic(
                    .invalidData, direction.name, "ranks must be 1…\(candidates), one or more",
                    remedy: "count the rank of the true partner from 1")
            }
            series.append(curve(direction, colour: Colour.cycle[index % Colour.cycle.count]))
        }
        let ks = steps()
        series.append(
            .line(
                x: ks, y: ks.map { $0 / Double(max(1, candidates)) }, colour: .grey, width: 0.9, isDashed: true,
                label: PlotText("chance, \(grouped(candidates)) candidates")))
        let panel = Panel(
            frame: frame,
            x: Axis(
                PlotText("Rank ") + PlotText("k", .italic), range: 1...Double(max(2, candidates)), isLogarithmic: true),
            y: Axis("Fraction of partners among the best k", range: 0...1.02, ticks: .every(0.2)), series: series,
            legend: .list)
        let title = PlotText(self.title, .bold).fitted(width: frame.width, size: Style.titleSize)
        return Figure(
            width: 420, height: frame.y + frame.height + 32, panels: [panel],
            texts: [PageText(title, x: frame.x, y: 14, size: Style.titleSize)])
    }

    private func curve(_ direction: Direction, colour: Colour) -> Series {
        let sorted = direction.ranks.sorted()
        let total = Double(sorted.count)
        let ks = steps()
        var reached = 0
        let fractions = ks.map { k in
            while reached < sorted.count, Double(sorted[reached]) <= k { reached += 1 }
            return Double(reached) / total
        }
        func percent(_ limit: Int) -> String {
            String(format: "%.1f", 100 * Double(sorted.count { $0 <= limit }) / total)
        }
        let middle = sorted.count / 2
        let median = sorted.count % 2 == 1 ? Double(sorted[middle]) : Double(sorted[middle - 1] + sorted[middle]) / 2
        let text =
            "\(direction.name): top-1 \(percent(1)) %, top-10 \(percent(10)) %, median \(String(format: "%.4g", median))"
        return .line(x: ks, y: fractions, colour: colour, width: 1.2, label: PlotText(text))
    }

    /// Ranks to evaluate at: every one at first, then about 60 a decade.
    private func steps() -> [Double] {
        var steps: [Double] = []
        var k = 1.0
        while k < Double(candidates) {
            steps.append(k)
            k = max(k + 1, (k * 1.04).rounded())
        }
        return steps + [Double(max(1, candidates))]
    }
}
