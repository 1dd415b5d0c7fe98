import Foundation
import Instruments
import Spectra
import Support
import Tables

/// Spectra of the same sources by one or more instruments, with labels, in an HDF5 file of the reference layout
/// (see `docs/design-notes.md`). Rows are read on demand; safe to use from several threads.
public final class PairedDataSet: Sendable {
    /// The file.
    public let url: URL
    /// Kind of data ("real-xp", "semi-synthetic", …), to be named beside every result; "unknown" if the file says none.
    public let tier: String
    /// How the file was made, JSON; "{}" if the file says nothing.
    public let provenance: String
    /// The instruments with spectra in the file, by name of their data sets.
    public let instruments: [Instrument]
    /// Names of the labels, sorted.
    public let labelNames: [String]

    private let file: HDF5File
    private let parts: [Split: Part]

    /// The data sets of one split, checked against each other.
    private struct Part: Sendable {
        var count: Int
        var spectra: [String: HDF5DataSet]
        var ivar: [String: HDF5DataSet]
        var presence: [String: HDF5DataSet] = [:]
        var sourceIDs: HDF5DataSet?
        var labels: [String: HDF5DataSet]
    }

    /// Opens a data set and checks that its shapes agree.
    ///
    /// - Throws: `Diagnostic` naming file, group and data set, with expected and found shapes.
    public init(opening url: URL) throws {
        let file = try HDF5File(opening: url, isOwn: true)
        self.url = url
        self.file = file
        tier = file.attribute(PairedLayout.tier) ?? "unknown"
        provenance = file.attribute(PairedLayout.provenance) ?? "{}"
        var instruments: [Instrument] = []
        var parts: [Split: Part] = [:]
        for split in Split.allCases where file.contains(split.rawValue) {
            parts[split] = try Self.openPart(split, of: file, instruments: &instruments)
        }
        guard !instruments.isEmpty else {
            let found = file.members(of: "/")
            throw Diagnostic(
                file.name, field: "groups", problem: "no spectra in train, validation or test",
                remedy: "expected train/<instrument>_spectra; the file has "
                    + (found.isEmpty ? "nothing" : found.joined(separator: ", ")))
        }
        self.instruments = instruments
        self.parts = parts
        labelNames = Set(parts.values.flatMap(\.labels.keys)).sorted()
    }

    /// Whether an HDF5 file has the groups of a data set, or cannot be opened to tell.
    public static func mayBe(at url: URL) -> Bool {
        guard let file = try? HDF5File(opening: url, isOwn: true) else { return true }
        return Split.allCases.contains { file.contains($0.rawValue) }
    }

    /// Hash of the file: what tells data sets apart wherever they lie. Reading the whole file takes as long as the disk does.
    public var contentHash: String { ContentHash.of(url) }

    /// Number of sources in a split; 0 if the file lacks it.
    public func count(_ split: Split) -> Int { parts[split]?.count ?? 0 }

    /// The splits that are told of: train, validation and test always, calibration where there is one.
    public var splits: [Split] { Split.allCases.filter { $0 != .calibration || count($0) > 0 } }

    /// The split that tells how far off answers are.
    public var calibrators: Split { count(.calibration) > 0 ? .calibration : .validation }

    /// - Parameters:
    ///   - split: what is to be read.
    ///   - path: the file as the user wrote it.
    ///   - option: where another split can be given.
    /// - Throws: `Diagnostic` where the split holds no sources.
    package func requireStars(_ split: Split, of path: String, option: String) throws {
        guard count(split) == 0 else { return }
        let filled = Split.allCases.filter { count($0) > 0 }.map(\.rawValue)
        throw Diagnostic(
            path, field: split.rawValue, problem: "the split is empty",
            remedy: "give \(option) " + filled.joined(separator: " or "))
    }

    /// Whether the file holds spectra of an instrument.
    public func has(_ instrument: Instrument) -> Bool {
        instruments.contains { $0.dataSetKey == instrument.dataSetKey }
    }

    /// Whether the file holds inverse variances of an instrument in a split.
    public func hasIvar(_ instrument: Instrument, split: Split) -> Bool {
        parts[split]?.ivar[instrument.dataSetKey] != nil
    }

    /// Whether an instrument has seen each source of a split; nil where it has seen all.
    public func presence(_ instrument: Instrument, split: Split) throws -> [Bool]? {
        guard let part = parts[split], let data = part.presence[instrument.dataSetKey] else { return nil }
        let seen = try data.doubles(0..<part.count).map { $0 != 0 }
        return seen.contains(false) ? seen : nil
    }

    /// Rows of a split that all of these instruments have seen, ascending.
    public func rows(seenBy instruments: [Instrument], split: Split) throws -> [Int] {
        let presence = try instruments.compactMap { try self.presence($0, split: split) }
        return (0..<count(split)).filter { row in presence.allSatisfy { $0[row] } }
    }

    /// Normalised flux of the sources `indices`, in that order (repeats allowed), with its inverse variance where the
    /// file has it; bad pixels are bridged.
    public func spectra(_ instrument: Instrument, split: Split, indices: [Int]) throws -> StoredSpectra {
        StoredSpectra(
            flux: try spectra(instrument, split).floats(at: indices),
            ivar: try ivar(instrument, split: split, indices: indices), pixels: instrument.grid.count)
    }

    /// Normalised flux of the sources in `range`, with its inverse variance where the file has it; bad pixels are
    /// bridged.
    public func spectra(_ instrument: Instrument, split: Split, range: Range<Int>) throws -> StoredSpectra {
        StoredSpectra(
            flux: try spectra(instrument, split).floats(range),
            ivar: try ivar(instrument, split: split, range: range), pixels: instrument.grid.count)
    }

    /// Inverse variance of the normalised flux, `indices.count` × `grid.count`, row-major; nil if the
    /// file has none.
    public func ivar(_ instrument: Instrument, split: Split, indices: [Int]) throws -> [Float]? {
        try parts[split]?.ivar[instrument.dataSetKey]?.floats(at: indices)
    }

    /// Inverse variance of the normalised flux, `range.count` × `grid.count`, row-major; nil if the
    /// file has none.
    public func ivar(_ instrument: Instrument, split: Split, range: Range<Int>) throws -> [Float]? {
        try parts[split]?.ivar[instrument.dataSetKey]?.floats(range)
    }

    /// A label of every source of a split, NaN where missing; all NaN when only other splits have that label.
    public func labels(_ name: String, split: Split) throws -> [Double] {
        guard labelNames.contains(name) else {
            throw Diagnostic(
                file.name, field: PairedLayout.label(split, name), problem: "no such label",
                remedy: labelNames.isEmpty
                    ? "the file has no labels" : "known are " + labelNames.joined(separator: ", "))
        }
        guard let part = parts[split] else { return [] }
        guard let label = part.labels[name] else { return [Double](repeating: .nan, count: part.count) }
        return try label.doubles(0..<part.count)
    }

    /// Identifiers of the sources of a split; `<split>-<row>` where the file has none.
    public func sourceIDs(_ split: Split) throws -> [String] {
        guard let part = parts[split] else { return [] }
        guard let ids = part.sourceIDs else { return (0..<part.count).map { "\(split.rawValue)-\($0)" } }
        return try ids.strings(0..<part.count)
    }

    private func spectra(_ instrument: Instrument, _ split: Split) throws -> HDF5DataSet {
        try check(against: instrument)
        if let found = parts[split]?.spectra[instrument.dataSetKey] { return found }
        let here = parts[split].map { $0.spectra.keys.sorted() } ?? []
        throw Diagnostic(
            file.name, field: PairedLayout.spectra(split, instrument.dataSetKey),
            problem: "no spectra of \(instrument.title)",
            remedy: here.isEmpty
                ? "the file has no \(split.rawValue) split" : "this split has " + here.joined(separator: ", "))
    }
}

extension PairedDataSet {
    /// Opens the data sets of one split and checks their shapes; instruments met first here are added to the list.
    private static func openPart(_ split: Split, of file: HDF5File, instruments: inout [Instrument]) throws -> Part {
        let members = Set(file.members(of: split.rawValue))
        var part = Part(count: -1, spectra: [:], ivar: [:], sourceIDs: nil, labels: [:])
        for name in members.sorted() where name == "spectra" || name.hasSuffix("_spectra") {
            let key = name == "spectra" ? nil : String(name.dropLast("_spectra".count))
            let data = try file.dataSet(PairedLayout.spectra(split, key))
            let instrument = try Self.instrument(key: key, data: data, known: instruments, in: file)
            try check(data, count: part.count, length: instrument.grid.count, in: file)
            part.count = data.count
            part.spectra[instrument.dataSetKey] = data
            if let known = instruments.first(where: { $0.dataSetKey == instrument.dataSetKey }) {
                if let difference = instrument.difference(from: known, called: "that of another split") {
                    throw Diagnostic(
                        file.name, field: data.path, problem: difference,
                        remedy: "all splits hold spectra of one kind; put others into a file of their own")
                }
            } else {
                instruments.append(instrument)
            }
            if members.contains(key.map { $0 + "_ivar" } ?? "ivar") {
                let ivar = try file.dataSet(PairedLayout.ivar(split, key))
                try check(ivar, count: part.count, length: instrument.grid.count, in: file)
                part.ivar[instrument.dataSetKey] = ivar
            }
            if members.contains(instrument.dataSetKey + "_present") {
                let presence = try file.dataSet(PairedLayout.present(split, instrument.dataSetKey))
                try check(presence, count: part.count, length: 1, in: file)
                part.presence[instrument.dataSetKey] = presence
            }
        }
        if part.count < 0 { part.count = 0 }
        if members.contains("source_ids") {
            let ids = try file.dataSet(PairedLayout.sourceIDs(split))
            try check(ids, count: part.count, length: 1, in: file)
            part.sourceIDs = ids
        }
        for name in members.contains("labels") ? file.members(of: PairedLayout.labels(split)) : [] {
            let label = try file.dataSet(PairedLayout.label(split, name))
            try check(label, count: part.count, length: 1, in: file)
            part.labels[name] = label
        }
        return part
    }

    /// Which instrument a data set of spectra belongs to: by its attribute, else by its key, else by its length.
    private static func instrument(
        key: String?, data: HDF5DataSet, known: [Instrument], in file: HDF5File
    ) throws -> Instrument {
        if let json = file.attribute(PairedLayout.instrument, of: data.path) {
            guard let decoded = try? JSONDecoder().decode(Instrument.self, from: Data(json.utf8)),
                key == nil || decoded.dataSetKey == key, decoded.grid.count > 0
            else {
                throw Diagnostic(
                    file.name, field: data.path + "@instrument", problem: "does not describe an instrument",
                    remedy: "write the attribute with PairedDataSetWriter, or remove it")
            }
            return decoded
        }
        let candidates = known + Instrument.known
        let found = candidates.first { key == nil ? $0.grid.count == data.rowLength : $0.dataSetKey == key }
        if let found { return found }
        let expected = Instrument.known.map { "\($0.dataSetKey) (\($0.grid.count) pixels)" }.joined(separator: ", ")
        throw Diagnostic(
            file.name, field: data.path, problem: "instrument unknown, shape \(data.shape)",
            remedy: "known are \(expected); others need an `instrument` attribute")
    }

    /// Checks a shape: (N, length) or (N, length, 1); (N) if the length is 1. `count` < 0 leaves N free.
    private static func check(_ data: HDF5DataSet, count: Int, length: Int, in file: HDF5File) throws {
        let rows = count < 0 ? data.count : count
        let accepted = [[rows, length], [rows, length, 1]] + (length == 1 ? [[rows]] : [])
        guard accepted.contains(data.shape) else {
            throw Diagnostic(
                file.name, field: data.path,
                problem: "shape \(data.shape), expected \(accepted[length == 1 ? 2 : 1])",
                remedy: "all data sets of a group hold the same sources, on the grid of their instrument")
        }
    }
}

extension PairedDataSet {
    /// Makes sure that the spectra of an instrument are such as a model of that instrument reads.
    ///
    /// A data set may define its instruments: one of a model's name must also have its grid and its normalisation, else
    /// pixels are taken for others without a word. A data set without the instrument passes.
    /// - Throws: `Diagnostic` that names the file and says what differs.
    public func check(against instrument: Instrument) throws {
        guard let own = instruments.first(where: { $0.dataSetKey == instrument.dataSetKey }),
            let difference = own.difference(from: instrument, called: "the model's")
        else { return }
        throw Diagnostic(
            url, field: "\(instrument.dataSetKey)_spectra", problem: difference,
            remedy: "make the data set for this \(instrument.name), or train a model on it")
    }
}

extension Instrument {
    /// In what spectra of this instrument differ from those of another of its name; nil where they do not.
    func difference(from other: Instrument, called name: String) -> String? {
        if grid != other.grid { return "is on another grid (\(grid.text)) than \(name) (\(other.grid.text))" }
        if gaps != other.gaps { return "has other gaps than \(name)" }
        guard normalisation != other.normalisation else { return nil }
        return normalisation.text == other.normalisation.text
            ? "is \(normalisation.text) by another recipe than \(name)"
            : "is \(normalisation.text), \(name) is \(other.normalisation.text)"
    }
}
