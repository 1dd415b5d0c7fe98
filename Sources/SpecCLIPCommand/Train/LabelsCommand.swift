import ArgumentParser
import Foundation
import SpecCLIP
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

/// `specclip labels calibrate`.
struct LabelsCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Calibrate the posteriors of a model file anew.",
        usage: "specclip labels calibrate <configuration> -m <file> -o <file> [<options>]",
        discussion: """
            Learns from held-out stars how honest the posteriors are, and from the training
            stars which prior they carry, as 'specclip labels fit' does at its end; writes
            a copy of the model. Networks stay as they are. Needs the data sets that the
            model was trained on. Brings models of older versions up to date.

            EXAMPLE
              specclip labels calibrate small --data-folder data \\
                  -m old.safetensors -o new.safetensors
            """)

    @OptionGroup var chosen: ConfigurationArguments
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let device = try compute.prepare()
        let context = try chosen.context(run: nil, device: device)
        try Recalibration(context: context).run(ModelFile(contentsOf: try model.url()), to: url)
        print(url.path)
    }
}
