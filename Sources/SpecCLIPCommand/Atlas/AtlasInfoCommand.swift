import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip atlas info`.
struct AtlasInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Tell what is in an atlas.")

    @Argument(help: "The folder of the atlas.") var atlas: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let atlas = try StarAtlas(opening: URL(fileURLWithPath: atlas))
        print(json ? try JSONText.encode(atlas.header) : atlas.text)
    }
}

extension StarAtlas {
    /// For people.
    var text: String {
        let width = header.width
        let parts = header.parts.map { part -> String in
            let search =
                part.groups == 1
                ? "searched exactly"
                : "in \(part.groups) groups, of which \(part.probes) are searched (recall@10 "
                    + String(format: "%.3f)", part.recall)
            let repeats = part.repeats > 0 ? "; \(part.repeats) rows share a source id with another" : ""
            let columns = part.columns.isEmpty ? "no columns" : "columns \(part.columns.joined(separator: ", "))"
            return "  \(part.instrument): \(part.rows) rows, \(search)\(repeats)\n    \(columns)"
        }
        let inputs = header.inputs.map { "  \($0.file): \($0.rows) rows" }
        return
            (["\(url.lastPathComponent): embeddings of \(width) numbers by \(header.model)"] + parts + ["from"] + inputs)
            .joined(separator: "\n")
    }
}
