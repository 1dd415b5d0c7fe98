import ArgumentParser
import Datasets
import Foundation
import PublishedModels
import SpecCLIP
import StarReading
import Support
import Torch

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look into model files, and add to them.",
        subcommands: [ModelInfoCommand.self, ModelAtlasCommand.self, ModelRetrievalCommand.self])
}

struct ModelInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print what a model is made of and what it was trained on.",
        discussion: """
            EXAMPLE
              specclip model info model.safetensors

            Reads PyTorch checkpoints as well, where names and shapes tell enough; for
            others see `specclip convert`.
            """)

    @Argument(help: ArgumentHelp("The model file, or small, or small-v1.", valueName: "file")) var file: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let url = try ShippedModel.url(of: file)
        let report =
            ["ckpt", "pt", "xz", "gz"].contains(url.pathExtension)
            ? try ModelReport(try PublishedModel.read(url).model, labels: nil, url: url, shown: file)
            : try ModelReport(try ModelFile(contentsOf: url), shown: file)
        print(json ? try JSONText.encode(report) : report.text)
    }
}

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

    @OptionGroup var stars: DataSetOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(help: ArgumentHelp("The split of the data set.", valueName: "split")) var split: Split = .train
    @Option(help: ArgumentHelp("At most so many stars, evenly sampled.", valueName: "n")) var limit = 4096
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (1...1_000_000).contains(limit) else {
            throw ValidationError("--limit \(limit): must be between 1 and 1000000")
        }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let reader = try model.reader(compute)
        guard reader.file.description.embedding != nil else {
            throw Diagnostic(
                reader.file.url.path, problem: "is not aligned: it has no embeddings to compare",
                remedy: "run 'specclip align' first")
        }
        let (set, instrument, rows) = try stars.open(for: reader, split)
        let chosen = rows.evenlySampled(limit)
        let atlas = try ReferenceAtlas(
            reader, instrument, set, split, rows: chosen,
            labelNames: LookAlikes.catalogue.filter(set.labelNames.contains))
        try reader.file.write(with: try atlas.part(), to: url)
        print("\(url.relativePath): \(chosen.count) \(instrument.name) spectra of \(set.tier), \(split.rawValue)")
    }
}
