import Foundation
import Spectra
import Support
import Synchronization
import Tables

/// Reads spectra from files of any kind in use, recognised by their content, never by their name: FITS images and tables,
/// CSV, ECSV and plain text, each also compressed; docs/formats.md lists the layouts.
public enum SpectrumReader {
    /// All spectra in the file at `url`.
    ///
    /// - Parameters:
    ///   - url: the file.
    ///   - instrument: settles the wavelength unit of text files that state none; may be left out.
    ///   - options: what the file does not say itself.
    /// - Returns: at least one spectrum. They are as the file has them: a source without data comes as a spectrum
    ///   without pixels, which `Instrument.prepare(_:options:acceptsMissingBands:)` rejects by name.
    /// - Throws: `Diagnostic` naming file, field and remedy.
    public static func read(
        _ url: URL, as instrument: Instrument? = nil, options: ReadingOptions = ReadingOptions()
    ) throws -> [Spectrum] {
        var all: [Spectrum] = []
        try stream(url, as: instrument, options: options, batch: 1 << 16) { spectra, _ in all += spectra }
        return all
    }

    /// Hands the spectra of a large table to `body` in batches, in the order of the file, so that memory does not grow
    /// with the number of spectra; packed FITS files lie in memory.
    ///
    /// - Parameters:
    ///   - url: the file.
    ///   - instrument: whose spectra they are.
    ///   - options: what the file does not say itself.
    ///   - rows: which spectra, counted from 0; all by default. What lies past the end of the table is left out.
    ///   - batch: the most spectra handed over at once.
    ///   - body: takes some spectra, and the number of the first.
    /// - Returns: the number of spectra that were read or left out before them.
    /// - Throws: `Diagnostic` naming file, field and remedy, and what `body` throws.
    @discardableResult
    public static func stream(
        _ url: URL, as instrument: Instrument? = nil, options: ReadingOptions = ReadingOptions(),
        rows: Range<Int>? = nil,
        batch: Int = 1024, _ body: (_ spectra: [Spectrum], _ first: Int) throws -> Void
    ) throws -> Int {
        var options = options
        if let instrument { options.instrument = instrument }
        let source = NumberedSpectra(try open(url, options))
        var wanted = rows ?? 0..<Int.max
        if let row = options.row { wanted = wanted.clamped(to: row - 1..<row) }
        try source.skip(wanted.lowerBound)
        // While some spectra are worked on, the next are read.
        let ahead = ReadAhead { try source.next(min(max(1, batch), max(0, wanted.upperBound - source.position))) }
        var first = source.position
        while case let spectra = try ahead.next(), !spectra.isEmpty {
            try body(spectra, first)
            first += spectra.count
        }
        if source.position == 0 || options.row.map({ source.position < $0 }) == true {
            throw Diagnostic(
                url, field: options.row.map { "#\($0)" } ?? "",
                problem: options.row == nil
                    ? "has a header but no data" : "no such spectrum: it holds \(source.position)",
                remedy: options.row == nil ? "check that it was saved completely" : "count from #1")
        }
        return source.position
    }

    private static func open(_ url: URL, _ options: ReadingOptions) throws -> any SpectrumSource {
        let file = try InputFile(url, unpackingTo: options.mostUnpacked)
        guard let format = format(of: Data(file.head.prefix(4096))) else {
            throw Diagnostic(url, problem: "is of no known layout", remedy: "give FITS or CSV")
        }
        return try format.open(file, options: options)
    }

    /// - Throws: `Diagnostic` for what is no table of numbers and comes often enough to be known.
    static func refuse(_ start: Data, _ url: URL) throws {
        let text = String(decoding: start.prefix(512), as: UTF8.self).uppercased()
        if text.contains("<?XML") {
            throw Diagnostic(url, problem: "is XML, but no VOTable", remedy: "give FITS, CSV or a VOTable")
        }
        if text.contains("<!DOCTYPE") || text.contains("<HTML") {
            throw Diagnostic(
                url, problem: "is a web page, not a spectrum", remedy: "the download went wrong: download it again")
        }
    }
}

/// A container of spectra: FITS, text, ….
///
/// A new one is a file with a conformance and a call of ``SpectrumReader/register(_:)``.
public protocol SpectrumFormat: SendableMetatype {
    /// Whether a file is of this format.
    /// - Parameter head: its first bytes, 4096 at most, unpacked where the file is compressed.
    static func recognises(_ head: Data) -> Bool

    /// Opens a file that is.
    /// - Parameters:
    ///   - file: its bytes, unpacked.
    ///   - options: settle what the file leaves open.
    /// - Throws: `Diagnostic` naming file, field and remedy.
    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource
}

/// Spectra of an opened file, read once from the first to the last.
public protocol SpectrumSource: AnyObject {
    /// The next spectra.
    /// - Parameter count: the most that are read.
    /// - Returns: none at the end.
    func next(_ count: Int) throws -> [Spectrum]
}

/// Spectra of a file with their numbers in it, where it has several.
private final class NumberedSpectra {
    private let source: any SpectrumSource
    private var waiting: [Spectrum] = []
    private(set) var position = 0

    init(_ source: any SpectrumSource) { self.source = source }

    func next(_ count: Int) throws -> [Spectrum] {
        // One more tells whether the first is the only one.
        if waiting.count <= count { waiting += try source.next(count + 1 - waiting.count) }
        var spectra = Array(waiting.prefix(count))
        waiting.removeFirst(spectra.count)
        let isOnly = position == 0 && spectra.count == 1 && waiting.isEmpty
        for index in spectra.indices where !isOnly { spectra[index].origin += "#\(position + index + 1)" }
        position += spectra.count
        return spectra
    }

    func skip(_ count: Int) throws {
        while position < count {
            if try next(min(1024, count - position)).isEmpty { return }
        }
    }
}

extension SpectrumReader {
    private static let registered = Mutex<[any SpectrumFormat.Type]>([])

    /// Makes a format known; it is asked before all that were known.
    public static func register(_ format: any SpectrumFormat.Type) {
        registered.withLock { $0.insert(format, at: 0) }
    }

    /// The format of a file: the first that recognises it.
    static func format(of head: Data) -> (any SpectrumFormat.Type)? {
        let known: [any SpectrumFormat.Type] =
            registered.withLock { $0 } + [
                FITSFormat.self, VOTableFormat.self, AvroFormat.self, ParquetFormat.self, HDF5Format.self,
                NPZFormat.self, ZipFormat.self,
                TextFormat.self,
            ]
        return known.first { $0.recognises(head) }
    }
}

/// FITS of any layout in use.
private enum FITSFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { FITSFile.recognises(head) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        let parts = try FileParts(FITSFile(file))
        guard !parts.parts.isEmpty else { throw Diagnostic(file.url, problem: "holds no HDU") }
        return try SpectrumLayouts.open(parts, options)
    }
}

/// VOTable, of any layout in use.
private enum VOTableFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { VOTable.recognises(head) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        try SpectrumLayouts.open(VOTable.read(try file.all(), url: file.url), options)
    }
}

/// Avro, of any layout in use: Gaia's own form.
private enum AvroFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { AvroTable.recognises(head) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        let part = FilePart(.table(try AvroTable(file)))
        return try SpectrumLayouts.open(FileParts(url: file.url, container: "Avro", parts: [part]), options)
    }
}

/// Parquet, of any layout in use; nested columns, as LSDB writes them, too.
private enum ParquetFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { ParquetTable.recognises(head) }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        let part = FilePart(.table(try ParquetTable(file)))
        return try SpectrumLayouts.open(FileParts(url: file.url, container: "Parquet", parts: [part]), options)
    }
}

/// Text tables: whatever is nothing else.
private enum TextFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { true }

    static func open(_ file: InputFile, options: ReadingOptions) throws -> any SpectrumSource {
        try SpectrumReader.refuse(Data(file.head.prefix(4096)), file.url)
        let table = try DelimitedTable(TextLines(url: file.url) { try file.next() }, url: file.url)
        let part = FilePart(.table(table), facts: table.facts)
        return try SpectrumLayouts.open(FileParts(url: file.url, container: table.container, parts: [part]), options)
    }
}
