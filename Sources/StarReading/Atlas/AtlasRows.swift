import Foundation
import SpecCLIP
import Support
import Torch

/// A row that was found.
struct FoundRow: Sendable {
    /// Its number.
    var row: Int
    /// Cosine.
    var similarity: Float
}

/// Directions in groups of like ones, and the search among them; rows lie in memory or in a file that is mapped into it.
struct AtlasRows: Sendable {
    /// Directions as a search looks at them: numbers of any type, `[N, E]`, with what brings each row to unit length, `[N]`.
    struct Scanned: Sendable {
        var values: Tensor, scales: Tensor
        /// Whether they are bytes that stand for numbers: the best of what they find is compared by rows in full.
        var areBytes = false
    }

    /// Rows, and numbers of each.
    let count: Int, width: Int
    private let lists: InvertedLists
    private let starts: [Int]
    private let scanned: Scanned
    private let inFull: @Sendable ([Int]) throws -> Tensor

    /// - Parameters:
    ///   - scanned: rows, group by group.
    ///   - lists: the groups.
    ///   - starts: where each begins, and the number of rows.
    ///   - inFull: some rows as they are, of unit length, `[n, E]`.
    init(
        _ scanned: Scanned, in lists: InvertedLists, starts: [Int], inFull: @escaping @Sendable ([Int]) throws -> Tensor
    ) {
        (count, width) = (scanned.values.size(0), scanned.values.size(1))
        (self.scanned, self.lists, self.starts, self.inFull) = (scanned, lists, starts, inFull)
    }

    /// One group, in memory: every search is exact.
    /// - Parameter embeddings: of any length, `[N, E]`; a row of zeros is like none.
    init(_ embeddings: Tensor) {
        let rows = unitDirections(embeddings.to(.float32))
        self.init(
            Scanned(values: rows, scales: Tensor.ones([rows.size(0)])),
            in: InvertedLists(centroids: Tensor.zeros([1, rows.size(1)])), starts: [0, rows.size(0)]
        ) { wanted in try catchingTorchErrors { rows.rows(wanted) } }
    }

    /// The rows that are most like queries, best first.
    /// - Parameters:
    ///   - queries: of unit length, `[B, E]`.
    ///   - top: rows a query; fewer where there are no more.
    ///   - probes: groups that are looked at, those whose middle is nearest; all of them make the search exact.
    ///   - allowed: which rows may be found, `[N]`; nil for all.
    func nearest(_ queries: Tensor, top: Int, probes: Int, allowed: Tensor? = nil) throws -> [[FoundRow]] {
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
        let kept = scanned.areBytes ? 3 * top + 20 : top
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
        var found = [[FoundRow]](repeating: [], count: queries.size(0))
        for (part, result) in zip(parts, results) {
            for (one, best) in zip(part, try result.get()) {
                for (query, own) in zip(one.queries, best) { found[query] += own }
            }
        }
        for query in found.indices {
            found[query].sort { ($1.similarity, $0.row) < ($0.similarity, $1.row) }
            found[query].removeLast(max(0, found[query].count - kept))
        }
        return try scanned.areBytes ? ranked(found, queries, top: top) : found
    }

    /// Rows that are looked at in one step.
    private static let block = 16_384

    /// The best of some rows for some queries.
    private func scan(
        _ range: Range<Int>, for queries: Tensor, _ asking: [Int], top: Int, _ allowed: Tensor?
    ) throws -> [[FoundRow]] {
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
                        FoundRow(row: range.lowerBound + Int(places[$0]), similarity: values[$0])
                    }
                }
            }
        }
    }

    /// The best of those that bytes found, by rows as they are.
    private func ranked(_ found: [[FoundRow]], _ queries: Tensor, top: Int) throws -> [[FoundRow]] {
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
            return zip(own, values).map { FoundRow(row: $0.row, similarity: $1) }
                .sorted { ($1.similarity, $0.row) < ($0.similarity, $1.row) }.prefix(top).map(\.self)
        }
    }

    /// Some rows in full precision, of unit length, `[n, E]`.
    func embeddings(_ rows: [Int]) throws -> Tensor { try inFull(rows) }

    /// How many of the ten nearest rows a search finds that looks at so many groups, on the average over some rows.
    func recall(of queries: [Int], probes: Int, exact: [[FoundRow]]) throws -> Double {
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
    /// - Parameter url: the file that rows lie in.
    /// - Throws: `Diagnostic` for rows that are not of unit length, or that do not find themselves.
    func verify(_ url: URL, probes: Int) throws {
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

/// Rows of unit length, however short they were: the floor of the contrastive loss (quirk Q16) would make the similarity of very short
/// embeddings smaller than their cosine.
package func unitDirections(_ rows: Tensor) -> Tensor { unit(rows, floor: Double(Float.leastNormalMagnitude)) }
