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
    @Option(
        help: ArgumentHelp(
            "Widths to train an ordinary auto-encoder for, to compare: 1,2,4.", valueName: "widths"))
    var separate: String?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        _ = try compute.prepare()
        guard files.count >= 2, let data = files.last else { throw ValidationError("Give a model and the data") }
        let url = try output.url(extensions: ["json", "png", "pdf", "svg"])
        let models = try files.dropLast().map { try OrderedModel(contentsOf: URL(fileURLWithPath: $0)) }
        let (all, name) = try rows.read(data)
        try models[0].check(all, data: name)
        let heldOut = HeldOutRows(all, name: name, for: models[0])
        var others: [DimensionReport.Separate] = []
        if let separate {
            guard let reference = heldOut.reference else {
                throw CommandError(
                    subject: "--separate", problem: "needs the data the model was trained on",
                    remedy: "give those as DATA")
            }
            others = try SeparateAutoencoders(models[0], training: reference, test: heldOut.test, name: name)
                .errors(widths: try widths(separate, of: models[0]))
        }
        let report = try DimensionReport(
            models: models, test: heldOut.test, reference: heldOut.reference, data: heldOut.description,
            statistic: statistic, separate: others)
        if let url {
            if url.pathExtension == "json" {
                try AtomicOutputFile.write(try DimensionText(report).json + "\n", to: url)
            } else {
                try BottleneckFigure(report).write(to: url, force: output.force)
            }
        }
        print(json ? try DimensionText(report).json : DimensionText(report).text)
    }

    private func widths(_ text: String, of model: OrderedModel) throws -> [Int] {
        try text.split(separator: ",").map { part in
            guard let width = Int(part), (1...model.width).contains(width) else {
                throw ValidationError("--separate \(text): give widths from 1 to \(model.width), separated by commas")
            }
            return width
        }
    }
}

/// Ordinary auto-encoders, one per width, trained as the ordered one was.
struct SeparateAutoencoders {
    let model: OrderedModel
    let training: Tensor
    let test: Tensor
    let name: String

    init(_ model: OrderedModel, training: Tensor, test: Tensor, name: String) {
        (self.model, self.training, self.test, self.name) = (model, training, test, name)
    }

    /// Errors in units of the total variance of the test rows.
    func errors(widths: [Int]) throws -> [DimensionReport.Separate] {
        try widths.compactMap { width in
            var configuration = model.description.configuration
            configuration.width = width
            configuration.objective = .fullWidth(width)
            let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let training = BottleneckTraining(configuration, rows: training, name: name, device: .cpu)
            Program.note("auto-encoder of width \(width)")
            guard let trained = try training.run(in: folder, restart: false, quiet: true) else { return nil }
            let error = trained.squaredErrors(test).select(1, width).mean().item()
            return DimensionReport.Separate(width: width, error: error / trained.scaled(test).totalVariance)
        }
    }
}
