import ArgumentParser
import Foundation
import SpecCLIP

/// `specclip align`.
struct AlignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "align",
        abstract: "Align pre-trained encoders, so that a star lands at one place.",
        usage: "specclip align <configuration> [<options>]",
        discussion: """
            Needs the encoders of `specclip pretrain` in the same run folder. The encoders
            stay frozen; their features are computed once and kept on disk. Writes
            <run>/align/model.safetensors. Ctrl-C saves and stops; the same command goes on.

            EXAMPLE  specclip align tiny --data-folder data --run runs/tiny
            """)

    @OptionGroup var training: TrainingArguments
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let stage = Alignment(context: try training.context(device: try compute.prepare()))
        guard try stage.run().isFinished else { return }
        LossPicture.draw(in: stage.output.deletingLastPathComponent(), title: "Alignment")
        print(stage.output.path)
    }
}
