import ArgumentParser
import Foundation

@main
struct SpecCLIPTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "specclip",
        abstract: "Read, compare and translate stellar spectra of different instruments.",
        discussion: """
            A model of this program brings the spectra of a star, whichever instrument took them, into one embedding. \
            From it come the star's parameters, the spectrum another instrument would see, and look-alikes.

            EXAMPLES
              specclip predict --model model.safetensors spec-55862-*.fits
              specclip card --model model.safetensors star.fits -o star.png
              specclip data fetch

            Results go to standard output or --output, progress and errors to standard error. Wavelengths are vacuum \
            wavelengths. Exit codes: 0 done, 1 something failed, 2 wrong usage.
            """,
        version: Version.current,
        groupedSubcommands: [
            CommandGroup(
                name: "Star",
                subcommands: [
                    PredictCommand.self, EmbedCommand.self, TranslateCommand.self, EmulateCommand.self,
                    SearchCommand.self, OutliersCommand.self,
                    CardCommand.self, PrepareCommand.self, ServeCommand.self,
                ]),
            CommandGroup(
                name: "Data",
                subcommands: [DataCommand.self, CatalogCommand.self, AtlasCommand.self, CompareCommand.self]),
            CommandGroup(
                name: "Training",
                subcommands: [
                    PretrainCommand.self, FinetuneCommand.self, AlignCommand.self, LabelsCommand.self,
                    AdaptCommand.self, SpectraCommand.self,
                    DemoCommand.self,
                ]),
            CommandGroup(name: "Compression", subcommands: [IOBCommand.self]),
            CommandGroup(name: "Posteriors", subcommands: [NPECommand.self]),
            CommandGroup(
                name: "Model", subcommands: [ModelCommand.self, InformationCommand.self, ConvertCommand.self]),
            CommandGroup(name: "Other", subcommands: [DoctorCommand.self, BenchCommand.self]),
        ])

    static func main() async {
        await Program.run(SpecCLIPTool.self, Array(CommandLine.arguments.dropFirst()))
    }
}
