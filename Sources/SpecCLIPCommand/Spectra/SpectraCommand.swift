import ArgumentParser

/// `specclip spectra`.
struct SpectraCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spectra",
        abstract: "Spectra as distributions: learn them, and measure how right they are.",
        subcommands: [SpectraFitCommand.self, SpectraCalibrateCommand.self, SpectraReportCommand.self])
}
