import ArgumentParser

@main
struct SpecCLIPTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "specclip")
}
