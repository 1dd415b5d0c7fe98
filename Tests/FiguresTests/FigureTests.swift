import Foundation
import Statistics
import Support
import Testing
@testable import Figures

@Suite struct FigureTests {
    private func script(_ series: [Series], y: Axis = Axis("y")) throws -> String {
        var figure = simpleFigure()
        figure.panels[0].series = series
        figure.panels[0].y = y
        return try ScriptWriter(figure, format: .png).script()
    }

    @Test func valuesThatAreNotFiniteBreakLines() throws {
        let text = try script([.line(x: [.nan, 1, 2, 3, 4, 5], y: [0, 1, .nan, .infinity, 2, .nan])])
        #expect(text.contains("$d0_0 << EOD\n1 1\n\n4 2\nEOD"))
    }

    @Test func rangesAreExplicitEvenWithoutData() throws {
        let empty = try script([.line(x: [.nan], y: [.nan]), .points(x: [], y: [])])
        #expect(empty.contains("set xrange [0:1]") && empty.contains("plot NaN notitle"))
        let constant = try script([.line(x: [1, 2], y: [5, 5])])
        #expect(constant.contains("set yrange [4.5:5.5]"))
        let reversed = try script([.line(x: [1, 2], y: [0, 1])], y: Axis("y", range: 0...5, isReversed: true))
        #expect(reversed.contains("set yrange [5:0]"))
        let logarithmic = try script([.line(x: [1, 2, 3], y: [-1, 1, 100])], y: Axis("y", isLogarithmic: true))
        #expect(logarithmic.contains("set logscale y") && !logarithmic.contains("yrange [-"))
    }

    @Test func arraysThatDoNotFitAreNamed() throws {
        let error = #expect(throws: Diagnostic.self) { _ = try script([.line(x: [1, 2, 3], y: [1])]) }
        #expect(error?.reason == .invalidData)
        #expect(error?.description.contains("3, 1") == true)
        #expect(throws: Diagnostic.self) { _ = try script([.histogram(edges: [0, 1], counts: [1, 2])]) }
        #expect(throws: Diagnostic.self) {
            _ = try script([.heatMap(x: [0, 1], y: [0, 1], values: [[1, 2], [3]])])
        }
    }

    @Test(.enabled(if: hasGnuplot, needsGnuplot), arguments: PictureFormat.allCases)
    func everyKindOfSeriesIsDrawn(format: PictureFormat) throws {
        let scratch = try Scratch()
        let x = [1.0, 2, 3, .nan, 5]
        var figure = simpleFigure()
        figure.panels[0].series = [
            .heatMap(x: [1, 2, 3], y: [1, 2], values: [[1, .nan, 3], [4, 5, 6]]),
            .band(x: x, low: [0, 1, 2, 3, 4], high: [1, 2, .nan, 4, 5], label: "band"),
            .histogram(edges: [0, 1, 2], counts: [3, 4], label: "histogram"),
            .line(x: x, y: x, isDashed: true, label: "line"),
            .points(x: x, y: x, label: "points"),
            .errorBars(x: x, y: x, xError: [1, 1, .nan, 1, 1]),
        ]
        figure.panels[0].shaded = [0.5...1.5, 100...200]
        figure.panels[0].shadeLabel = "shaded"
        figure.panels[0].showsColourBar = true
        for (index, legend) in [Panel.Legend.above, .list, .inside(.topRight), .none].enumerated() {
            figure.panels[0].legend = legend
            try figure.write(to: scratch.file("\(index).\(format.rawValue)"))
        }
        var empty = simpleFigure()
        empty.panels[0].series = [.heatMap(x: [1], y: [1], values: [[.nan]]), .line(x: [], y: [])]
        try empty.write(to: scratch.file("empty.\(format.rawValue)"))
        try Figure(width: 100, height: 50).write(to: scratch.file("bare.\(format.rawValue)"))
        #expect(scratch.contents.count == 6)
    }

    @Test func lossesAreLogarithmicOnlyWhenThatHelps() throws {
        func isLogarithmic(_ values: [Double]) throws -> Bool {
            let steps = values.indices.map(Double.init)
            return try LossFigure(title: "t", training: .init(steps: steps, values: values)).figure().panels[0].y
                .isLogarithmic
        }
        #expect(try isLogarithmic([10, 1, 0.1]))
        #expect(try !isLogarithmic([1.2, 1.1, 1]))
        #expect(try !isLogarithmic([10, 1, -0.5]))
        #expect(try !isLogarithmic([.nan, .nan]))
        let error = #expect(throws: Diagnostic.self) {
            _ = try LossFigure(title: "run", columns: ["step": [1], "train_loss": [1]])
        }
        #expect(error?.description.contains("'validation_loss'") == true)
    }

    @Test func rankCurveCountsWithinTheBestK() throws {
        let figure = try RetrievalFigure(
            title: "t", directions: [.init(name: "A → B", ranks: [1, 1, 2, 11])], candidates: 100
        ).figure()
        #expect(figure.panels[0].series[0].label?.plain == "A → B: top-1 50.0 %, top-10 75.0 %, median 1.5")
        #expect(figure.panels[0].series[0].yExtent.last == 1)
        #expect(throws: Diagnostic.self) {
            _ = try RetrievalFigure(title: "t", directions: [.init(name: "A", ranks: [0])], candidates: 5).figure()
        }
    }

    @Test func statisticsOfTheResidualsAreMedianAndBiweight() throws {
        let truth = (0..<101).map(Double.init)
        var predicted = truth.map { $0 + 2 + sin($0 * 17) }
        predicted[50] = 1e6
        let quantity = OneToOneFigure.Quantity(symbol: "x", unit: "K", truth: truth, predicted: predicted)
        #expect(abs(quantity.bias - 2) < 0.2)
        #expect(quantity.sigma > 0.5 && quantity.sigma < 1)
    }
}
