/// What a model must know about the instrument a spectrum comes from. A value: adding an instrument is adding one
/// constant in a file of its own (see `Instruments/`).
public struct Instrument: Sendable, Codable, Hashable {
    /// Name on the command line and in configurations, e.g. `lamost-lrs`.
    public var name: String
    /// Name in figures and tables, e.g. `LAMOST LRS`.
    public var title: String
    /// The wavelengths a model sees.
    public var grid: WavelengthGrid
    /// How flux is scaled.
    public var normalisation: Normalisation
    /// Prefix of its groups in paired data sets: `lamost` stands for `lamost_spectra` and `lamost_ivar`.
    public var dataSetKey: String
    /// Name of its array in embedding files, e.g. `lamost_lrs`.
    public var embeddingKey: String
    /// Unit of wavelengths in files of this instrument that do not state one (plain text tables).
    public var fileUnit: WavelengthUnit

    /// An instrument; wavelengths of the grid are vacuum Å.
    public init(
        name: String, title: String, grid: WavelengthGrid, normalisation: Normalisation, dataSetKey: String,
        embeddingKey: String, fileUnit: WavelengthUnit = .angstrom
    ) {
        self.name = name
        self.title = title
        self.grid = grid
        self.normalisation = normalisation
        self.dataSetKey = dataSetKey
        self.embeddingKey = embeddingKey
        self.fileUnit = fileUnit
    }
}
