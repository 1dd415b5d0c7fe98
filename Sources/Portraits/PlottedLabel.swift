import Figures
import StarReading

extension StellarLabel {
    /// As figures set it.
    package var plotted: PlotText { PlotText(symbol: symbol) }
}
