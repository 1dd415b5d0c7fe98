import ArgumentParser
import Foundation
import StarReading

/// `specclip labels`.
struct LabelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels", abstract: "Teach an aligned model to read labels.",
        subcommands: [
            Fit.self, LabelsCalibrateCommand.self, LabelsReportCommand.self, LabelsCurveCommand.self,
            LabelsAddCommand.self,
        ])

    /// `specclip labels fit`.
    struct Fit: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fit",
            abstract: "Fit the label heads of an aligned model.",
            usage: "specclip labels fit <configuration> [<options>]",
            discussion: """
                Each head reads Teff [K], log g [dex], [Fe/H] [dex] (or the labels that the
                configuration names) with a 1 sigma error from the embedding. Needs the
                result of `specclip align` in the same run folder. Writes
                <run>/model.safetensors: everything that reading stars needs.

                EXAMPLE  specclip labels fit tiny --data-folder data --run runs/tiny
                """)

        @OptionGroup var training: TrainingArguments
        @OptionGroup var compute: ComputeOptions

        func run() throws {
            let fitting = LabelFitting(context: try training.context(device: try compute.prepare()))
            guard try fitting.run() else { return }
            print(fitting.output.path)
        }
    }
}
