import Foundation
import Support
import Tables

/// Files of embeddings, from rows of file, source_id, instrument and embedding.
public enum EmbeddingFile {
    /// The formats, by extension.
    public static let extensions = ["npz", "fits", "csv", "parquet", "hats"]

    /// Where the rows go.
    /// - Parameter keys: the name of each instrument's array, by the instrument's name.
    public static func format(_ keys: [String: String]) -> RowJournal.Format {
        { url, columns, widths in
            url.pathExtension.lowercased() == "npz"
                ? try EmbeddingNPZ(url, columns, widths, keys)
                : try TableFile.create(url, columns: columns, widths: widths)
        }
    }
}

/// One array an instrument, and the identifiers, once where all instruments saw the same stars.
private final class EmbeddingNPZ: TableWriter {
    private struct Part {
        var embeddings: NPYRows, ids: NPYRows, files: NPYRows
        /// Changes with every identifier and their order.
        var stars: UInt64 = 0
    }

    private let url: URL
    private let columns: Table
    private let widths: [String: TextWidth]
    private let keys: [String: String]
    private var parts: [String: Part] = [:]

    init(_ url: URL, _ columns: Table, _ widths: [String: TextWidth], _ keys: [String: String]) throws {
        (self.url, self.columns, self.widths, self.keys) = (url, columns, widths, keys)
        // Whether the folder can be written is known before any row.
        if let first = columns.columns.last { _ = try NPYRows(first, widths, for: url) }
    }

    func append(_ rows: Table) throws {
        guard case .text(let instruments)? = rows["instrument"]?.values,
            case .vectors(let values, let width)? = rows["embedding"]?.values,
            case .text(let ids)? = rows["source_id"]?.values, case .text(let files)? = rows["file"]?.values
        else { return }
        for name in Set(instruments).sorted() {
            let own = instruments.indices.filter { instruments[$0] == name }
            let (ids, files) = (own.map { ids[$0] }, own.map { files[$0] })
            var part = try parts[name] ?? makePart()
            try part.embeddings.append(
                Column("embedding", .vectors(own.flatMap { values[$0 * width..<($0 + 1) * width] }, width: width)))
            try part.ids.append(Column("source_id", .text(ids)))
            try part.files.append(Column("file", .text(files)))
            for (id, file) in zip(ids, files) { part.stars = StableHash.hash(id + "\n" + file, seed: part.stars) }
            parts[name] = part
        }
    }

    private func makePart() throws -> Part {
        func rows(_ name: String) throws -> NPYRows {
            try NPYRows(columns[name] ?? Column(name, .text([])), widths, for: url)
        }
        return Part(embeddings: try rows("embedding"), ids: try rows("source_id"), files: try rows("file"))
    }

    func finish() throws {
        let sorted = parts.map { (key: keys[$0.key] ?? $0.key, part: $0.value) }.sorted { $0.key < $1.key }
        var arrays = sorted.map { (name: $0.key, rows: $0.part.embeddings) }
        let isShared = Set(sorted.map(\.part.stars)).count == 1
        for (key, part) in isShared ? Array(sorted.prefix(1)) : sorted {
            let prefix = isShared ? "" : key + "_"
            arrays += [(prefix + "source_id", part.ids), (prefix + "file", part.files)]
        }
        try NPZ.write(arrays: [], rows: arrays, to: url)
    }
}
