import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip finetune`.
struct FinetuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Teach pre-trained encoders what labels are.",
        usage: "specclip finetune <configuration> [<options>]",
        discussion: """
            For the instruments with a section `finetune` in the configuration: encoder
            and a head that is thrown away learn together from labelled spectra; where the
            section is a list, from one set of stars after the other. Needs the encoders
            of `specclip pretrain` in the same run folder; `specclip align` then takes the
            fine-tuned ones. Ctrl-C saves and stops; the same command goes on.

            EXAMPLE  specclip finetune small --data-folder data --run runs/small
            """)

    @OptionGroup var training: TrainingArguments
    @OptionGroup var compute: ComputeOptions

    @Option(help: ArgumentHelp("Only this instrument, for example gaia-xp.", valueName: "name"))
    var instrument: String?

    func run() throws {
        let context = try training.context(device: try compute.prepare())
        let tuned = try context.configuration.resolvedInstruments(named: instrument)
            .filter { !$0.configuration.finetune.isEmpty }
        guard !tuned.isEmpty else {
            throw Diagnostic(
                training.configuration, field: "instruments.\(instrument ?? "<name>").finetune",
                problem: "there is no such section",
                remedy: "add one with `data` and `names`, or go on to `specclip align`")
        }
        for (value, stage) in tuned.flatMap({ part in
            FineTuning.all(of: part.instrument, context: context).map { (part.instrument, $0) }
        }) {
            guard try stage.run().isFinished else { return }
            LossPicture.draw(in: stage.output.deletingLastPathComponent(), title: "\(value.title) encoder, labels")
            print(stage.output.path)
        }
    }
}
