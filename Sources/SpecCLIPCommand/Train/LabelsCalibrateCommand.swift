import ArgumentParser
import Foundation
import SpecCLIP
import StarReading

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
