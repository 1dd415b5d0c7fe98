import Foundation
import Spectra
import Support
import Tables
import Torch

/// Builds an atlas from tables of embeddings, in a folder and in steps: rows are gathered on disk, then put in order of their groups.
/// Memory grows by some bytes a row alone. What was gathered stays when a build is interrupted; the same build goes on from there.
public final class AtlasBuilder {
    /// What can be chosen.
    public struct Options: Sendable, Codable, Hashable {
        /// Numbers of embeddings that are kept, the first ones; nil for all.
        public var width: Int?
        /// Whether rows are looked at as bytes, with the best found by rows as they are; nil where there are more than four million.
        public var scansBytes: Bool?
        /// The share of the ten nearest rows that a search finds at least.
        public var recall = 0.99
        /// Groups of rows; nil for as many as suit their number.
        public var groups: Int?
        /// Columns that are kept for filters and answers; nil for labels, places and flags that tables have.
        public var columns: [String]?

        /// The defaults.
        public init() {}
    }

    /// Columns that are kept where a table has them.
    public static let usualColumns = LookAlikes.catalogue + ["ra", "dec", "snr", "flag"]

    static let stagingName = ".building"
    /// Rows that are gathered in one step.
    private static let block = 1 << 16
    /// Rows beyond which bytes are looked at.
    private static let many = 4_000_000

    /// What was gathered so far; JSON.
    private struct Progress: Codable {
        var settings: String
        /// Per table, in the order in which they came.
        var inputs: [Done] = []
        var rows: [String: Int] = [:], textBytes: [String: Int] = [:]
        var left = 0

        struct Done: Codable {
            var file: String, content: String
            /// Rows that were read, and that were taken.
            var read: Int, taken: Int
            var isWhole: Bool
        }
    }

    /// What another table says of stars that tables of embeddings say nothing of.
    public var catalogue: StarColumns?
    /// Told how many rows are gathered, or done.
    public var onProgress: (String, Int) -> Void = { _, _ in }
    /// Rows without an embedding, which were left out.
    public var left: Int { progress.left }

    private let folder: URL, staging: URL
    private let reader: StarReader
    private let options: Options
    /// Columns that are kept where they are known.
    public let columns: [String]
    private var progress: Progress
    private var files: [String: StagedEmbeddings] = [:]
    private let width: Int

    /// - Parameters:
    ///   - folder: of the atlas; it is made where it is missing.
    ///   - reader: of the model whose embeddings they are.
    ///   - options: how.
    ///   - restart: forgets what an interrupted build has gathered.
    /// - Throws: `Diagnostic` for a width that embeddings do not have, or a folder that cannot be made.
    public init(_ folder: URL, _ reader: StarReader, options: Options = Options(), restart: Bool = false) throws {
        (self.folder, self.reader, self.options) = (folder, reader, options)
        staging = folder.appending(path: Self.stagingName)
        columns = options.columns ?? Self.usualColumns
        let shared = reader.model.shared(Tensor.zeros([1, reader.embeddingWidth])).size(1)
        width = options.width ?? shared
        guard (1...shared).contains(width) else {
            throw Diagnostic("--width \(width)", problem: "the model's embeddings have \(shared) shared numbers")
        }
        let settings = ContentHash.of(
            try settingsText(options) + ContentHash.of(reader.file.modelURL) + columns.joined(separator: ","))
        do {
            if restart { try? FileManager.default.removeItem(at: staging) }
            try FileManager.default.createDirectory(at: staging, withIntermediateDirectories: true)
        } catch {
            throw Diagnostic(
                folder, problem: "cannot be made (\(error.localizedDescription))", remedy: "choose another folder")
        }
        let known = (try? Data(contentsOf: staging.appending(path: "progress.json")))
            .flatMap { try? JSONDecoder().decode(Progress.self, from: $0) }
        guard known.map({ $0.settings == settings }) ?? true else {
            throw Diagnostic(
                folder, problem: "an interrupted build with other settings has gathered rows there",
                remedy: "give the same command, or begin anew with --restart")
        }
        progress = known ?? Progress(settings: settings)
        for (key, rows) in progress.rows {
            files[key] = try StagedEmbeddings(
                staging, key, width, columns.count, rows: rows, textBytes: progress.textBytes[key] ?? 0)
        }
    }

    // MARK: - Gathering

    /// Rows that were gathered, of all instruments.
    public var count: Int { progress.rows.values.reduce(0, +) }

    /// Gathers the rows of a table, or of all partitions of a HATS catalogue; those that an interrupted build has are left out.
    /// - Throws: `Diagnostic` for tables without embeddings of the model; `Interrupted`.
    public func add(_ url: URL) throws {
        guard !HATSCatalogue.isCatalogue(url.path) else {
            for file in try HATSCatalogue(opening: url).partitions.flatMap(\.files) { try add(file) }
            return
        }
        let content = ContentHash.of(url)
        var place = progress.inputs.firstIndex { $0.content == content && $0.content != "missing" }
        if let place, progress.inputs[place].isWhole { return }
        let table = try EmbeddingTable(
            url, among: reader.instruments, width: reader.embeddingWidth, columns: columns,
            required: options.columns != nil && catalogue == nil)
        if let place { try table.skip(progress.inputs[place].read) }
        if place == nil {
            progress.inputs.append(
                .init(file: url.lastPathComponent, content: content, read: 0, taken: 0, isWhole: false))
            place = progress.inputs.count - 1
        }
        guard let place else { return }
        while true {
            try Interruption.check()
            let (blocks, rows) = try table.next(Self.block)
            guard rows > 0 else { break }
            for block in blocks { try gather(block) }
            let taken = blocks.reduce(0) { $0 + $1.sourceIDs.count }
            progress.inputs[place].read += rows
            progress.inputs[place].taken += taken
            progress.left += rows - taken
            try save()
            onProgress("gather", count)
        }
        progress.inputs[place].isWhole = true
        try save()
    }

    /// Gathers the rows of an atlas of the same model.
    /// - Throws: `Diagnostic` for another model, or fewer numbers than are kept.
    public func add(_ atlas: StarAtlas) throws {
        try atlas.check(reader)
        guard atlas.header.width >= width else {
            throw Diagnostic(
                atlas.url, field: "width", problem: "is \(atlas.header.width), less than \(width)",
                remedy: "give --width \(atlas.header.width)")
        }
        let content = ContentHash.of(atlas.url.appending(path: StarAtlas.headerName))
        guard !progress.inputs.contains(where: { $0.content == content && $0.isWhole }) else { return }
        // What was gathered of half an atlas is gathered again: it is one step.
        var taken = 0
        for (about, stars) in atlas.allParts {
            guard let instrument = reader.instruments.first(where: { $0.embeddingKey == about.instrument }) else {
                throw Diagnostic(atlas.url, problem: "holds \(about.instrument), which the model does not read")
            }
            for start in stride(from: 0, to: stars.rows.count, by: Self.block) {
                try Interruption.check()
                let own = Array(start..<min(start + Self.block, stars.rows.count))
                try gather(
                    EmbeddingTable.Block(
                        instrument: instrument, embeddings: stars.rows.embeddings(own),
                        sourceIDs: own.map(stars.sourceID),
                        columns: columns.map {
                            stars.columns.contains($0) ? try stars.values($0, of: own) : own.map { _ in .nan }
                        }))
                taken += own.count
                onProgress("gather", count)
            }
        }
        progress.inputs.append(
            .init(file: atlas.url.lastPathComponent, content: content, read: taken, taken: taken, isWhole: true))
        try save()
    }

    private func gather(_ block: EmbeddingTable.Block) throws {
        let key = block.instrument.embeddingKey
        let staged = try files[key] ?? StagedEmbeddings(staging, key, width, columns.count, rows: 0, textBytes: 0)
        files[key] = staged
        let rows = try catchingTorchErrors {
            withoutGradient {
                let shared = reader.model.shared(block.embeddings)
                return unitDirections(shared.narrow(1, start: 0, length: width)).to(.float16).contiguous()
            }
        }
        try staged.append(
            rows, block.sourceIDs, catalogue?.completing(block.columns, of: block.sourceIDs) ?? block.columns)
        (progress.rows[key], progress.textBytes[key]) = (staged.rows, staged.textBytes)
    }

    private func save() throws {
        for staged in files.values { try staged.synchronise() }
        try AtomicFile.write(try JSONText.encode(progress), to: staging.appending(path: "progress.json"))
    }

    // MARK: - Putting in order

    /// Puts what was gathered in order; the atlas is in place, whole, at the end.
    /// - Throws: `Diagnostic` where nothing was gathered, or the disk is full.
    @discardableResult
    public func finish() throws -> StarAtlas {
        guard count > 0 else {
            throw Diagnostic(folder, problem: "no embeddings were given", remedy: "give tables of 'specclip embed'")
        }
        let header = try StarAtlas.Header(
            model: reader.file.modelURL.lastPathComponent, content: ContentHash.of(reader.file.modelURL),
            width: width, parts: files.sorted { $0.key < $1.key }.map { try ordered($0.key, $0.value) },
            inputs: progress.inputs.map { .init(file: $0.file, content: $0.content, rows: $0.taken) })
        let former = try? StarAtlas(opening: folder).header.parts.map(\.file)
        try AtomicFile.write(
            try JSONText.encode(header) + "\n", to: folder.appending(path: StarAtlas.headerName))
        for file in former ?? [] where !header.parts.contains(where: { $0.file == file }) {
            try? FileManager.default.removeItem(at: folder.appending(path: file))
        }
        try? FileManager.default.removeItem(at: staging)
        return try StarAtlas(opening: folder)
    }

    private func ordered(_ key: String, _ staged: StagedEmbeddings) throws -> StarAtlas.Header.Part {
        let number = min(options.groups ?? InvertedLists.count(for: staged.rows), staged.rows)
        onProgress("learn groups", staged.rows)
        let lists = try catchingTorchErrors {
            try withoutGradient {
                try InvertedLists(
                    learning: staged.embeddings(
                        Array(0..<staged.rows).evenlySampled(max(number * InvertedLists.sample, 4096))), count: number)
            }
        }
        // The group of each row, then where each group begins.
        var groups: [Int32] = []
        groups.reserveCapacity(staged.rows)
        for start in stride(from: 0, to: staged.rows, by: Self.block) {
            try Interruption.check()
            let rows = try staged.embeddings(start..<min(start + Self.block, staged.rows))
            groups += try catchingTorchErrors {
                withoutGradient { lists.groups(of: rows).to(.int32).array(of: Int32.self) }
            }
            onProgress("group", groups.count)
        }
        var starts = [Int64](repeating: 0, count: number + 1)
        for group in groups { starts[Int(group) + 1] += 1 }
        for group in 0..<number { starts[group + 1] += starts[group] }

        let told = try staged.told(columns)
        let scansBytes = options.scansBytes ?? (staged.rows > Self.many)
        var parts: [SafetensorsDraft.Part] = [
            .init("rows", .float16, [staged.rows, width]), .init("scales", .float32, [staged.rows]),
            .init("starts", .int64, [number + 1]),
            .init("centroids", .float32, [number, width]),
            told.areNumbers
                ? .init("source_id", .int64, [staged.rows])
                : .init("source_id", .uint8, [staged.rows, max(1, told.longest)]),
        ]
        if scansBytes {
            parts += [.init("codes", .int8, [staged.rows, width]), .init("code_scales", .float32, [staged.rows])]
        }
        parts += told.columns.map {
            .init(AtlasPart.column + columns[$0], Self.isPlace(columns[$0]) ? .float64 : .float32, [staged.rows])
        }
        let temporary = folder.appending(path: "\(key).safetensors.new")
        try? FileManager.default.removeItem(at: temporary)
        try SafetensorsFile.write(to: temporary, parts, metadata: ["atlas": key]) { draft in
            try draft.write(Tensor(starts), to: "starts")
            try draft.write(lists.centroids.contiguous(), to: "centroids")
            try write(staged, told, groups, starts, scansBytes, to: draft)
        }
        // Named by its content: an atlas that is built anew is whole at every moment.
        let content = ContentHash.of(temporary)
        let file = "\(key)-\(content.prefix(8)).safetensors"
        guard rename(temporary.path, folder.appending(path: file).path) == 0 else {
            throw Diagnostic(cannotWrite: folder.appending(path: file).path, errno: errno)
        }
        onProgress("look how many groups to search", staged.rows)
        let probes = try AtlasPart(folder.appending(path: file)).rows.probes(for: options.recall)
        return StarAtlas.Header.Part(
            instrument: key, file: file, content: content, rows: staged.rows, repeats: told.repeats, groups: number,
            probes: probes.probes, recall: probes.recall, columns: told.columns.map { columns[$0] })
    }

    /// Degrees need more than seven digits.
    private static func isPlace(_ name: String) -> Bool { name == "ra" || name == "dec" }

    /// Writes rows to their groups, block by block.
    private func write(
        _ staged: StagedEmbeddings, _ told: StagedEmbeddings.Told, _ groups: [Int32], _ starts: [Int64],
        _ scansBytes: Bool,
        to draft: SafetensorsDraft
    ) throws {
        var next = starts.map(Int.init)
        var ids = try staged.identifiers()
        let block = 4 * Self.block
        for start in stride(from: 0, to: staged.rows, by: block) {
            try Interruption.check()
            let range = start..<min(start + block, staged.rows)
            let order = range.sorted { (groups[$0], $0) < (groups[$1], $1) }
            /// Rows of one group, which come to lie together.
            var runs: [(first: Int, count: Int, place: Int)] = []
            for (first, row) in order.enumerated() {
                let group = Int(groups[row])
                if let last = runs.last, groups[order[last.first]] == groups[row] {
                    runs[runs.count - 1].count += 1
                } else {
                    runs.append((first, 1, next[group]))
                }
                next[group] += 1
            }
            func put(_ bytes: UnsafeRawBufferPointer, _ size: Int, _ name: String) throws {
                for run in runs {
                    try draft.write(
                        UnsafeRawBufferPointer(rebasing: bytes[run.first * size..<(run.first + run.count) * size]),
                        to: name, at: run.place * size)
                }
            }
            let places = order.map { $0 - start }
            let (rows, full) = try catchingTorchErrors {
                try withoutGradient { () -> (Tensor, Tensor) in
                    let rows = try staged.halves(range).rows(places)
                    return (rows, rows.to(.float32))
                }
            }
            /// What brings rows to unit length.
            func scales(_ rows: Tensor) -> Tensor { rows.norm(dim: 1).clamp(min: 1e-12).reciprocal() }
            try rows.withUnsafeBytes { try put($0, 2 * width, "rows") }
            try scales(full).withUnsafeBytes { try put($0, 4, "scales") }
            if scansBytes {
                let largest = full.abs().max(dims: [1], keepDims: true).clamp(min: 1e-12)
                let codes = (full * (largest.reciprocal() * 127)).round()
                try codes.to(.int8).withUnsafeBytes { try put($0, width, "codes") }
                try scales(codes).withUnsafeBytes { try put($0, 4, "code_scales") }
            }
            let own = try ids.next(range.count)
            if told.areNumbers {
                try places.map { Int64(own[$0]) ?? 0 }.withUnsafeBytes { try put($0, 8, "source_id") }
            } else {
                let length = max(1, told.longest)
                let bytes = places.flatMap { place -> [UInt8] in
                    let text = Array(own[place].utf8.prefix(length))
                    return text + [UInt8](repeating: 0, count: length - text.count)
                }
                try bytes.withUnsafeBytes { try put($0, length, "source_id") }
            }
            let values = try staged.columns(range)
            for column in told.columns {
                let own = places.map { values[$0 * columns.count + column] }
                if Self.isPlace(columns[column]) {
                    try own.withUnsafeBytes { try put($0, 8, AtlasPart.column + columns[column]) }
                } else {
                    try own.map { Float($0) }.withUnsafeBytes { try put($0, 4, AtlasPart.column + columns[column]) }
                }
            }
            onProgress("put in order", range.upperBound)
        }
    }
}
