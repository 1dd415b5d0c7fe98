import ArgumentParser
import Figures
import Foundation
import OrderedBottleneck
import Support
import Torch

extension IntrinsicDimension.Statistic: ExpressibleByArgument {}

/// `specclip iob dimension`.
struct IOBDimensionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dimension",
        abstract: "The intrinsic dimension of data, with its interval and the whole curve.",
        usage: "specclip iob dimension <model> … <data> [<options>]",
        discussion: """
            Counts the latents that tell more of unseen rows than of their noise: those
            whose signal has more variance than the noise (a fall of chi-squared by more
            than 2 per row). The noise is what is left at full width, unless --noise or
            --ivar gives it. The statistics of Ho et al. 2023, wilks and published, take
            the whole variance for the noise: they grow with the number of rows, as the
            report's table shows. Several models (other seeds) widen the interval by
            their spread. Beside it: PCA, TwoNN, Levina-Bickel. Where there is no honest
            answer, it says why. --output writes JSON, or a figure.

            EXAMPLES
              specclip iob dimension iob.safetensors embeddings.npz -o dim.png
              specclip iob dimension iob.safetensors curve.npy --noise 0.1
              specclip iob dimension xp.safetensors xp.h5 --name train/gaia_spectra \
                  --ivar train/gaia_ivar
            """)

    @Argument(help: "Models, then the data.") var files: [String]
    @OptionGroup var rows: RowOptions
    @Option(help: "noise, wilks or published.") var statistic = IntrinsicDimension.Statistic.noise
    @Option(
        help: ArgumentHelp("Noise of every number: its standard deviation, in units of the data.", valueName: "sigma"))
    var noise: Double?
    @Option(help: ArgumentHelp("Inverse variances of the data: an array of the same file.", valueName: "name"))
    var ivar: String?
    @OptionGroup var separate: SeparateOptions
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func validate() throws {
        if let noise, !(noise > 0 && noise.isFinite) {
            throw ValidationError("--noise \(noise): give a number above 0")
        }
        if noise != nil, ivar != nil { throw ValidationError("--noise and --ivar: give one of them") }
    }

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
            noise: try noiseSource(data, all, heldOut), statistic: statistic, separate: others)
        let encoded = try DimensionText(report).json
        if let url { try output.write(encoded, or: BottleneckFigure(report), to: url) }
        print(json ? encoded : DimensionText(report).text)
    }

    private func noiseSource(
        _ data: String, _ all: Tensor, _ heldOut: HeldOutRows
    ) throws -> DimensionReport.NoiseSource {
        if let noise { return .standardDeviation(noise) }
        guard let ivar else { return .residual }
        let (weights, name) = try RowOptions.read(data, name: ivar)
        guard weights.size(0) == all.size(0) else {
            throw Diagnostic(
                name, problem: "has \(weights.size(0)) rows where the data have \(all.size(0))",
                remedy: "name the inverse variances of these data")
        }
        // Rows are divided by their number alone: those of the weights are those of the data.
        return .inverseVariance(heldOut.split == nil ? weights : OrderedSplit(weights).test, name: name)
    }
}
