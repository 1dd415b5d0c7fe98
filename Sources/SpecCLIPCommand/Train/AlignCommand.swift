import ArgumentParser
import Foundation
import SpecCLIP

extension AlignmentObjective.Kind: ExpressibleByArgument {}

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

            EXAMPLES
              specclip align tiny --data-folder data --run runs/tiny
              specclip align tiny --data-folder data --run runs/ordered \
                  --objective clip-ordered --steps 4800
            """)

    @OptionGroup var training: TrainingArguments
    @Option(
        help: ArgumentHelp(
            "Align with this objective instead of the configuration's, whose weights stay: "
                + AlignmentObjective.Kind.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "name"))
    var objective: AlignmentObjective.Kind?

    @Option(help: ArgumentHelp("Optimiser steps (default: the configuration's).", valueName: "n"))
    var steps: Int?

    @OptionGroup var compute: ComputeOptions

    func validate() throws {
        if let steps, steps < 1 { throw ValidationError("--steps \(steps): must be at least 1") }
    }

    func run() throws {
        var context = try training.context(device: try compute.prepare())
        if let objective {
            try context.configuration.replaceObjective(with: objective, source: training.configuration)
        }
        if let steps { context.configuration.align.training.length = .steps(steps) }
        let stage = Alignment(context: context)
        guard try stage.run().isFinished else { return }
        LossPicture.draw(in: stage.output.deletingLastPathComponent(), title: "Alignment")
        print(stage.output.path)
    }
}
