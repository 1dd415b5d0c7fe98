import ArgumentParser

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Fetch stellar libraries, make paired data sets, look into them.",
        subcommands: [DataFetchCommand.self, DataPairsCommand.self, DataInfoCommand.self])
}
