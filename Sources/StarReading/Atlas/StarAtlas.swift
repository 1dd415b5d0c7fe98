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
    /// By `embeddingKey`.
    let parts: [String: AtlasPart]

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
            let rows = part.rows
            guard rows.count == about.rows, rows.width == header.width else {
                throw Diagnostic(
                    url.appending(path: about.file),
                    problem: "has \(rows.count) rows of \(rows.width) numbers; the atlas was built with \(about.rows)"
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

    var allParts: [(about: Header.Part, stars: AtlasPart)] {
        header.parts.compactMap { about in parts[about.instrument].map { (about, $0) } }
    }

    /// Looks at every number: hashes of files, lengths of rows, and whether rows find themselves.
    /// - Throws: `Diagnostic` for the first file that is not as it was built.
    public func verify() throws {
        for (about, stars) in allParts {
            let file = url.appending(path: about.file)
            guard ContentHash.of(file) == about.content else {
                throw Diagnostic(file, problem: "was changed since the atlas was built", remedy: "build it anew")
            }
            try stars.rows.verify(file, probes: about.probes)
        }
    }
}
