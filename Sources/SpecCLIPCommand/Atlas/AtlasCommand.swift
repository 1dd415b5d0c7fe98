import ArgumentParser

/// `specclip atlas`.
struct AtlasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "atlas",
        abstract: "Search for look-alikes among millions: build an atlas, look into it.",
        subcommands: [AtlasBuildCommand.self, AtlasMergeCommand.self, AtlasInfoCommand.self, AtlasVerifyCommand.self])
}
