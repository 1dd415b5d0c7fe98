import Foundation
import Support
import Torch

/// Known stars of one instrument: their embeddings, and what is known of them. They lie in a file of an atlas, or in memory.
struct AtlasPart: Sendable {
    /// Their directions.
    let rows: AtlasRows
    /// Names of the columns.
    let columns: [String]
    /// The atlas, data set or model that brings them.
    private let url: URL
    private let identifiers: Identifiers
    private let read: @Sendable (String) throws -> Tensor
    /// Which rows there are, `[N]`; nil for all.
    private let present: Tensor?

    private enum Identifiers: Sendable {
        case numbers(Tensor), bytes(Tensor), texts([String])
    }

    static let column = "column."

    /// Stars in memory.
    /// - Parameters:
    ///   - embeddings: `[N, E]`, of any length.
    ///   - sourceIDs: of each row.
    ///   - columns: by name, of each row; NaN where missing.
    ///   - present: which rows there are; nil for all.
    ///   - url: the data set or model that brings them.
    init(
        _ embeddings: Tensor, sourceIDs: [String], columns: [String: [Double]] = [:], present: [Bool]? = nil,
        from url: URL
    ) {
        rows = AtlasRows(embeddings)
        identifiers = .texts(sourceIDs)
        self.columns = columns.keys.sorted()
        self.present = present.map { Tensor($0.map { $0 ? Float(1) : 0 }, shape: [$0.count]).gt(0) }
        self.url = url
        let values = columns.mapValues { Tensor($0, shape: [$0.count]) }
        read = { values[$0] ?? Tensor.zeros([0]) }
    }

    /// A safetensors file that is mapped into memory.
    ///
    /// Tensors: `rows` `[N, E]`, half precision, group by group, with the `scales` `[N]` that bring them to unit length (rounding alone
    /// moves that by 0.02 %, as much as neighbours differ); `starts` `[K + 1]`, where each group begins; `centroids` `[K, E]`; `source_id`
    /// `[N]`, or bytes `[N, w]` of those that are no whole numbers; `column.NAME` `[N]`; for large ones `codes` `[N, E]`, rows as bytes,
    /// with their `code_scales` `[N]`.
    /// - Throws: `Diagnostic` for a file that is none of an atlas, or contradicts itself.
    init(_ url: URL) throws {
        self.url = url.deletingLastPathComponent()
        let file = try SafetensorsFile(contentsOf: url)
        let damaged = Diagnostic(
            url, problem: "contradicts itself", remedy: "build the atlas anew ('specclip atlas build')")
        guard file.dtype(of: "rows") == .float16, let shape = file.shape(of: "rows"), shape.count == 2, shape[0] > 0,
            file.dtype(of: "centroids") == .float32, let groups = file.shape(of: "centroids"),
            groups.count == 2, groups[1] == shape[1], groups[0] > 0,
            file.dtype(of: "starts") == .int64, file.shape(of: "starts") == [groups[0] + 1]
        else { throw damaged }
        let (count, starts) = (shape[0], try file.tensor("starts").ints())
        guard starts.first == 0, starts.last == count, zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }),
            file.shape(of: "source_id")?.first == count
        else { throw damaged }
        columns = file.names.filter { $0.hasPrefix(Self.column) }.map { String($0.dropFirst(Self.column.count)) }
        guard columns.allSatisfy({ file.shape(of: Self.column + $0) == [count] }) else { throw damaged }
        let identifiers = try file.tensor("source_id")
        switch (identifiers.dtype, identifiers.rank) {
        case (.int64, 1): self.identifiers = .numbers(identifiers)
        case (.uint8, 2): self.identifiers = .bytes(identifiers)
        default: throw damaged
        }
        func scales(_ name: String) throws -> Tensor {
            guard file.dtype(of: name) == .float32, file.shape(of: name) == [count] else { throw damaged }
            return try file.tensor(name)
        }
        let ownScales = try scales("scales")
        var scanned = AtlasRows.Scanned(values: try file.tensor("rows"), scales: ownScales)
        if file.names.contains("codes") {
            guard file.dtype(of: "codes") == .int8, file.shape(of: "codes") == shape else { throw damaged }
            scanned = AtlasRows.Scanned(
                values: try file.tensor("codes"), scales: try scales("code_scales"), areBytes: true)
        }
        rows = AtlasRows(scanned, in: InvertedLists(centroids: try file.tensor("centroids")), starts: starts) {
            wanted in
            let values = try file.rows(wanted, of: "rows")
            return try catchingTorchErrors { values.to(.float32) * ownScales.rows(wanted).unsqueezed(1) }
        }
        read = { try file.tensor(Self.column + $0) }
        present = nil
    }

    // MARK: - What is known of stars

    /// The identifier of a row.
    func sourceID(_ row: Int) -> String {
        switch identifiers {
        case .numbers(let numbers):
            numbers.withUnsafeBytes { String($0.loadUnaligned(fromByteOffset: 8 * row, as: Int64.self)) }
        case .bytes(let texts):
            texts.withUnsafeBytes { bytes in
                let width = texts.size(1)
                return String(decoding: bytes[row * width..<(row + 1) * width].prefix { $0 != 0 }, as: UTF8.self)
            }
        case .texts(let texts): texts[row]
        }
    }

    /// A column, `[N]`.
    /// - Throws: `Diagnostic` where there is none of this name.
    func column(_ name: String) throws -> Tensor {
        guard columns.contains(name) else {
            throw Diagnostic(
                url, field: name, problem: "is not known of its stars",
                remedy: columns.isEmpty
                    ? "nothing is; an atlas has what 'specclip atlas build --labels' gives it"
                    : "known are \(columns.joined(separator: ", "))")
        }
        return try read(name)
    }

    /// What a column says of rows.
    func values(_ name: String, of rows: [Int]) throws -> [Double] {
        try column(name).rows(rows).to(.float64).doubles()
    }

    // MARK: - Search

    /// Which rows may be found, `[N]`; nil for all.
    /// - Throws: `Diagnostic` for columns that there are not.
    func allowed(_ filter: AtlasFilter) throws -> Tensor? {
        let met = try filter.allowed(self)
        guard let present else { return met }
        return try met.map { mask in try catchingTorchErrors { present.logicalAnd(mask) } } ?? present
    }

    /// The rows that are most like queries, best first, as ``AtlasRows/nearest(_:top:probes:allowed:)``.
    /// - Parameter own: for each query the identifier whose rows are left out, all of them; "" for none.
    func nearest(
        _ queries: Tensor, top: Int, probes: Int, allowed: Tensor?, excluding own: [String]
    ) throws -> [[FoundRow]] {
        // More are looked for where the star itself is there often.
        var wanted = own.allSatisfy(\.isEmpty) ? top : top + 8
        while true {
            let found = try rows.nearest(queries, top: wanted, probes: probes, allowed: allowed)
            guard wanted > top else { return found }
            let others = found.enumerated().map { query, best in
                own[query].isEmpty ? best : best.filter { sourceID($0.row) != own[query] }
            }
            let isEnough = zip(others, found).allSatisfy { $0.count >= top || $1.count < wanted }
            guard !isEnough, wanted < rows.count else { return others.map { Array($0.prefix(top)) } }
            wanted = min(4 * wanted, rows.count)
        }
    }
}
