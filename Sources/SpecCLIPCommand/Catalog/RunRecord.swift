import Foundation
import StarReading
import Support
import Tables

/// What a run was: kept where pieces of a catalogue meet, so that only what belongs together is put together.
struct RunRecord: Codable, Equatable {
    /// Version of the program.
    var specclip: String
    /// `predict`, `embed`, ….
    var command: String
    /// The model's file, and the hash of what it holds.
    var model: String, modelHash: String
    /// As they were typed.
    var options: String
    /// Paths as they were typed.
    var input: [String]
    /// Hash of all that decides the rows.
    var settings: String
    /// Files and partitions of the input, of all shards.
    var units: [String]

    /// Keys of `hats.properties`.
    var facts: [(key: String, value: String)] {
        [
            ("specclip_version", specclip), ("specclip_command", command), ("specclip_model", model),
            ("specclip_model_hash", modelHash), ("specclip_options", options),
            ("specclip_input", input.joined(separator: " ")),
        ]
    }

    /// In what it differs from another run, as the end of a clause; nil where rows of both may stand beside each other.
    func difference(from other: RunRecord) -> String? {
        if command != other.command { return "another command: \(command), not \(other.command)" }
        if modelHash != other.modelHash {
            func name(_ run: RunRecord) -> String { "\(run.model) (\(run.modelHash.prefix(8)))" }
            return "another model: \(name(self)), not \(name(other))"
        }
        if input != other.input || units != other.units {
            return "another input: \(Self.short(self)), not \(Self.short(other))"
        }
        if settings != other.settings { return "other options: '\(options)', not '\(other.options)'" }
        return nil
    }

    private static func short(_ run: RunRecord) -> String {
        run.input.prefix(2).joined(separator: " ") + (run.input.count > 2 ? " …" : "") + " (\(run.units.count) units)"
    }

    /// Options as they were typed, but for those that decide no row.
    static func typed(_ arguments: [String], leavingOut inputs: [String]) -> String {
        let alone: Set = ["-f", "--force", "--restart"]
        let withValue: Set = [
            "-o", "--output", "--shard", "--threads", "--device", "-m", "--model", "--format", "--visits",
        ]
        var (kept, place) = ([String](), 0)
        while place < arguments.count {
            let word = arguments[place]
            place += withValue.contains(word) ? 2 : 1
            let name = word.split(separator: "=").first.map(String.init) ?? word
            if alone.contains(word) || withValue.contains(name) || inputs.contains(word) { continue }
            kept.append(word)
        }
        return kept.joined(separator: " ")
    }
}

/// What a shard has done, in a file beside its rows: `part-2.csv.shard.json`.
struct ShardRecord: Codable {
    /// A file or partition of the input.
    struct Unit: Codable, Equatable {
        var name: String
        /// Spectra that were read, those that failed, and rows of the result.
        var spectra: Int, failures: Int, rows: Int
    }

    /// What a shard has seen of an input of which stars are shared, not files: of all its spectra.
    struct Stars: Codable {
        /// Spectra of all stars, those of the shard's own, and those that failed.
        var spectra: Int, own: Int, failures: Int
        /// All stars, and the hash of which spectra are of which.
        var stars: Int, content: String
        /// The shard's own.
        var turns = StarTurns()
    }

    var run: RunRecord
    var shard: Shard
    var columns: [ColumnDescription]
    var units: [Unit]
    /// Nil of a share of files.
    var stars: Stars?

    static func url(for file: URL) -> URL {
        file.deletingLastPathComponent().appending(path: file.lastPathComponent + ".shard.json")
    }

    /// - Throws: `Diagnostic` where there is none.
    static func read(for file: URL) throws -> ShardRecord {
        let own = url(for: file)
        guard let data = try? Data(contentsOf: own) else {
            throw Diagnostic(
                file, problem: "is no shard: \(own.lastPathComponent) does not lie beside it",
                remedy: "give files that were written with --shard")
        }
        return try JSONFile.decode(data, own)
    }

    func write(for file: URL) throws { try JSONFile.write(self, to: Self.url(for: file)) }
}

extension RunRecord {
    /// The record in a catalogue's folder; nil where there is none.
    static func read(in folder: URL) throws -> RunRecord? {
        let url = folder.appending(path: HATSMetadata.recordName)
        guard let data = try? Data(contentsOf: url) else { return nil }
        return try JSONFile.decode(data, url)
    }

    func write(in folder: URL) throws { try JSONFile.write(self, to: folder.appending(path: HATSMetadata.recordName)) }
}

/// Records as JSON.
private enum JSONFile {
    static func decode<Value: Decodable>(_ data: Data, _ url: URL) throws -> Value {
        do { return try JSONDecoder().decode(Value.self, from: data) } catch {
            throw Diagnostic(
                url, problem: "is damaged, or of another version", remedy: "repeat the command that wrote it")
        }
    }

    static func write(_ value: some Encodable, to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n", to: url)
    }
}
