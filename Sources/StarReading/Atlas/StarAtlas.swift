import Datasets
import Foundation
import Spectra
import Support
import Torch

/// Embeddings of many stars in a folder, searched where they lie: `specclip atlas build` makes it.
///
/// The folder has a file for each instrument (`AtlasPart`) and `atlas.json`, which is written last: a folder without it is half built.
public struct StarAtlas: Sendable {
    /// What is in an atlas; JSON.
    public struct Header: Codable, Sendable {
        /// Of the format.
        public var version = 1
        /// The program that built it.
        public var program = "specclip \(Release.version)"
        /// The model whose embeddings they are: its file's name, and the hash of its content.
        public var model: String, content: String
        /// Numbers of an embedding; the first of the model's, where there are fewer.
        public var width: Int
        /// The instruments.
        public var parts: [Part]
        /// What it was built from.
        public var inputs: [Input]

        /// The embeddings of an instrument.
        public struct Part: Codable, Sendable {
            /// `embeddingKey`; the file in the folder, and the hash of its content.
            public var instrument: String, file: String, content: String
            /// Rows, those of them that share their source id with another, and groups of rows.
            public var rows: Int, repeats: Int, groups: Int
            /// Groups that a search looks at, and the share of the ten nearest rows that it then finds.
            public var probes: Int, recall: Double
            /// Names of the columns.
            public var columns: [String]
        }

        /// A table of embeddings.
        public struct Input: Codable, Sendable, Hashable {
            /// The file's name, the hash of its content, and the rows that were taken of it.
            public var file: String, content: String, rows: Int
        }
    }

    /// What is in it.
    public let header: Header
    /// The folder.
    public let url: URL
    private let parts: [String: AtlasPart]

    static let headerName = "atlas.json"

    /// Whether a path is a folder with an atlas, whole or half built.
    public static func isAtlas(_ path: String) -> Bool {
        [headerName, AtlasBuilder.stagingName].contains {
            FileManager.default.fileExists(atPath: URL(fileURLWithPath: path).appending(path: $0).path)
        }
    }

    /// Opens an atlas: instant, whatever its size.
    /// - Throws: `Diagnostic` for a folder that is none or is half built, and for files that are missing or contradict it.
    public init(opening url: URL) throws {
        self.url = url
        guard let data = try? Data(contentsOf: url.appending(path: Self.headerName)) else {
            let isHalf = FileManager.default.fileExists(atPath: url.appending(path: AtlasBuilder.stagingName).path)
            throw Diagnostic(
                url, problem: isHalf ? "is half built" : "holds no atlas",
                remedy: isHalf
                    ? "give the same 'specclip atlas build' again, which goes on from there"
                    : "make one with 'specclip atlas build'")
        }
        guard let header = try? JSONDecoder().decode(Header.self, from: data) else {
            throw Diagnostic(url.appending(path: Self.headerName), problem: "cannot be read", remedy: "build it anew")
        }
        guard header.version == 1 else {
            throw Diagnostic(
                url, field: "version", problem: "is \(header.version), of a newer program",
                remedy: "install it, or build the atlas anew")
        }
        self.header = header
        parts = try header.parts.reduce(into: [:]) { parts, about in
            guard !about.file.contains("/") else {
                throw Diagnostic(url, field: "file", problem: "\(about.file) lies elsewhere", remedy: "build it anew")
            }
            let part = try AtlasPart(url.appending(path: about.file))
            guard part.count == about.rows, part.width == header.width else {
                throw Diagnostic(
                    url.appending(path: about.file),
                    problem: "has \(part.count) rows of \(part.width) numbers; the atlas was built with \(about.rows)"
                        + " of \(header.width)", remedy: "build it anew")
            }
            parts[about.instrument] = part
        }
    }

    /// - Throws: `Diagnostic` for embeddings of another model than `reader`'s.
    public func check(_ reader: StarReader) throws {
        guard header.content == ContentHash.of(reader.file.modelURL) else {
            throw Diagnostic(
                url, field: "model", problem: "is \(header.model), not \(reader.file.modelURL.lastPathComponent)",
                remedy: "search with the model that made the embeddings (-m), or build the atlas anew")
        }
    }

    func part(_ instrument: Instrument) -> (rows: AtlasPart, about: Header.Part)? {
        guard let about = header.parts.first(where: { $0.instrument == instrument.embeddingKey }) else { return nil }
        return parts[about.instrument].map { ($0, about) }
    }

    var allParts: [(about: Header.Part, rows: AtlasPart)] {
        header.parts.compactMap { about in parts[about.instrument].map { (about, $0) } }
    }

    /// Looks at every number: hashes of files, lengths of rows, and whether rows find themselves.
    /// - Throws: `Diagnostic` for the first file that is not as it was built.
    public func verify() throws {
        for (about, rows) in allParts {
            let file = url.appending(path: about.file)
            guard ContentHash.of(file) == about.content else {
                throw Diagnostic(file, problem: "was changed since the atlas was built", remedy: "build it anew")
            }
            try rows.verify(probes: about.probes)
        }
    }
}

/// Which stars of an atlas may be found.
public struct AtlasFilter: Sendable {
    /// What columns have to be.
    public var conditions: [LabelCondition]
    /// A place in the sky and how far from it, degrees.
    public var cone: (ra: Double, dec: Double, radius: Double)?

    /// Conditions, all of which are to be met.
    public init(_ conditions: [LabelCondition] = [], cone: (ra: Double, dec: Double, radius: Double)? = nil) {
        (self.conditions, self.cone) = (conditions, cone)
    }

    /// Which rows meet it, `[N]`; nil for all.
    /// - Throws: `Diagnostic` for columns that the atlas does not have.
    func allowed(_ part: AtlasPart) throws -> Tensor? {
        var allowed: Tensor?
        func and(_ mask: Tensor) { allowed = allowed.map { $0.logicalAnd(mask) } ?? mask }
        for condition in conditions {
            let values = try part.column(condition.label)
            try catchingTorchErrors {
                switch condition.comparison {
                case .atLeast: and(values.ge(condition.number))
                case .atMost: and(values.le(condition.number))
                case .above: and(values.gt(condition.number))
                case .below: and(values.lt(condition.number))
                }
            }
        }
        guard let cone else { return allowed }
        let radians = Double.pi / 180
        let (ra, dec) = (try part.column("ra"), try part.column("dec"))
        try catchingTorchErrors {
            // By the chord, which tells small angles as well as large ones.
            let (a, d) = (ra.to(.float64) * radians, dec.to(.float64) * radians)
            let x = d.cos() * a.cos() - cos(cone.dec * radians) * cos(cone.ra * radians)
            let y = d.cos() * a.sin() - cos(cone.dec * radians) * sin(cone.ra * radians)
            let z = d.sin() - sin(cone.dec * radians)
            let chord = 2 * sin(min(cone.radius, 180) * radians / 2)
            and((x.square() + y.square() + z.square()).le(chord * chord))
        }
        return allowed
    }
}

/// Search in an atlas.
public struct AtlasSearch: KnownStars {
    /// Labels that are known.
    public let labelNames: [String]
    /// Whose spectra are searched.
    public let instruments: [Instrument]
    /// Where the stars come from, for the user to read.
    public let source: String
    private let atlas: StarAtlas
    private let reader: StarReader
    private let probes: Int?
    private let allowed: [String: Tensor]

    /// - Parameters:
    ///   - atlas: of embeddings of the reader's model.
    ///   - reader: of the stars that look-alikes are asked for.
    ///   - among: an instrument's name, or "both".
    ///   - filter: which stars may be found.
    ///   - probes: groups that are looked at; nil for as many as the atlas was built for, `Int.max` for all.
    /// - Throws: `Diagnostic` for embeddings of another model, and what the filter asks of columns that are not there.
    public init(
        _ atlas: StarAtlas, _ reader: StarReader, among: String = "both", filter: AtlasFilter = AtlasFilter(),
        probes: Int? = nil
    ) throws {
        try atlas.check(reader)
        (self.atlas, self.reader, self.probes) = (atlas, reader, probes)
        instruments = try LookAlikes.chosen(
            among, of: reader.instruments.filter { atlas.part($0) != nil }, in: atlas.url)
        let parts = instruments.compactMap { atlas.part($0) }
        labelNames = LookAlikes.catalogue.filter { name in parts.contains { $0.rows.columns.contains(name) } }
        source = "\(parts.reduce(0) { $0 + $1.about.rows }) stars of \(atlas.url.lastPathComponent)"
        allowed = try instruments.reduce(into: [:]) { masks, instrument in
            if let part = atlas.part(instrument) {
                masks[instrument.embeddingKey] = try filter.allowed(part.rows)
            }
        }
    }

    /// As ``KnownStars/nearest(to:of:top:excludingSelf:)``.
    public func nearest(
        to embeddings: Tensor, of observations: [Observation], top: Int, excludingSelf: Bool
    ) throws -> [[FoundStar]] {
        let queries = try catchingTorchErrors {
            let shared = reader.model.shared(embeddings)
            return unitDirections(shared.narrow(1, start: 0, length: min(shared.size(1), atlas.header.width)))
        }
        var found = [[FoundStar]](repeating: [], count: observations.count)
        for instrument in instruments {
            guard let (rows, about) = atlas.part(instrument) else { continue }
            let own = excludingSelf ? observations.map(\.sourceID) : []
            let mask = allowed[instrument.embeddingKey]
            for (query, best) in try nearest(queries, rows, about, mask, top, excluding: own).enumerated() {
                let labels = try rows.columns.filter(labelNames.contains).map { name in
                    (name, try rows.values(name, of: best.map(\.row)))
                }
                found[query] += best.enumerated().map { rank, one in
                    FoundStar(
                        rank: rank + 1, row: one.row, sourceID: rows.sourceID(one.row), instrument: instrument,
                        // Rounded, as the cosine of equal directions may lie above 1.
                        similarity: min(1, Double(one.similarity)),
                        labels: Dictionary(uniqueKeysWithValues: labels.map { ($0, $1[rank]) }))
                }
            }
        }
        return found
    }

    /// Stars that are not the star itself: more are looked for where that one is there often.
    private func nearest(
        _ queries: Tensor, _ rows: AtlasPart, _ about: StarAtlas.Header.Part, _ mask: Tensor?, _ top: Int,
        excluding own: [String]
    ) throws -> [[AtlasPart.Found]] {
        let probes = try probes ?? self.probes(about, mask)
        var wanted = own.allSatisfy(\.isEmpty) ? top : top + 8
        while true {
            let found = try rows.nearest(queries, top: wanted, probes: probes, allowed: mask)
            guard wanted > top else { return found }
            let others = found.enumerated().map { query, best in
                own[query].isEmpty ? best : best.filter { rows.sourceID($0.row) != own[query] }
            }
            let isEnough = zip(others, found).allSatisfy { $0.count >= top || $1.count < wanted }
            guard !isEnough, wanted < about.rows else { return others.map { Array($0.prefix(top)) } }
            wanted = min(4 * wanted, about.rows)
        }
    }

    /// Where few stars may be found, more groups are looked at: as many stars as without a filter.
    private func probes(_ about: StarAtlas.Header.Part, _ mask: Tensor?) throws -> Int {
        guard let mask else { return about.probes }
        let share = try catchingTorchErrors { mask.to(.int64).sum().item() } / Double(about.rows)
        return Int(min(Double(about.groups), (Double(about.probes) / max(share, 1e-9)).rounded(.up)))
    }
}
