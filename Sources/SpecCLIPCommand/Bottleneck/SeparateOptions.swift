import ArgumentParser
import Foundation
import OrderedBottleneck
import Support
import Torch

/// Ordinary auto-encoders, one per width, trained on the same rows as an ordered one: what each width could reach alone.
struct SeparateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Widths to train an ordinary auto-encoder for, to compare: 1,2,4.", valueName: "widths"))
    var separate: String?

    /// Their errors in units of the total variance of the test rows; none where no widths were asked for.
    /// - Parameter split: how training divided the rows; `nil` where these are not at hand.
    func errors(
        beside model: OrderedModel, _ split: OrderedSplit?, name: String, device: Device
    ) throws -> [DimensionReport.Separate] {
        guard let separate else { return [] }
        let widths = try WidthList.parse(separate, option: "--separate", upTo: model.width)
        guard let split else {
            throw Diagnostic(
                "--separate", problem: "needs the data the model was trained on", remedy: "give those as DATA")
        }
        return try widths.compactMap { width in
            var configuration = model.description.configuration
            configuration.width = width
            configuration.objective = .fullWidth(width)
            let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            Program.note("auto-encoder of width \(width)")
            let training = BottleneckTraining(configuration, split: split, name: name, device: device)
            guard let trained = try training.run(in: folder, restart: false, quiet: true) else { return nil }
            let error = trained.squaredErrors(split.test).select(1, width).mean().item()
            return DimensionReport.Separate(width: width, error: error / trained.scaled(split.test).totalVariance)
        }
    }
}
