import Statistics

extension OneToOneFigure.Quantity {
    /// One label with its bias (median of predicted − true) and robust scatter (Tukey's biweight) computed here.
    public init(symbol: PlotText, unit: String, truth: [Double], predicted: [Double]) {
        let residuals = zip(truth, predicted).map { $1 - $0 }.filter(\.isFinite).sorted()
        let middle = residuals.count / 2
        let bias =
            residuals.isEmpty
            ? Double.nan
            : residuals.count % 2 == 1 ? residuals[middle] : (residuals[middle - 1] + residuals[middle]) / 2
        self.init(
            symbol: symbol, unit: unit, truth: truth, predicted: predicted, bias: bias,
            sigma: residuals.count < 3 ? .nan : robustSigma(residuals))
    }
}
