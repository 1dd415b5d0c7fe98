import ArgumentParser
import Atlas
import Foundation
import SpecCLIP
import Spectra
import Torch

struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find known stars that look most like the given ones.",
        usage: "specclip search [<options>] <input> ...",
        discussion: """
            Stars are compared by the cosine similarity of their embeddings (1: the same), exactly, within and \
            across instruments: a LAMOST spectrum finds the Gaia XP spectrum of the same or of a similar star. \
            Without --in, those stars are searched that came with the model.

            EXAMPLES
              specclip search star.fits
              specclip search star.fits --in pairs.h5 --top 5
              specclip search xp.csv --in pairs.h5 \\
                  --in-split train --among lamost-lrs --format csv
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Search") var search: SearchOptions
    @Flag(help: "Leave out stars with the source id of the star itself.") var excludeSelf = false
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.url(extensions: OutputTable.extensions)
        let loaded = try LoadedModel(model, compute, cut)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "search")
        let searcher = try NeighbourSearch(search, split: search.split ?? input.split, loaded)
        var found = NeighbourTable(labels: searcher.labelNames)
        try stars.forEachBatch { batch in
            let neighbours = try searcher.nearest(to: try loaded.embed(batch), of: batch, excludingSelf: excludeSelf)
            for (star, own) in zip(batch, neighbours) { found.append(star, own) }
        }
        if stars.count > 0 {
            if let url {
                try found.table.write(to: url)
            } else {
                print(format == .table ? found.report : found.table.text(format), terminator: "")
            }
        }
        try stars.finish()
    }
}

/// Where to search for look-alikes.
struct SearchOptions: ParsableArguments {
    @Option(
        name: .customLong("in"),
        help: ArgumentHelp("The data set to search (HDF5; default: the stars in the model).", valueName: "file"))
    var dataSet: String?

    @Option(
        name: .customLong("in-split"),
        help: ArgumentHelp("Its split (default: that of --split).", valueName: "split"))
    var split: Split?

    @Option(help: ArgumentHelp("Neighbours per star and instrument.", valueName: "n")) var top = 5

    @Option(help: ArgumentHelp("Search gaia-xp, lamost-lrs or both.", valueName: "instrument")) var among = "both"

    func validate() throws {
        guard (1...10_000).contains(top) else { throw ValidationError("--top \(top): must be between 1 and 10000") }
    }
}
