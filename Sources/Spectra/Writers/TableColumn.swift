/// A named column of a table to be written.
public struct TableColumn: Sendable, Equatable {
    /// Its values, one per row.
    public enum Values: Sendable, Equatable {
        /// 64-bit numbers; NaN where missing.
        case double([Double])
        /// 32-bit numbers; NaN where missing.
        case float([Float])
        /// Whole numbers, such as source identifiers.
        case integer([Int64])
        /// Text.
        case text([String])
        /// `width` 32-bit numbers per row, row by row: spectra, embeddings.
        case vector([Float], width: Int)

        /// Number of rows.
        public var rowCount: Int {
            switch self {
            case .double(let values): values.count
            case .float(let values): values.count
            case .integer(let values): values.count
            case .text(let values): values.count
            case .vector(let values, let width): width > 0 ? values.count / width : 0
            }
        }
    }

    /// Name: letters, digits and underscores open everywhere.
    public var name: String
    /// Unit in FITS notation (`K`, `dex`, `Angstrom`), may be empty.
    public var unit: String
    /// What it means, may be empty; goes into FITS comments.
    public var meaning: String
    /// The values.
    public var values: Values

    /// A column.
    public init(_ name: String, unit: String = "", meaning: String = "", _ values: Values) {
        self.name = name
        self.unit = unit
        self.meaning = meaning
        self.values = values
    }
}
