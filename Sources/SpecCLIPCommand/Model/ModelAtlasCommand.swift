import ArgumentParser
import Atlas
import Foundation
import SpecCLIP
import Spectra

/// `specclip model atlas`.
struct ModelAtlasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "atlas",
        abstract: "Put known stars into a model file, for look-alikes.",
        usage: "specclip model atlas <data.h5> -m <file> -o <file> [<options>]",
        discussion: """
            Embeds stars of a data set and writes a copy of the model with these embeddings,
            identifiers and labels: `specclip search` then needs no data set.

            EXAMPLE
              specclip model atlas xp.h5 --split train --limit 4096 \\
                  -m model.safetensors -o with-atlas.safetensors
            """)

    @Argument(help: ArgumentHelp("The data set (HDF5).", valueName: "data.h5")) var data: String
    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(
        help: ArgumentHelp("gaia-xp or lamost-lrs (default: the first that model and data share).", valueName: "name"))
    var instrument: String?
    @Option(help: ArgumentHelp("The split of the data set.", valueName: "split")) var split: Split = .train
    @Option(
        name: .customLong("where"), parsing: .singleValue,
        help: ArgumentHelp("Stars with such labels only, as 'teff<8000'; may be repeated.", valueName: "condition"))
    var conditions: [LabelCondition] = []
    @Option(help: ArgumentHelp("At most so many stars, evenly spread.", valueName: "n")) var limit = 4096
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (1...1_000_000).contains(limit) else {
            throw ValidationError("--limit \(limit): must be between 1 and 1000000")
        }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let loaded = try LoadedModel(model, compute)
        guard loaded.file.description.embedding != nil else {
            throw CommandError(
                subject: loaded.file.url.path, problem: "is not aligned: it has no embeddings to compare",
                remedy: "run 'specclip align' first")
        }
        let set = try PairedDataSet(opening: URL(fileURLWithPath: data))
        let shared = loaded.model.instruments.filter { set.has($0) }
        let chosen = try instrument.map { try StarInput.instrument(named: $0, among: shared) } ?? shared.first
        guard let chosen else {
            throw CommandError(
                subject: data, field: "instruments", problem: "holds none that the model reads",
                remedy: "the model reads " + loaded.model.instruments.map(\.name).joined(separator: ", "))
        }
        try set.checkGrid(of: chosen)
        let rows = thinned(try set.rows(where: conditions, split: split), to: limit)
        guard !rows.isEmpty else {
            throw CommandError(
                subject: data, field: split.rawValue, problem: "holds no such stars",
                remedy: "give another --split or --where")
        }
        let atlas = try ReferenceAtlas(
            loaded.model, chosen, set, split, rows: rows,
            labelNames: NeighbourSearch.catalogue.filter(set.labelNames.contains))
        try loaded.file.write(with: try atlas.part(), to: url)
        print("\(url.relativePath): \(rows.count) \(chosen.name) spectra of \(set.tier), \(split.rawValue)")
    }
}

/// At most `limit` of the rows, evenly spread.
func thinned(_ rows: [Int], to limit: Int) -> [Int] {
    limit < rows.count ? (0..<limit).map { rows[$0 * rows.count / limit] } : rows
}
