import Foundation
import Instruments
import Spectra
import Support
import Tables

/// Writes a ``PairedDataSet`` row by row in constant memory. The file takes its name only in ``finish()``; until then,
/// and for ever if the process dies, the rows are in a hidden temporary file beside it.
///
/// Equal input gives equal bytes. Use from one thread at a time.
public final class PairedDataSetWriter {
    /// JSON that says where the data come from and how they were made; may be changed until ``finish()``.
    public var provenance: String
    private let url: URL
    private let temporary: URL
    private let instruments: [Instrument]
    private let labelNames: [String]
    private var file: HDF5File?
    private var parts: [Split: Part] = [:]
    /// By split and instrument: whether it has seen each source.
    private var presence: [Split: [String: [Bool]]] = [:]
    /// Rows wait here so that chunks are written whole.
    private var pending: [Split: [PairedRow]] = [:]
    private static let rowsPerWrite = 256

    /// The growing data sets of one split.
    private struct Part {
        var spectra: [HDF5DataSet]
        var ivar: [HDF5DataSet]
        var sourceIDs: HDF5DataSet
        var labels: [HDF5DataSet]
    }

    /// Starts a file.
    ///
    /// - Parameters:
    ///   - url: the file to make; its folder is created.
    ///   - instruments: the instruments that rows hold; one need not have seen every source.
    ///   - labels: names of the labels.
    ///   - tier: kind of data, e.g. `real-xp`.
    ///   - provenance: JSON that says where the data come from and with which options they were made.
    ///   - force: replace an existing file.
    /// - Throws: `Diagnostic` when the file exists (without `force`) or cannot be written.
    public init(
        creating url: URL, instruments: [Instrument], labels: [String], tier: String, provenance: String = "{}",
        force: Bool = false
    ) throws {
        guard force || !FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(
                url.path, field: "file", problem: "exists already",
                remedy: "choose another name, or give --force to replace it")
        }
        self.provenance = provenance
        self.url = url
        self.instruments = instruments
        self.labelNames = labels
        let folder = url.deletingLastPathComponent()
        temporary = folder.appendingPathComponent(
            ".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).partial")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Diagnostic(
                folder.path, field: "folder", problem: "cannot be created",
                remedy: "choose a folder that can be written")
        }
        Abandoned.remove(in: folder, prefix: ".\(url.lastPathComponent).")
        let file: HDF5File
        do {
            file = try HDF5File(creating: temporary)
        } catch var error as Diagnostic {
            error.subject = url.path
            throw error
        }
        self.file = file
        do {
            try file.setAttribute(PairedLayout.tier, tier)
            try file.setAttribute(PairedLayout.version, PairedLayout.formatVersion)
            try file.setAttribute(PairedLayout.creator, "swift-specclip")
            for split in Split.allCases where split != .calibration { parts[split] = try makePart(split, in: file) }
        } catch {
            self.file = nil
            try? FileManager.default.removeItem(at: temporary)
            throw error
        }
    }

    deinit {
        guard file != nil else { return }
        file = nil
        parts = [:]
        try? FileManager.default.removeItem(at: temporary)
    }

    /// Adds rows to a split.
    ///
    /// - Throws: `Diagnostic` when a row has no instrument or an unknown one, the wrong number of pixels, an unknown label or a
    ///   flux that is not finite; nothing of the batch is then written.
    public func append(split: Split, rows: [PairedRow]) throws {
        for row in rows { try check(row) }
        pending[split, default: []] += rows
        while let waiting = pending[split], waiting.count >= Self.rowsPerWrite {
            try named { try write(Array(waiting.prefix(Self.rowsPerWrite)), to: split) }
            pending[split] = Array(waiting.dropFirst(Self.rowsPerWrite))
        }
    }

    /// Reports a failed write under the file's own name: that of the temporary file means nothing to anyone.
    private func named(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as Diagnostic where error.subject != url.path {
            throw Diagnostic(
                url.path, field: error.field == "file" ? "" : error.field, problem: "cannot be written",
                remedy: "check that the disk has space left")
        }
    }

    /// Writes what is left, closes the file and gives it its name in one step.
    public func finish() throws {
        try named {
            for split in Split.allCases {
                try write(pending[split] ?? [], to: split)
                pending[split] = nil
                // In an order that does not change from run to run: equal seeds give equal files.
                for (key, seen) in (presence[split] ?? [:]).sorted(by: { $0.key < $1.key }) where seen.contains(false) {
                    try file?.createDataSet(PairedLayout.present(split, key), row: [], element: .int64)
                        .append(seen.map { Int64($0 ? 1 : 0) })
                }
            }
            try file?.setAttribute(PairedLayout.provenance, provenance)
            try file?.flush()
        }
        parts = [:]
        file = nil
        guard rename(temporary.path, url.path) == 0 else {
            try? FileManager.default.removeItem(at: temporary)
            throw Diagnostic(
                url.path, field: "file", problem: "cannot be put in place: \(String(cString: strerror(errno)))",
                remedy: "check that the folder is writable")
        }
    }

    private func makePart(_ split: Split, in file: HDF5File) throws -> Part {
        try file.createGroup(split.rawValue)
        try file.createGroup(PairedLayout.labels(split))
        let spectra = try instruments.map { instrument in
            let path = PairedLayout.spectra(split, instrument.dataSetKey)
            let data = try file.createDataSet(path, row: [instrument.grid.count, 1], element: .float32)
            if !Instrument.builtIn.contains(instrument) {
                let encoder = JSONEncoder()
                encoder.outputFormatting = .sortedKeys
                let json = String(decoding: try encoder.encode(instrument), as: UTF8.self)
                try file.setAttribute(PairedLayout.instrument, json, of: path)
            }
            return data
        }
        return Part(
            spectra: spectra,
            ivar: try instruments.map {
                try file.createDataSet(
                    PairedLayout.ivar(split, $0.dataSetKey), row: [$0.grid.count], element: .float32)
            },
            sourceIDs: try file.createDataSet(
                PairedLayout.sourceIDs(split), row: [], element: .string(bytes: PairedLayout.idBytes)),
            labels: try labelNames.map {
                try file.createDataSet(PairedLayout.label(split, $0), row: [], element: .float64)
            })
    }

    private func check(_ row: PairedRow) throws {
        func failure(_ field: String, _ problem: String, _ remedy: String) -> Diagnostic {
            Diagnostic(url.path, field: "\(row.sourceID): \(field)", problem: problem, remedy: remedy)
        }
        guard row.sourceID.utf8.count <= PairedLayout.idBytes else {
            throw failure("source_ids", "longer than \(PairedLayout.idBytes) bytes", "shorten the identifier")
        }
        let keys = instruments.map(\.dataSetKey)
        if let unknown = row.flux.keys.first(where: { !keys.contains($0) }) {
            throw failure(
                unknown + "_spectra", "not declared when the file was started",
                "declared are " + keys.joined(separator: ", "))
        }
        guard !row.flux.isEmpty else { throw failure("spectra", "none", "leave the source out") }
        for instrument in instruments where row.flux[instrument.dataSetKey] != nil {
            let key = instrument.dataSetKey
            let found = row.flux[key]?.count ?? 0
            guard found == instrument.grid.count else {
                throw failure(
                    key + "_spectra", "\(found) pixels, expected \(instrument.grid.count)",
                    "prepare the spectrum for \(instrument.title)")
            }
            guard row.flux[key]?.allSatisfy(\.isFinite) ?? false else {
                throw failure(key + "_spectra", "not all finite", "leave the source out")
            }
            guard row.ivar[key].map({ $0.count == instrument.grid.count }) ?? true else {
                throw failure(key + "_ivar", "\(row.ivar[key]?.count ?? 0) pixels", "expected \(instrument.grid.count)")
            }
        }
        if let unknown = row.labels.keys.first(where: { !labelNames.contains($0) }) {
            throw failure(
                "labels/" + unknown, "not declared when the file was started",
                "declared are " + labelNames.joined(separator: ", "))
        }
    }

    private func write(_ rows: [PairedRow], to split: Split) throws {
        guard let file, !rows.isEmpty else { return }
        let part = try parts[split] ?? makePart(split, in: file)
        parts[split] = part
        for (index, instrument) in instruments.enumerated() {
            let key = instrument.dataSetKey
            let none = [Float](repeating: 0, count: instrument.grid.count)
            try part.spectra[index].append(rows.flatMap { $0.flux[key] ?? none })
            try part.ivar[index].append(rows.flatMap { $0.ivar[key] ?? none })
            presence[split, default: [:]][key, default: []] += rows.map { $0.flux[key] != nil }
        }
        try part.sourceIDs.append(texts: rows.map(\.sourceID))
        for (index, name) in labelNames.enumerated() {
            try part.labels[index].append(rows.map { $0.labels[name] ?? .nan })
        }
    }
}

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

/// Where things are in the files of paired data sets: the layout of the published SpecCLIP code, with labels, inverse
/// variances, a validation split and attributes added.
///
/// ```
/// /                     @tier @provenance (JSON) @format_version @creator
/// /<split>/<key>_spectra   float32 (N, L, 1)     @instrument (JSON; only when not built in)
/// /<split>/<key>_ivar      float32 (N, L)
/// /<split>/<key>_present   int64 (N), 0 where the instrument has not seen the star; left out where it has seen all
/// /<split>/source_ids      text (N)
/// /<split>/labels/<name>   float64 (N), NaN = missing
/// ```
/// Accepted as well: `/<split>/spectra` and `/<split>/ivar`, the form for pre-training on one instrument; spectra of
/// shape (N, L); `source_ids` of integers; files without validation, labels or attributes.
enum PairedLayout {
    static let formatVersion = "1"
    static let tier = "tier"
    static let provenance = "provenance"
    static let version = "format_version"
    static let creator = "creator"
    static let instrument = "instrument"
    /// Longest source identifier, in bytes of UTF-8.
    static let idBytes = 64

    static func spectra(_ split: Split, _ key: String?) -> String {
        split.rawValue + "/" + (key.map { $0 + "_spectra" } ?? "spectra")
    }
    static func ivar(_ split: Split, _ key: String?) -> String {
        split.rawValue + "/" + (key.map { $0 + "_ivar" } ?? "ivar")
    }
    static func present(_ split: Split, _ key: String) -> String { split.rawValue + "/" + key + "_present" }
    static func sourceIDs(_ split: Split) -> String { split.rawValue + "/source_ids" }
    static func labels(_ split: Split) -> String { split.rawValue + "/labels" }
    static func label(_ split: Split, _ name: String) -> String { labels(split) + "/" + name }
}
