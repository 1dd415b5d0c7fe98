import ArgumentParser
import Foundation
import SpecCLIP
import Spectra

/// `specclip pretrain`.
struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain",
        abstract: "Train the encoder of each instrument on spectra alone.",
        usage: "specclip pretrain <configuration> [<options>]",
        discussion: """
            Writes <run>/<instrument>/encoder.safetensors, with metrics.csv, loss.png
            and the best and last checkpoints beside it. Ctrl-C finishes the step,
            saves and stops; the same command goes on from there.

            EXAMPLE  specclip pretrain tiny --data-folder data --run runs/tiny
            """)

    @OptionGroup var training: TrainingArguments
    @OptionGroup var compute: ComputeOptions

    @Option(help: ArgumentHelp("Only this instrument, for example gaia-xp.", valueName: "name"))
    var instrument: String?

    func run() throws {
        let context = try training.context(device: try compute.prepare())
        let parts = try context.configuration.resolvedInstruments()
        if let instrument, !parts.contains(where: { $0.instrument.name == instrument }) {
            throw ModelError.unknownInstrument(instrument, known: parts.map(\.instrument.name))
        }
        for (value, configuration) in parts where instrument == nil || instrument == value.name {
            let stage = Pretraining(value, configuration, context: context)
            guard try stage.run().isFinished else { return }
            LossPicture.draw(in: stage.output.deletingLastPathComponent(), title: "\(value.title) encoder")
            print(stage.output.path)
        }
    }
}
