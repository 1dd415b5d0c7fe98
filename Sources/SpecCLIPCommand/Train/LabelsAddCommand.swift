import ArgumentParser
import Foundation
import PublishedModels
import SpecCLIP
import StarReading
import Torch

/// `specclip labels add`.
struct LabelsAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add a published label regressor (.pt) to a model file.",
        usage: "specclip labels add <regressor> -m <file> -o <file> [<options>]",
        discussion: """
            The regressors of downstream_models/*/mlp read one label each, a value without an error. Afterwards \
            'specclip predict' reads it with the others. Give the model whose embeddings the regressor was trained on: \
            fe_h of LAMOST the split model, everything else the one with predictions and reconstructions.

            EXAMPLE
              specclip labels add FeH.pt --stats stats/lrs/feh_mean_std.json \\
                  --label fe_h --instrument lamost-lrs \\
                  -m specclip-split.safetensors -o with-feh.safetensors
            """)

    @Argument(help: ArgumentHelp("The regressor's weights.", valueName: "regressor")) var regressor: String

    @OptionGroup(title: "Model") var model: ModelOptions

    @Option(help: ArgumentHelp("What it reads: fe_h, mg_fe, e_bp_rp, ... (or feh, mgfe, ebprp).", valueName: "name"))
    var label: String

    @Option(help: ArgumentHelp("Whose spectra it reads: lamost-lrs or gaia-xp.", valueName: "name"))
    var instrument: String

    @Option(help: ArgumentHelp("Its <label>_mean_std.json; gaia-xp cannot do without.", valueName: "file"))
    var stats: String?

    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard label.wholeMatch(of: /[A-Za-z][A-Za-z0-9_]{0,63}/) != nil else {
            throw ValidationError("--label \(label): must be a column name of letters, digits and _")
        }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let file = try ModelFile(contentsOf: try model.url())
        let read = try StarReader.instrument(named: instrument, among: file.description.instruments)
        let regressor = try PublishedRegressor(
            contentsOf: URL(fileURLWithPath: regressor), statistics: stats.map { URL(fileURLWithPath: $0) },
            label: label)
        try regressor.write(into: file, for: read, to: url)
        if let doubt = regressor.doubt(about: file.description, for: read) {
            Program.note("specclip: \(self.regressor): \(doubt)")
        }
        if stats == nil {
            Program.note(
                "specclip: \(self.regressor): without --stats the embeddings are not standardised; give them if there "
                    + "are any for \(regressor.label.name)")
        }
        print(url.path)
    }
}
