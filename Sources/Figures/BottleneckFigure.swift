/// What an ordered bottleneck loses at every width, and what each further latent gains.
///
/// Left the reconstruction error against the width, beside principal components and auto-encoders of single widths;
/// right what the next latent gains, with the threshold that it must exceed to count.
public struct BottleneckFigure: FigureConvertible {
    /// Title above the panels, such as the data and the verdict.
    public var title: String
    /// Squared error at the widths 0, 1, …, in units of the total variance.
    public var errors: [Double]
    /// The same for principal components.
    public var pcaErrors: [Double]
    /// Auto-encoders of single widths: width and error.
    public var separate: [(width: Int, error: Double)]
    /// What is compared with the threshold, per width, for the next latent; values ≤ 0 are not drawn.
    public var statistic: [Double]
    /// Its name on the axis.
    public var statisticLabel: String
    /// What a latent must exceed to count.
    public var threshold: Double
    /// Its name beside the line.
    public var thresholdLabel: String
    /// The intrinsic dimension, if there is an answer.
    public var dimension: Int?

    /// A figure of one curve.
    public init(
        title: String, errors: [Double], pcaErrors: [Double], separate: [(width: Int, error: Double)] = [],
        statistic: [Double], statisticLabel: String, threshold: Double, thresholdLabel: String, dimension: Int?
    ) {
        self.title = title
        self.errors = errors
        self.pcaErrors = pcaErrors
        self.separate = separate
        self.statistic = statistic
        self.statisticLabel = statisticLabel
        self.threshold = threshold
        self.thresholdLabel = thresholdLabel
        self.dimension = dimension
    }

    /// The page, 520 × 250 points.
    public func figure() throws -> Figure {
        let (left, right) = (
            Frame(x: 52, y: 44, width: 190, height: 166), Frame(x: 310, y: 44, width: 190, height: 166)
        )
        let heading = PlotText(title, .bold).fitted(width: 450, size: Style.titleSize)
        return Figure(
            width: 520, height: 250, panels: [errorPanel(left), gainPanel(right)],
            texts: [PageText(heading, x: left.x, y: 11, size: Style.titleSize)])
    }

    private func marks(_ count: Int) -> Double { count > 60 ? 0 : 0.4 }

    private func errorPanel(_ frame: Frame) -> Panel {
        func curve(_ values: [Double], _ colour: Colour, _ label: String) -> [Series] {
            let x = values.indices.map(Double.init)
            return [.line(x: x, y: values, colour: colour, width: 1.1, label: PlotText(label))]
                + (marks(values.count) > 0 ? [.points(x: x, y: values, colour: colour, size: 0.4)] : [])
        }
        var series = curve(pcaErrors, .grey, "PCA") + curve(errors, .blue, "ordered")
        if !separate.isEmpty {
            series.append(
                .points(
                    x: separate.map { Double($0.width) }, y: separate.map(\.error), colour: .vermilion, size: 0.8,
                    shape: .circle, label: "one auto-encoder each"))
        }
        let positive = (errors + pcaErrors).filter { $0 > 0 }
        let spans = (positive.max() ?? 1) / (positive.min() ?? 1) > 10
        return Panel(
            frame: frame, x: Axis("Open latents"), y: Axis("Squared error / variance", isLogarithmic: spans),
            series: series, labelDistance: 40)
    }

    private func gainPanel(_ frame: Frame) -> Panel {
        let x = statistic.indices.map { Double($0 + 1) }
        let end = Double(max(1, statistic.count))
        let series: [Series] = [
            .line(
                x: [0.5, end + 0.5], y: [threshold, threshold], colour: .vermilion, width: 0.9, isDashed: true,
                label: PlotText(thresholdLabel)),
            .line(x: x, y: statistic.map { max($0, 1e-3) }, colour: .blue, width: 1.1),
            .points(x: x, y: statistic.map { max($0, 1e-3) }, colour: .blue, size: max(0.2, marks(x.count))),
        ]
        let note = Panel.Note(
            PlotText(dimension.map { "dimension \($0)" } ?? "no answer"), x: 0.96, y: 0.08, alignment: .right)
        let top = max(10, (statistic.max() ?? 10) * 2)
        return Panel(
            frame: frame, x: Axis("Latent"), y: Axis(PlotText(statisticLabel), range: 0.1...top, isLogarithmic: true),
            series: series, notes: [note], labelDistance: 40)
    }
}
