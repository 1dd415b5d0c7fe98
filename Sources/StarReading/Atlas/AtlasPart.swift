import Foundation
import Support
import Torch

/// The embeddings of one instrument in an atlas: a safetensors file that is mapped into memory, with rows in groups of like ones.
///
/// Tensors: `rows` `[N, E]`, half precision, group by group, with the `scales` `[N]` that bring them to unit length (rounding alone moves
/// that by 0.02 %, as much as neighbours differ); `starts` `[K + 1]`, where each group begins; `centroids` `[K, E]`; `source_id` `[N]`, or
/// bytes `[N, w]` of those that are no whole numbers; `column.NAME` `[N]`; for large ones `codes` `[N, E]`, rows as bytes, with their
/// `code_scales` `[N]`.
final class AtlasPart: @unchecked Sendable {
    /// A row that was found.
    struct Found: Sendable {
        var row: Int
        /// Cosine.
        var similarity: Float
    }

    /// Numbers of an embedding.
    let width: Int
    /// Rows.
    let count: Int
    /// Names of the columns.
    let columns: [String]
    private let file: SafetensorsFile
    private let url: URL
    private let lists: InvertedLists
    private let starts: [Int]
    /// What is looked at: rows, or bytes that stand for them, with what brings each to unit length.
    private let scanned: (values: Tensor, scales: Tensor)
    private let scansBytes: Bool
    private let scales: Tensor
    private let identifiers: Tensor

    static let column = "column."

    /// - Throws: `Diagnostic` for a file that is none of an atlas, or contradicts itself.
    init(_ url: URL) throws {
        self.url = url
        file = try SafetensorsFile(contentsOf: url)
        let damaged = Diagnostic(
            url, problem: "contradicts itself", remedy: "build the atlas anew ('specclip atlas build')")
        guard file.dtype(of: "rows") == .float16, let shape = file.shape(of: "rows"), shape.count == 2, shape[0] > 0,
            file.dtype(of: "centroids") == .float32, let groups = file.shape(of: "centroids"),
            groups.count == 2, groups[1] == shape[1], groups[0] > 0,
            file.dtype(of: "starts") == .int64, file.shape(of: "starts") == [groups[0] + 1]
        else { throw damaged }
        (count, width) = (shape[0], shape[1])
        starts = try file.tensor("starts").ints()
        let count = count
        guard starts.first == 0, starts.last == count, zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }),
            file.shape(of: "source_id")?.first == count
        else { throw damaged }
        lists = InvertedLists(centroids: try file.tensor("centroids"))
        identifiers = try file.tensor("source_id")
        columns = file.names.filter { $0.hasPrefix(Self.column) }.map { String($0.dropFirst(Self.column.count)) }
        guard columns.allSatisfy({ [file] in file.shape(of: Self.column + $0) == [count] }),
            identifiers.dtype == .int64 ? identifiers.rank == 1 : identifiers.dtype == .uint8 && identifiers.rank == 2
        else { throw damaged }
        let file = file
        func scales(_ name: String) throws -> Tensor {
            guard file.dtype(of: name) == .float32, file.shape(of: name) == [count] else { throw damaged }
            return try file.tensor(name)
        }
        self.scales = try scales("scales")
        scansBytes = file.names.contains("codes")
        guard scansBytes else {
            scanned = (try file.tensor("rows"), self.scales)
            return
        }
        guard file.dtype(of: "codes") == .int8, file.shape(of: "codes") == shape else { throw damaged }
        scanned = (try file.tensor("codes"), try scales("code_scales"))
    }

    /// Groups that rows are in.
    var groups: Int { lists.count }

    // MARK: - What is known of stars

    /// The identifier of a row.
    func sourceID(_ row: Int) -> String {
        identifiers.withUnsafeBytes { bytes in
            if identifiers.dtype == .int64 {
                return String(bytes.loadUnaligned(fromByteOffset: 8 * row, as: Int64.self))
            }
            let width = identifiers.size(1)
            return String(decoding: bytes[row * width..<(row + 1) * width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// A column, `[N]`.
    /// - Throws: `Diagnostic` where there is none of this name.
    func column(_ name: String) throws -> Tensor {
        guard columns.contains(name) else {
            throw Diagnostic(
                url.deletingLastPathComponent(), field: name, problem: "is no column of the atlas",
                remedy: columns.isEmpty
                    ? "it has none: build it with --labels" : "it has \(columns.joined(separator: ", "))")
        }
        return try file.tensor(Self.column + name)
    }

    /// What a column says of rows.
    func values(_ name: String, of rows: [Int]) throws -> [Double] {
        try column(name).rows(rows).to(.float64).doubles()
    }

    // MARK: - Search

    /// The rows that are most like queries, best first.
    /// - Parameters:
    ///   - queries: of unit length, `[B, E]`.
    ///   - top: rows a query; fewer where there are no more.
    ///   - probes: groups that are looked at, those whose middle is nearest; all of them make the search exact.
    ///   - allowed: which rows may be found, `[N]`; nil for all.
    func nearest(_ queries: Tensor, top: Int, probes: Int, allowed: Tensor? = nil) throws -> [[Found]] {
        guard queries.size(0) > 0, top > 0 else { return Array(repeating: [], count: queries.size(0)) }
        let probes = min(max(1, probes), lists.count)
        let chosen = try catchingTorchErrors {
            withoutGradient { () -> [Int64] in
                guard probes < lists.count else { return [] }
                return queries.matmul(lists.centroids.transposed()).topk(probes).indices.int64s()
            }
        }
        var askers = [[Int]](repeating: [], count: lists.count)
        for query in 0..<queries.size(0) {
            if chosen.isEmpty {
                for list in askers.indices { askers[list].append(query) }
            } else {
                for place in query * probes..<(query + 1) * probes { askers[Int(chosen[place])].append(query) }
            }
        }
        // More than is asked for where bytes stand for numbers: of these the best are found by what they stand for.
        let kept = scansBytes ? 3 * top + 20 : top
        let work = askers.indices.filter { !askers[$0].isEmpty && starts[$0] < starts[$0 + 1] }.flatMap { list in
            stride(from: starts[list], to: starts[list + 1], by: Self.block).map { start in
                (rows: start..<min(start + Self.block, starts[list + 1]), queries: askers[list])
            }
        }
        // Lists of all sizes in every share.
        let shares = TorchRuntime.threads > 1 ? min(work.count, 8 * TorchRuntime.threads) : min(1, work.count)
        let parts = (0..<shares).map { share in stride(from: share, to: work.count, by: shares).map { work[$0] } }
        let scan = { @Sendable (part: [(rows: Range<Int>, queries: [Int])]) in
            Result { try part.map { try self.scan($0.rows, for: queries, $0.queries, top: kept, allowed) } }
        }
        let results =
            shares > 1 ? concurrentMap(parts) { part in TorchRuntime.withOneThread { scan(part) } } : parts.map(scan)
        var found = [[Found]](repeating: [], count: queries.size(0))
        for (part, result) in zip(parts, results) {
            for (one, best) in zip(part, try result.get()) {
                for (query, own) in zip(one.queries, best) { found[query] += own }
            }
        }
        for query in found.indices {
            found[query].sort { ($1.similarity, $0.row) < ($0.similarity, $1.row) }
            found[query].removeLast(max(0, found[query].count - kept))
        }
        return try scansBytes ? ranked(found, queries, top: top) : found
    }

    /// Rows that are looked at in one step.
    private static let block = 16_384

    /// The best of some rows for some queries.
    private func scan(
        _ range: Range<Int>, for queries: Tensor, _ asking: [Int], top: Int, _ allowed: Tensor?
    ) throws -> [[Found]] {
        try catchingTorchErrors {
            withoutGradient {
                func own(_ tensor: Tensor) -> Tensor { tensor.narrow(0, start: range.lowerBound, length: range.count) }
                let block = own(scanned.values).to(.float32)
                var similarity = queries.rows(asking).matmul(block.transposed()) * own(scanned.scales)
                var count = min(top, range.count)
                if let allowed {
                    let mask = own(allowed)
                    count = min(count, Int(mask.to(.int64).sum().item()))
                    similarity = similarity.maskedFill(mask.logicalNot(), -2)
                }
                guard count > 0 else { return asking.map { _ in [] } }
                let best = similarity.topk(count)
                let (values, places) = (best.values.floats(), best.indices.int64s())
                return asking.indices.map { query in
                    (query * count..<(query + 1) * count).map {
                        Found(row: range.lowerBound + Int(places[$0]), similarity: values[$0])
                    }
                }
            }
        }
    }

    /// The best of those that bytes found, by rows as they are.
    private func ranked(_ found: [[Found]], _ queries: Tensor, top: Int) throws -> [[Found]] {
        let all = Set(found.joined().map(\.row)).sorted()
        guard !all.isEmpty else { return found }
        let place = Dictionary(uniqueKeysWithValues: zip(all, all.indices))
        let rows = try embeddings(all)
        return try found.enumerated().map { query, own in
            guard !own.isEmpty else { return [] }
            let values = try catchingTorchErrors {
                withoutGradient {
                    rows.rows(own.map { place[$0.row] ?? 0 }).matmul(queries.select(0, query).unsqueezed(1)).floats()
                }
            }
            return zip(own, values).map { Found(row: $0.row, similarity: $1) }
                .sorted { ($1.similarity, $0.row) < ($0.similarity, $1.row) }.prefix(top).map(\.self)
        }
    }

    /// Some rows in full precision, of unit length, `[n, E]`.
    func embeddings(_ rows: [Int]) throws -> Tensor {
        let (values, scales) = (try file.rows(rows, of: "rows"), scales)
        return try catchingTorchErrors { values.to(.float32) * scales.rows(rows).unsqueezed(1) }
    }

    /// How many of the ten nearest rows a search finds that looks at so many groups, on the average over some rows.
    func recall(of queries: [Int], probes: Int, exact: [[Found]]) throws -> Double {
        let found = try nearest(embeddings(queries), top: Self.judged, probes: probes)
        let hits = zip(found, exact).reduce(0) { $0 + Set($1.0.map(\.row)).intersection($1.1.map(\.row)).count }
        return Double(hits) / Double(max(1, exact.reduce(0) { $0 + $1.count }))
    }

    /// Neighbours that recall is measured with: the row itself and the ten nearest others.
    static let judged = 11

    /// The fewest groups that are enough for a recall, and what they find for rows of the atlas. Spectra from elsewhere lie between the
    /// rows, and their neighbours in more groups: of the misses that are allowed a third is used here.
    /// - Parameter recall: at least.
    func probes(for recall: Double) throws -> (probes: Int, recall: Double) {
        let least = 1 - (1 - recall) / 3
        guard lists.count > 1 else { return (1, 1) }
        let queries = Array(0..<count).evenlySampled(300)
        let exact = try nearest(embeddings(queries), top: Self.judged, probes: lists.count)
        var probes = 1
        while probes < lists.count {
            let found = try self.recall(of: queries, probes: probes, exact: exact)
            if found >= least { return (probes, found) }
            probes += max(1, probes / 4)
        }
        return (lists.count, 1)
    }

    /// Looks at all numbers.
    /// - Throws: `Diagnostic` for rows that are not of unit length, or that do not find themselves.
    func verify(probes: Int) throws {
        for start in stride(from: 0, to: count, by: 1 << 18) {
            try Interruption.check()
            let own = Array(start..<min(start + 1 << 18, count))
            let rows = try embeddings(own)
            let off = try catchingTorchErrors { withoutGradient { (rows.norm(dim: 1) - 1).abs().max().item() } }
            guard off < 1e-4 else {
                throw Diagnostic(
                    url, field: "rows", problem: "are not of unit length from row \(start) on",
                    remedy: "build the atlas anew")
            }
        }
        let some = Array(0..<count).evenlySampled(200)
        let own = try nearest(embeddings(some), top: 1, probes: probes)
        // Copies are as good as the row itself.
        let lost = zip(some, own).count { $1.first.map { $0.similarity < 0.998 } ?? true }
        guard lost == 0 else {
            throw Diagnostic(
                url, field: "starts", problem: "\(lost) of \(some.count) rows do not find themselves",
                remedy: "build the atlas anew")
        }
    }
}
