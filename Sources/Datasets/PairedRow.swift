/// One source of a paired data set, as it is appended: a prepared spectrum per instrument, and labels.
public struct PairedRow: Sendable {
    /// Identifier of the source.
    public var sourceID: String
    /// Normalised flux on the grid of each instrument that has seen the source, by `Instrument.dataSetKey`.
    public var flux: [String: [Float]]
    /// Inverse variance of that flux; an instrument left out has none (stored as 0: no information).
    public var ivar: [String: [Float]]
    /// Labels by name (K, dex, mag, km/s); one left out is missing (stored as NaN).
    public var labels: [String: Double]

    /// A row from its parts.
    public init(
        sourceID: String, flux: [String: [Float]], ivar: [String: [Float]] = [:], labels: [String: Double] = [:]
    ) {
        self.sourceID = sourceID
        self.flux = flux
        self.ivar = ivar
        self.labels = labels
    }
}
