import ArgumentParser
import Foundation
import SpecCLIP

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look into model files.", subcommands: [ModelInfoCommand.self])
}

struct ModelInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print what a model is made of and what it was trained on.",
        discussion: """
            EXAMPLE
              specclip model info model.safetensors
            """)

    @Argument(help: ArgumentHelp("The model file.", valueName: "file")) var file: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let report = try ModelReport(try ModelFile(contentsOf: URL(fileURLWithPath: file)), shown: file)
        print(json ? try JSONText.encode(report) : report.text)
    }
}
