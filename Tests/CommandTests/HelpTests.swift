import ArgumentParser
import TestFiles
import Testing

@testable import SpecCLIPCommand

/// Help as it is read in a terminal of 80 columns.
@Suite struct HelpTests {
    private struct Command: CustomTestStringConvertible {
        let words: [String]
        let type: any ParsableCommand.Type

        var testDescription: String { words.joined(separator: " ") }
    }

    /// All of them, and theirs.
    private static let commands = all(of: SpecCLIPTool.self, ["specclip"])

    private static func all(of type: any ParsableCommand.Type, _ words: [String]) -> [Command] {
        [Command(words: words, type: type)]
            + type.configuration.subcommands.flatMap { own in
                // What is run without another word is told without it.
                all(of: own, type.configuration.defaultSubcommand == own ? words : words + [own._commandName])
            }
    }

    @Test func fitsTheScreen() {
        #expect(Self.commands.count > 40)
        for command in Self.commands {
            let help = SpecCLIPTool.helpMessage(for: command.type, columns: 80)
            #expect(help.contains("USAGE: \(command.testDescription)"), "\(command.testDescription)")
            for line in help.split(separator: "\n") { #expect(line.count <= 80, "\(command.testDescription): \(line)") }
        }
    }

    @Test func isPrintedWhereResultsAre() throws {
        let outcome = try Tool.run(["predict", "--help"], environment: ["COLUMNS": "80"])
        #expect(outcome.code == 0 && outcome.errors.isEmpty && outcome.output.contains("USAGE: specclip predict"))
    }

    @Test func wrongUsageShowsTheShortWay() throws {
        let outcome = try Tool.run(["pretrain"], environment: ["COLUMNS": "80"])
        #expect(outcome.code == 2 && outcome.output.isEmpty)
        #expect(outcome.errors.contains("Usage: specclip pretrain <configuration> [<options>]"))
    }
}
