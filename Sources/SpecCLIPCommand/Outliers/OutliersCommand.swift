import ArgumentParser

/// `specclip outliers`.
struct OutliersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outliers",
        abstract: "Find odd spectra, with p-values and a stated false-discovery rate.",
        subcommands: [OutliersFindCommand.self, OutliersLearnCommand.self, OutliersCalibrateCommand.self],
        defaultSubcommand: OutliersFindCommand.self)
}
