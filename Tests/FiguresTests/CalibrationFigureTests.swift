import Foundation
import Support
import Testing
@testable import Figures

@Suite struct CalibrationFigureTests {
    private func cloud(_ count: Int, correlation: Double) -> [(x: Double, y: Double)] {
        var random = SeededGenerator(seed: 7)
        return (0..<count).map { _ in
            let x = random.gaussian()
            return (x, correlation * x + (1 - correlation * correlation).squareRoot() * random.gaussian())
        }
    }

    /// Contours are closed, enclose the share they promise, and have the area of the Gaussian's ellipse.
    @Test(arguments: [0, 0.9]) func contoursEncloseTheirShare(correlation: Double) throws {
        let points = cloud(2000, correlation: correlation)
        let map = try #require(DensityMap(points, xRange: -4...4, yRange: -4...4))
        for share in [0.6827, 0.95] {
            let outline = map.outline(at: map.level(enclosing: share))
            var (first, last, area, outlines) = (0, 0, 0.0, 0)
            var inside = [Int](repeating: 0, count: points.count)
            while first < outline.x.count {
                last = outline.x[first...].firstIndex { $0.isNaN } ?? outline.x.count
                let (x, y) = (Array(outline.x[first..<last]), Array(outline.y[first..<last]))
                #expect(x.first == x.last && y.first == y.last)
                area += zip(x.indices, x.indices.dropFirst()).reduce(0) {
                    $0 + (x[$1.0] * y[$1.1] - x[$1.1] * y[$1.0]) / 2
                }
                for (index, point) in points.enumerated() {
                    // How often a ray to the right crosses the outline.
                    for (a, b) in zip(x.indices, x.indices.dropFirst())
                    where (y[a] > point.y) != (y[b] > point.y)
                        && point.x < x[a] + (point.y - y[a]) / (y[b] - y[a]) * (x[b] - x[a])
                    { inside[index] += 1 }
                }
                outlines += 1
                first = last + 1
            }
            #expect(outlines >= 1)
            let enclosed = Double(inside.count { $0 % 2 == 1 }) / Double(points.count)
            #expect(abs(enclosed - share) < 0.01)
            let ellipse = -2 * log(1 - share) * Double.pi * (1 - correlation * correlation).squareRoot()
            #expect(abs(area / ellipse - 1) < 0.15)
        }
    }

    @Test func degenerateCloudsHaveNoContours() {
        #expect(DensityMap(cloud(5, correlation: 0), xRange: -1...1, yRange: -1...1) == nil)
        #expect(DensityMap((0..<50).map { _ in (1, 2) }, xRange: 0...2, yRange: 0...3) == nil)
        let line = DensityMap((0..<50).map { (Double($0), 2 * Double($0)) }, xRange: 0...50, yRange: 0...100)
        #expect(line != nil)
    }

    @Test func summariesHaveTwoDigitsOfTheirErrors() {
        func summary(_ centre: Double, _ width: Double, _ unit: String) -> String {
            let draws = (0...1000).map { centre + width * (Double($0) - 500) / 341.3 }
            return CornerFigure.summary(.init(symbol: "x", unit: unit, draws: draws)).plain
        }
        #expect(summary(5432.4, 42, "K") == "x = 5432+42−42 K")
        #expect(summary(-0.3141, 0.0712, "dex") == "x = −0.314+0.071−0.071 dex")
        #expect(summary(3, 1236, "") == "x = 3+1235−1235")
        #expect(summary(2, 0, "K") == "x = 2.00+0.00−0.00 K")
    }

    @Test func medianAndBandFollowTheStars() {
        var random = SeededGenerator(seed: 3)
        let stars = (0..<20_000).map { _ in
            let x = random.uniform()
            return (x, 2 * x + 0.1 * random.gaussian())
        }
        let bins = BinnedSpread(stars)
        #expect(bins.centres.count == 14)
        for (index, x) in bins.centres.enumerated() {
            #expect(abs(bins.middle[index] - 2 * x) < 0.02)
            #expect(abs(bins.high[index] - bins.low[index] - 2 * 0.1) < 0.03)
        }
        #expect(BinnedSpread([(1, 1), (1, 2)]).centres.isEmpty)
        #expect(BinnedSpread((0..<9).map { (Double($0), 0) }).centres.isEmpty)
    }

    @Test func raisedRunsTakeNoRoom() {
        let text = PlotText("5") + PlotText("+1", .raised) + PlotText("−2", .subscript)
        #expect(text.quoted.contains("\\100^{+1}_{−2}"))
        #expect(text.unstacked.quoted.contains("\"5^{+1}\u{2060}_{−2}\""))
        #expect(text.width(size: 10) == (PlotText("5") + PlotText("−2", .subscript)).width(size: 10))
    }

    @Test func arraysThatDoNotFitAreNamed() throws {
        #expect(throws: Diagnostic.self) {
            _ = try CoverageFigure(
                title: "t", tier: "", curves: [.init(name: "a", expected: [0.5], observed: [], stars: 3)]
            ).figure()
        }
        #expect(throws: Diagnostic.self) {
            _ = try RankFigure(title: "t", tier: "", histograms: [.init(symbol: "a", counts: [1], compared: [1, 2])])
                .figure()
        }
        #expect(throws: Diagnostic.self) {
            _ = try ResidualFigure(
                title: "t", tier: "", residuals: [.init(symbol: "a", unit: "", values: [1])],
                quantities: [.init(symbol: "b", values: [1, 2])]
            ).figure()
        }
        #expect(throws: Diagnostic.self) {
            _ = try CornerFigure(title: "t", tier: "", quantities: [.init(symbol: "a", unit: "", draws: [1, 2])])
                .figure()
        }
    }

    /// Every page names its tier, and whatever the data are it is drawn.
    @Test(.enabled(if: hasGnuplot, needsGnuplot), arguments: PictureFormat.allCases)
    func pagesAreDrawn(format: PictureFormat) throws {
        let scratch = try Scratch()
        let levels = [0.25, 0.5, 0.75]
        let stars = (0..<200).map(Double.init)
        let draws = cloud(300, correlation: 0.5)
        let pages: [(String, any FigureConvertible)] = [
            (
                "coverage",
                CoverageFigure(
                    title: "t", tier: "real-xp",
                    curves: [
                        .init(name: "a", expected: levels, observed: [0.2, 0.6, .nan], stars: 100),
                        .init(
                            name: "joint", expected: levels, observed: levels, stars: 0,
                            band: levels.map { $0 - 0.1...$0 + 0.1 }, isJoint: true),
                    ])
            ),
            ("no curves", CoverageFigure(title: "t", tier: "real-xp", curves: [])),
            (
                "ranks",
                RankFigure(
                    title: "t", tier: "real-xp",
                    histograms: [
                        .init(symbol: "a", counts: [3, 4, 5], probability: 0.5, compared: [1, 2, 9]),
                        .init(symbol: "b", counts: [0, 0, 0]),
                    ])
            ),
            (
                "residuals",
                ResidualFigure(
                    title: "t", tier: "real-xp",
                    residuals: [
                        .init(symbol: "a", unit: "K", values: stars.map { sin($0) }),
                        .init(symbol: "b", unit: "dex", values: stars.map { _ in .nan }),
                    ],
                    quantities: [
                        .init(symbol: "S/N", values: stars, isLogarithmic: true),
                        .init(symbol: "b", values: stars.map { _ in 1 }),
                    ])
            ),
            (
                "corner",
                CornerFigure(
                    title: "t", tier: "real-xp",
                    quantities: [
                        .init(symbol: "a", unit: "K", draws: draws.map(\.x), truth: 0.5),
                        .init(symbol: "b", unit: "dex", draws: draws.map(\.y), truth: 99),
                        .init(symbol: "c", unit: "", draws: draws.map { _ in 2 }),
                    ])
            ),
        ]
        for (name, page) in pages {
            let figure = try page.figure()
            #expect(figure.texts.contains { $0.text.plain == "real-xp" }, "\(name)")
            try figure.write(to: scratch.file("\(name).\(format.rawValue)"))
        }
        #expect(scratch.contents.count == pages.count)
    }
}
