import Foundation
import Spectra
import Support
import Synchronization
import Tables

/// Reads spectra from files of any kind in use, recognised by their content, never by their name: FITS (LAMOST in both
/// layouts, SDSS/BOSS, IRAF, sampled Gaia XP), CSV, ECSV and plain text, each also gzip-compressed.
public enum SpectrumReader {
    /// All spectra in the file at `url`.
    ///
    /// - Parameters:
    ///   - url: the file.
    ///   - instrument: settles the wavelength unit of text files that state none; may be left out.
    /// - Returns: at least one spectrum. They are as the file has them: a source without data comes as a spectrum
    ///   without pixels, which `Instrument.prepare(_:options:)` rejects by name.
    /// - Throws: `Diagnostic` naming file, field and remedy.
    public static func read(_ url: URL, as instrument: Instrument? = nil) throws -> [Spectrum] {
        let source = try open(url, as: instrument)
        return try source.spectra(0..<source.count)
    }

    /// Hands the spectra of a large table to `body` in batches, in the order of the file, so that memory does not grow
    /// with the number of spectra beyond the file itself.
    ///
    /// - Parameters:
    ///   - url: the file.
    ///   - instrument: whose spectra they are.
    ///   - rows: which spectra, counted from 0; all by default. What lies past the end of the table is left out.
    ///   - batch: the most spectra handed over at once.
    ///   - body: takes some spectra, and the number of the first.
    /// - Returns: the number of spectra in the file.
    @discardableResult
    public static func stream(
        _ url: URL, as instrument: Instrument? = nil, rows: Range<Int>? = nil, batch: Int = 1024,
        _ body: (_ spectra: [Spectrum], _ first: Int) throws -> Void
    ) throws -> Int {
        let source = try open(url, as: instrument)
        let wanted = (rows ?? 0..<source.count).clamped(to: 0..<source.count)
        for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: max(1, batch)) {
            let range = start..<min(start + max(1, batch), wanted.upperBound)
            try body(try source.spectra(range), start)
        }
        return source.count
    }

    private static func open(_ url: URL, as instrument: Instrument?) throws -> any SpectrumSource {
        let data = try FileBytes.read(url)
        guard let format = format(of: data.prefix(512)) else {
            throw Diagnostic(url, problem: "is of no known layout", remedy: "give FITS or CSV")
        }
        return try format.open(data, url: url, as: instrument)
    }

    /// - Throws: `Diagnostic` for what is no table of numbers and comes often enough to be known.
    static func refuse(_ start: Data, _ url: URL) throws {
        if start.starts(with: [0x89, 0x48, 0x44, 0x46]) {
            throw Diagnostic(
                url, problem: "is HDF5, not a spectrum",
                remedy: "give a paired data set with --split, or a FITS or CSV file")
        }
        if start.starts(with: [0x50, 0x4b]) {
            throw Diagnostic(url, problem: "is a zip archive, not a spectrum", remedy: "unpack it first")
        }
        let text = String(decoding: start, as: UTF8.self).uppercased()
        if text.contains("<VOTABLE") || text.contains("<?XML") {
            throw Diagnostic(
                url, problem: "is XML or VOTable, which this program does not read", remedy: "save it as FITS or CSV")
        }
        if text.contains("<!DOCTYPE") || text.contains("<HTML") {
            throw Diagnostic(
                url, problem: "is a web page, not a spectrum", remedy: "the download went wrong: download it again")
        }
    }
}

/// A layout of files that spectra come in.
///
/// A new one is a file with a conformance and a call of ``SpectrumReader/register(_:)``.
public protocol SpectrumFormat: Sendable {
    /// Whether a file is of this layout.
    /// - Parameter head: its first bytes, 512 at most, unpacked where the file is compressed.
    static func recognises(_ head: Data) -> Bool

    /// Opens a file that is.
    /// - Parameters:
    ///   - data: the whole file, unpacked.
    ///   - url: the file.
    ///   - instrument: settles what the file leaves open; nil where nobody knows.
    /// - Throws: `Diagnostic` naming file, field and remedy.
    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource
}

/// A file opened for reading spectra, one range of them at a time.
public protocol SpectrumSource {
    /// Number of spectra in the file.
    var count: Int { get }
    /// The spectra of `range`, within 0..<count.
    func spectra(_ range: Range<Int>) throws -> [Spectrum]
}

extension SpectrumReader {
    private static let registered = Mutex<[any SpectrumFormat.Type]>([])

    /// Makes a layout known; it is asked before all that were known.
    public static func register(_ format: any SpectrumFormat.Type) {
        registered.withLock { $0.insert(format, at: 0) }
    }

    /// The layout of a file: the first that recognises it.
    static func format(of head: Data) -> (any SpectrumFormat.Type)? {
        let known: [any SpectrumFormat.Type] = registered.withLock { $0 } + [FITSFormat.self, TextFormat.self]
        return known.first { $0.recognises(head) }
    }
}

/// FITS of any layout in use.
private enum FITSFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { head.starts(with: Data("SIMPLE  =".utf8)) }

    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource {
        try FITSSpectra(data, url: url)
    }
}

/// Text tables: whatever is nothing else.
private enum TextFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { true }

    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource {
        try SpectrumReader.refuse(data.prefix(512), url)
        return try TextSpectra(data, url: url, instrument: instrument)
    }
}
