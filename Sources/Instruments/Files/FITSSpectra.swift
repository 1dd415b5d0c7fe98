import Foundation
import Spectra
import Support
import Tables

/// The spectra in a FITS file, in any of the layouts in use:
///
/// - LAMOST DR1-DR8 and IRAF: the primary image, row 0 flux, row 1 inverse variance, …, wavelengths by keywords;
/// - LAMOST DR9 on, and others: a table whose rows hold arrays `FLUX`, `WAVELENGTH`, `IVAR`, …;
/// - SDSS, BOSS: a table with a row per pixel (`flux`, `loglam`, `ivar`);
/// - sampled Gaia XP: a table whose rows hold `flux` of 343 values, without wavelengths.
final class FITSSpectra: SpectrumSource {
    private enum Layout {
        case image(FITSFile.HDU, rows: Int)
        case pixelPerRow(FITSFile.HDU, FluxColumns)
        case spectrumPerRow(FITSFile.HDU, FluxColumns, facts: [FITSColumn])
    }

    private struct FluxColumns {
        var flux: FITSColumn
        var wavelength: FITSColumn?
        var ivar: FITSColumn?
        var error: FITSColumn?
        var mask: FITSColumn?
    }

    let count: Int
    private let file: FITSFile
    private let layout: Layout
    private let primaryHeader: [String: String]

    init(_ data: Data, url: URL) throws {
        file = try FITSFile(data, url: url)
        guard let primary = file.hdus.first else { throw Diagnostic(url, problem: "holds no HDU") }
        primaryHeader = try file.header(primary)
        layout = try Self.layout(of: file)
        switch layout {
        case .image, .pixelPerRow: count = 1
        case .spectrumPerRow(let hdu, _, _):
            guard case .table(let rows) = hdu.content, rows > 0 else {
                throw Diagnostic(url, field: "HDU \(hdu.number)", problem: "its table has no rows")
            }
            count = rows
        }
    }

    func spectra(_ range: Range<Int>) throws -> [Spectrum] {
        switch layout {
        case .image(let hdu, let rows): return [try image(hdu, rows: rows)]
        case .pixelPerRow(let hdu, let columns): return [try pixels(hdu, columns)]
        case .spectrumPerRow(let hdu, let columns, let facts): return try rows(hdu, columns, facts, range)
        }
    }

    // MARK: - Which layout

    private static func layout(of file: FITSFile) throws -> Layout {
        if let primary = file.hdus.first, case .image(let axes) = primary.content, let width = axes.first, width > 1 {
            return .image(primary, rows: axes.count > 1 ? axes[1] : 1)
        }
        for hdu in file.hdus {
            let names = hdu.columns.map(\.name)
            func column(_ role: ColumnRole) -> FITSColumn? {
                role.index(in: names).map { hdu.columns[$0] }.flatMap { $0.isNumeric ? $0 : nil }
            }
            guard let flux = column(.flux) else { continue }
            let columns = FluxColumns(
                flux: flux, wavelength: column(.wavelength), ivar: column(.ivar), error: column(.error),
                mask: column(.mask))
            if flux.isVector {
                let facts = hdu.columns.filter { $0.isScalar && $0.kind != .other }
                return .spectrumPerRow(hdu, columns, facts: facts)
            }
            if columns.wavelength?.isScalar == true { return .pixelPerRow(hdu, columns) }
        }
        try ColumnRole.refuseCoefficients(file.hdus.flatMap { $0.columns.map(\.name) }, file.url)
        let found = file.hdus.map { hdu in
            let name = hdu.name.isEmpty ? "HDU \(hdu.number)" : "HDU \(hdu.number) \(hdu.name)"
            return hdu.columns.isEmpty
                ? name : name + " (" + hdu.columns.prefix(12).map(\.name).joined(separator: ", ") + ")"
        }
        throw Diagnostic(
            file.url, field: "FLUX",
            problem: "no spectrum found: neither a primary image nor a table with FLUX and WAVELENGTH, WAVE, LAMBDA or"
                + " LOGLAM; there are " + found.prefix(8).joined(separator: ", "),
            remedy: "name the columns so, or export the spectrum as CSV")
    }

    // MARK: - Primary image

    private func image(_ hdu: FITSFile.HDU, rows: Int) throws -> Spectrum {
        var builder = SpectrumBuilder(header: primaryHeader, origin: file.url.path)
        builder.flux = try file.imageRow(0, of: hdu)
        if rows > 1 { builder.ivar = try file.imageRow(1, of: hdu) }
        if rows > 3 { builder.flags = try file.imageRow(3, of: hdu) }
        // Keywords first: they are exact, and in early releases the row that later holds wavelengths is all ones.
        if let wavelength = try dispersion(count: builder.flux.count) {
            (builder.wavelength, builder.unit) = wavelength
        } else if rows > 2, case let row = try file.imageRow(2, of: hdu), row.first != row.last {
            builder.wavelength = row
            builder.wavelengthIsFloat32 = true
        } else {
            throw Diagnostic(
                file.url, field: "COEFF0, COEFF1", problem: "are missing, and the image has no row of wavelengths",
                remedy: "add the keywords (log10 of the first wavelength in Å, and its step)")
        }
        return builder.build()
    }

    /// Wavelengths by keywords: LAMOST's and SDSS's COEFF0/COEFF1, or the linear FITS axis.
    private func dispersion(count: Int) throws -> ([Double], WavelengthUnit)? {
        func number(_ key: String) -> Double? { primaryHeader[key].flatMap(Double.init) }
        if let start = number("COEFF0"), let step = number("COEFF1") {
            guard step > 0, step * Double(count) < 10, abs(start) < 10 else {
                throw Diagnostic(
                    file.url, field: "COEFF0, COEFF1",
                    problem: "are \(start) and \(step): not a log10 wavelength scale",
                    remedy: "download the file again or correct the header")
            }
            return ((0..<count).map { start + step * Double($0) }, .log10Angstrom)
        }
        guard let value = number("CRVAL1"), let step = number("CD1_1") ?? number("CDELT1"), step != 0 else {
            return nil
        }
        let first = value + (1 - (number("CRPIX1") ?? 1)) * step
        let axis = (0..<count).map { first + step * Double($0) }
        if primaryHeader["DC-FLAG"] == "1" { return (axis, .log10Angstrom) }
        return (axis, primaryHeader["CUNIT1"].flatMap(WavelengthUnit.init(parsing:)) ?? .angstrom)
    }

    // MARK: - Tables

    private func unit(_ column: FITSColumn) -> WavelengthUnit {
        WavelengthUnit(parsing: column.unit) ?? ColumnRole.unit(ofWavelengthColumn: column.name) ?? .angstrom
    }

    private func pixels(_ hdu: FITSFile.HDU, _ columns: FluxColumns) throws -> Spectrum {
        guard case .table(let rows) = hdu.content, let wavelength = columns.wavelength else { return try missing() }
        func values(_ column: FITSColumn?) throws -> [Double]? {
            guard let column, column.isScalar else { return nil }
            return try file.arrays(column, of: hdu, rows: 0..<rows).map { $0[0] }
        }
        var header = primaryHeader
        // SDSS: identifiers and the class stand in the first row of a second table.
        for other in file.hdus where other.number > hdu.number {
            guard case .table(let rows) = other.content, rows == 1 else { continue }
            try merge(other, into: &header)
        }
        var builder = SpectrumBuilder(header: header, origin: file.url.path)
        builder.wavelength = try values(wavelength) ?? []
        builder.unit = unit(wavelength)
        builder.wavelengthIsFloat32 = wavelength.kind == .single
        builder.flux = try values(columns.flux) ?? []
        builder.ivar = try values(columns.ivar)
        builder.error = try values(columns.error)
        builder.flags = try values(columns.mask)
        return builder.build()
    }

    private func merge(_ hdu: FITSFile.HDU, into header: inout [String: String]) throws {
        for column in hdu.columns where column.isScalar && column.kind != .other {
            let key = column.name.uppercased()
            if header[key] == nil { header[key] = try file.strings(column, of: hdu, rows: 0..<1).first }
        }
    }

    private func missing() throws -> Spectrum {
        throw Diagnostic(file.url, field: "WAVELENGTH", problem: "is missing")
    }

    private func rows(
        _ hdu: FITSFile.HDU, _ columns: FluxColumns, _ facts: [FITSColumn], _ range: Range<Int>
    ) throws -> [Spectrum] {
        let flux = try file.arrays(columns.flux, of: hdu, rows: range)
        func arrays(_ column: FITSColumn?) throws -> [[Double]]? {
            guard let column, column.isVector else { return nil }
            return try file.arrays(column, of: hdu, rows: range)
        }
        let wavelength = try arrays(columns.wavelength)
        let (ivar, error, mask) = (try arrays(columns.ivar), try arrays(columns.error), try arrays(columns.mask))
        let texts = try facts.map { ($0.name.uppercased(), try file.strings($0, of: hdu, rows: range)) }
        let shared = try primaryHeader.merging(file.header(hdu)) { own, _ in own }.filter { !$0.key.isStructural }
        return try range.indices.map { row in
            let i = row - range.lowerBound
            var builder = SpectrumBuilder(header: shared, origin: file.url.path)
            if count > 1 { builder.origin += "#\(row + 1)" }
            for (key, values) in texts { builder.header[key] = values[i] }
            builder.flux = flux[i]
            (builder.ivar, builder.error, builder.flags) = (ivar?[i], error?[i], mask?[i])
            if let wavelength, let column = columns.wavelength {
                builder.wavelength = wavelength[i]
                builder.unit = unit(column)
                builder.wavelengthIsFloat32 = column.kind == .single
            } else {
                try builder.assumeGaiaXPSampling()
            }
            return builder.build()
        }
    }
}

extension String {
    /// Keywords that describe a table, not a star: also `TFORM3` and its kin.
    fileprivate var isStructural: Bool {
        if Self.structural.contains(self) || hasPrefix("NAXIS") { return true }
        let bytes = utf8
        guard bytes.first == UInt8(ascii: "T"), bytes.last.map(Self.isDigit) == true else { return false }
        let name = bytes.dropFirst().drop { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        return name.count < bytes.count - 1 && name.allSatisfy(Self.isDigit)
    }

    private static let structural: Set = ["XTENSION", "SIMPLE", "BITPIX", "EXTEND", "PCOUNT", "GCOUNT", "TFIELDS"]

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
