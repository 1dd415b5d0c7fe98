import ArgumentParser
import Figures
import Foundation
import OrderedBottleneck
import Torch
import Training

extension IntrinsicDimension.Statistic: ExpressibleByArgument {}

/// `specclip iob dimension`.
struct IOBDimensionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dimension",
        abstract: "The intrinsic dimension of data, with its interval and the whole curve.",
        usage: "specclip iob dimension <model> … <data> [<options>]",
        discussion: """
            Counts the latents that gain more log-likelihood on unseen rows than chance
            would (Ho et al. 2023): Wilks' statistic 2 x gain against 3.841, or the
            paper's own, the gain itself. Several models (other seeds) widen the interval
            by their spread. Beside it: PCA, TwoNN, Levina-Bickel. Where there is no
            honest answer, it says why. --output writes JSON, or a figure.

            EXAMPLE  specclip iob dimension iob.safetensors embeddings.npz -o dim.png
            """)

    @Argument(help: "Models, then the data.") var files: [String]
    @OptionGroup var rows: RowOptions
    @Option(help: "wilks or published.") var statistic = IntrinsicDimension.Statistic.wilks
    @OptionGroup var separate: SeparateOptions
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let device = try compute.prepare()
        guard files.count >= 2, let data = files.last else { throw ValidationError("Give a model and the data") }
        let url = try output.reportURL()
        let models = try files.dropLast().map { try OrderedModel(contentsOf: URL(fileURLWithPath: $0)) }
        let (all, name) = try rows.read(data)
        try models[0].check(all, data: name)
        let heldOut = HeldOutRows(all, name: name, for: models[0])
        let others = try separate.errors(beside: models[0], heldOut.split, name: name, device: device)
        let report = try DimensionReport(
            models: models, test: heldOut.test, reference: heldOut.split?.training, data: heldOut.description,
            statistic: statistic, separate: others)
        let encoded = try DimensionText(report).json
        if let url { try output.write(encoded, or: BottleneckFigure(report), to: url) }
        print(json ? encoded : DimensionText(report).text)
    }
}
