/// A column of a FITS table.
package struct FITSColumn: Equatable {
    /// What its values are.
    package enum Kind { case text, integer, single, double, other }

    /// Number in cfitsio's count, from 1.
    package var number: Int32
    package var name: String
    package var kind: Kind
    /// Values per row; for variable-length columns not known before the row is read.
    package var count: Int
    /// Bytes of a text value.
    package var width: Int
    /// Arrays of varying length, stored apart.
    package var isVariable: Bool
    /// Unit as the file states it, may be empty.
    package var unit: String

    /// One number per row, or one text.
    package var isScalar: Bool { !isVariable && (kind == .text || count == 1) }
    /// Numbers, several per row.
    package var isVector: Bool { kind != .text && kind != .other && (isVariable || count > 1) }
    /// Holds numbers.
    package var isNumeric: Bool { kind == .integer || kind == .single || kind == .double }
}
