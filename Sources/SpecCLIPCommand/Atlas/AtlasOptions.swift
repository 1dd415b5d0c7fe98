import ArgumentParser
import Foundation
import StarReading
import Support

/// How an atlas is made, and where.
struct AtlasOptions: ParsableArguments {
    @Option(name: [.short, .long], help: ArgumentHelp("The folder of the atlas.", valueName: "folder"))
    var output: String
    @Flag(name: [.short, .long], help: "Replace an atlas that is there.") var force = false
    @Option(help: ArgumentHelp("Keep the first k numbers of embeddings (ordered ones lose least).", valueName: "k"))
    var width: Int?
    @Option(
        help: ArgumentHelp(
            "Look at rows as half-precision numbers, or as bytes first (default: bytes above 4 million).",
            valueName: "half|bytes"))
    var scan: Scan?
    @Option(help: ArgumentHelp("Share of the ten nearest that searches find at least.", valueName: "share"))
    var recall = 0.99
    @Option(help: ArgumentHelp("Groups of rows (default: as suits their number).", valueName: "n")) var groups: Int?
    @Option(help: ArgumentHelp("Columns to keep.", valueName: "a,b")) var columns: String?
    @Flag(help: "Begin anew instead of going on with an interrupted build.") var restart = false

    /// How rows are looked at.
    enum Scan: String, ExpressibleByArgument { case half, bytes }

    func validate() throws {
        guard (0.1...1).contains(recall) else { throw ValidationError("--recall \(recall): must be between 0.1 and 1") }
        if let groups, groups < 1 { throw ValidationError("--groups \(groups): must be at least 1") }
        if let width, width < 1 { throw ValidationError("--width \(width): must be at least 1") }
    }

    /// The folder, which has no atlas yet unless it may be replaced.
    func url(replacing: Bool) throws -> URL {
        let url = URL(fileURLWithPath: output)
        if !replacing, !force, FileManager.default.fileExists(atPath: url.appending(path: "atlas.json").path) {
            throw Diagnostic(
                output, problem: "holds an atlas already", remedy: "add to it with --append, or replace it with --force"
            )
        }
        return url
    }

    func builder(_ url: URL, _ reader: StarReader, width other: Int?) throws -> AtlasBuilder {
        var options = AtlasBuilder.Options()
        (options.width, options.recall, options.groups) = (width ?? other, recall, groups)
        options.scansBytes = scan.map { $0 == .bytes }
        options.columns = columns.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
        return try AtlasBuilder(url, reader, options: options, restart: restart)
    }

    func build(_ builder: AtlasBuilder, _ gather: () throws -> Void) throws {
        Interruption.listen()
        var line = ProgressLine("gather")
        var step = "gather"
        defer { line.finish() }
        builder.onProgress = { now, rows in
            if now != step {
                line.finish()
                (step, line) = (now, ProgressLine(now))
            }
            line.update(rows, of: nil)
        }
        try gather()
        let atlas = try builder.finish()
        line.finish()
        if builder.left > 0 {
            Program.note("specclip: \(builder.left) rows had no embedding, and are left out")
        }
        print(atlas.text)
    }
}
