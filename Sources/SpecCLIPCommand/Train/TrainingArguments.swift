import ArgumentParser
import Foundation
import SpecCLIP
import Support
import Torch

/// Which configuration a command follows, and where the data lie that it names.
struct ConfigurationArguments: ParsableArguments {
    @Argument(help: "A preset (tiny, small, paper, paper-split, four) or a YAML file.")
    var configuration: String

    @Option(help: ArgumentHelp("Folder that the data sets of the configuration lie in.", valueName: "folder"))
    var dataFolder = "."

    @Option(help: ArgumentHelp("Data set for all stages (default: as configured).", valueName: "file.h5"))
    var data: String?

    @Option(help: ArgumentHelp("Seed of weights, order and masks (default: the configuration's).", valueName: "n"))
    var seed: UInt64?

    /// The context that the configuration describes; from here on Ctrl-C saves and stops.
    /// - Parameter run: folder of the training; nil: runs/<name of the configuration>.
    func context(run: String?, device: Device, restart: Bool = false) throws -> StageContext {
        var settings = try Configuration(named: configuration)
        for note in FormerNames.take() { Program.note("specclip: \(configuration): \(note)") }
        if let data { settings.replaceData(with: URL(fileURLWithPath: data).path) }
        if let seed { settings.seed = seed }
        Interruption.listen()
        return StageContext(
            settings, dataFolder: URL(fileURLWithPath: dataFolder, isDirectory: true),
            folder: URL(fileURLWithPath: run ?? "runs/\(settings.name)", isDirectory: true), device: device,
            restart: restart, progress: { ConsoleProgress($0) })
    }
}

/// What `pretrain`, `align` and `labels fit` have in common.
struct TrainingArguments: ParsableArguments {
    @OptionGroup var chosen: ConfigurationArguments

    @Option(
        help: ArgumentHelp("Folder of this training (default: runs/<name of the configuration>).", valueName: "folder"))
    var run: String?

    @Flag(help: "Begin anew instead of resuming.")
    var restart = false

    /// The preset or file, as the user wrote it.
    var configuration: String { chosen.configuration }

    /// The context all stages run in; from here on Ctrl-C saves and stops.
    func context(device: Device) throws -> StageContext {
        try chosen.context(run: run, device: device, restart: restart)
    }
}
