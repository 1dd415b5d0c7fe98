import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip atlas build`.
struct AtlasBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Make an atlas of embeddings, to be searched for look-alikes.",
        usage: "specclip atlas build <embeddings> ... --output <folder> [<options>]",
        discussion: """
            Takes tables that 'specclip embed' wrote with the same model, in any format, HATS too. Of other columns those are kept that \
            searches can filter by and answers show: labels, ra, dec, snr and flag, or what --columns names. Tables without \
            labels get them from --labels, by source id.

            Rows are kept in half precision, in groups of like ones; a search looks at as many groups as --recall needs. \
            Up to 50,000 rows are searched exactly.

            An interrupted build goes on where it was when the same command is given again.

            EXAMPLES
              specclip embed xp-*.parquet -o stars.fits
              specclip atlas build stars.fits -o atlas/
              specclip search star.fits --in atlas/ --where 'teff<5000'
              specclip atlas build new.fits -o atlas/ --append
            """)

    @Argument(help: "Tables or HATS catalogues of embeddings.") var embeddings: [String]
    @OptionGroup(title: "Atlas") var atlas: AtlasOptions
    @Option(help: ArgumentHelp("A catalogue with the labels of stars, found by source id.", valueName: "file"))
    var labels: String?
    @Flag(help: "Add to the atlas in the folder.") var append = false
    @OptionGroup var model: ModelOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let url = try atlas.url(replacing: append)
        let reader = try model.reader(compute)
        let former = append ? try StarAtlas(opening: url) : nil
        let builder = try atlas.builder(url, reader, width: former?.header.width)
        if let labels { builder.catalogue = try StarColumns(URL(fileURLWithPath: labels), columns: builder.columns) }
        try atlas.build(builder) {
            if let former { try builder.add(former) }
            for path in embeddings { try builder.add(URL(fileURLWithPath: path)) }
        }
    }
}

/// `specclip atlas merge`.
struct AtlasMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Make one atlas of several, such as those of shards.",
        usage: "specclip atlas merge <atlas> ... --output <folder> [<options>]")

    @Argument(help: "Atlases of one model.") var atlases: [String]
    @OptionGroup(title: "Atlas") var atlas: AtlasOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let url = try atlas.url(replacing: false)
        let all = try atlases.map { try StarAtlas(opening: URL(fileURLWithPath: $0)) }
        let builder = try atlas.builder(url, model.reader(compute), width: all.map(\.header.width).min())
        try atlas.build(builder) { for one in all { try builder.add(one) } }
    }
}

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

/// `specclip atlas verify`.
struct AtlasVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Look whether an atlas is as it was built, every number.")

    @Argument(help: "The folder of the atlas.") var atlas: String

    func run() throws {
        let atlas = try StarAtlas(opening: URL(fileURLWithPath: atlas))
        try atlas.verify()
        print("\(atlas.url.lastPathComponent): whole; \(atlas.header.parts.reduce(0) { $0 + $1.rows }) rows")
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
