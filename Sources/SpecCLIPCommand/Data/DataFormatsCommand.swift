import ArgumentParser
import Instruments

struct DataFormatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "formats",
        abstract: "List the layouts of spectrum files that are read, and what is taken from each.",
        discussion: """
            What a layout says of itself, in Markdown: docs/formats.md is this list.
            """)

    func run() throws { print(SpectrumReader.formats) }
}
