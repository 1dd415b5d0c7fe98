/// A column of a FITS table.
struct FITSColumn: Equatable {
    /// What its values are.
    enum Kind { case text, integer, single, double, other }

    /// Number in cfitsio's count, from 1.
    var number: Int32
    var name: String
    var kind: Kind
    /// Values per row; for variable-length columns not known before the row is read.
    var count: Int
    /// Bytes of a text value.
    var width: Int
    /// Arrays of varying length, stored apart.
    var isVariable: Bool
    /// Unit as the file states it, may be empty.
    var unit: String

    /// One number per row, or one text.
    var isScalar: Bool { !isVariable && (kind == .text || count == 1) }
    /// Numbers, several per row.
    var isVector: Bool { kind != .text && kind != .other && (isVariable || count > 1) }
    /// Holds numbers.
    var isNumeric: Bool { kind == .integer || kind == .single || kind == .double }
}
