import ArgumentParser
import Foundation
import PublishedModels
import SpecCLIP

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

    @Option(
        help: ArgumentHelp(
            "Go on with a run of PyTorch Lightning: its checkpoint with optimiser state (one instrument).",
            valueName: "file.ckpt"))
    var from: String?

    func validate() throws {
        if from != nil, instrument == nil {
            throw ValidationError("--from resumes the encoder of one instrument; name it with --instrument")
        }
    }

    func run() throws {
        let context = try training.context(device: try compute.prepare())
        for (value, configuration) in try context.configuration.resolvedInstruments(named: instrument) {
            let stage = Pretraining(value, configuration, context: context)
            let lightning = try from.map { try LightningRun(contentsOf: URL(fileURLWithPath: $0)) }
            guard try stage.run(from: lightning).isFinished else { return }
            LossPicture.draw(in: stage.output.deletingLastPathComponent(), title: "\(value.title) encoder")
            print(stage.output.path)
        }
    }
}
