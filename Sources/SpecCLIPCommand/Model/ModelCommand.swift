import ArgumentParser
import Foundation
import PublishedModels
import SpecCLIP
import Support
import Torch

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look into model files, and add to them.",
        subcommands: [ModelInfoCommand.self, ModelAtlasCommand.self])
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

    @Argument(help: ArgumentHelp("The model file.", valueName: "file")) var file: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let url = URL(fileURLWithPath: file)
        let report =
            ["ckpt", "pt", "xz", "gz"].contains(url.pathExtension)
            ? try ModelReport(try PublishedModel.read(url).model, labels: nil, url: url, shown: file)
            : try ModelReport(try ModelFile(contentsOf: url), shown: file)
        print(json ? try JSONText.encode(report) : report.text)
    }
}
