import Foundation
import Support
import Tables
import Training

/// Keeps what a training says on its way: the caller has no terminal of ours.
final class KeptNotes: ProgressSink {
    private(set) var texts: [String] = []

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {}

    func note(_ text: String) { texts.append(text) }

    /// As a table.
    var table: (name: String, table: Table) { ("notes", Table([Column("note", .text(texts))])) }
}

/// Options that trainings share.
enum Learning {
    /// Where a run keeps its checkpoints.
    static func folder(_ options: Options) throws -> URL {
        guard let path = try options.text("folder") else {
            throw Diagnostic("folder", problem: "is not given", remedy: "name one for checkpoints")
        }
        return URL(fileURLWithPath: path)
    }

    /// The configuration: JSON, which is YAML as well.
    static func configuration(_ options: Options) throws -> String {
        guard let text = try options.text("configuration") else {
            throw Diagnostic("configuration", problem: "is not given", remedy: "give it as JSON")
        }
        return text
    }

    static func file(_ options: Options) throws -> URL {
        guard let path = try options.text("path") else {
            throw Diagnostic("path", problem: "is not given", remedy: "name a file")
        }
        return URL(fileURLWithPath: path)
    }

    static func rows(_ tensor: [Float], width: Int, _ name: String) -> [(name: String, table: Table)] {
        [("rows", Table([Column(name, .vectors(tensor, width: width))]))]
    }

    static func written(_ url: URL) -> [(name: String, table: Table)] {
        [("rows", Table([Column("path", .text([url.path]))]))]
    }
}
