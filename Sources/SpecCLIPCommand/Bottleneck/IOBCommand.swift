import ArgumentParser
import Foundation
import OrderedBottleneck
import Support
import Tables
import Torch

/// `specclip iob`.
struct IOBCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iob",
        abstract: "How many numbers are data worth? Compress them to latents ordered by use.",
        discussion: """
            An information-ordered bottleneck (Ho et al. 2023) is trained once and cut to
            any width afterwards: the first k latents are the best k. How much each of
            them gains tells the intrinsic dimension of the data.

            DATA is a file with one row per object: .npy, .npz, CSV, columns of a FITS
            table, a data set in HDF5, or embeddings written by `specclip embed`.
            """,
        subcommands: [
            IOBTrainCommand.self, IOBDimensionCommand.self, IOBCompressCommand.self, IOBTraverseCommand.self,
            IOBWidthsCommand.self, IOBLabelsCommand.self, IOBDemoCommand.self,
        ])
}

/// Rows of numbers named on the command line.
struct RowOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Array of an .npz, data set of an HDF5 file, or columns (a,b,c); not needed where there is one. Identifiers are never data.",
            valueName: "name"))
    var name: String?

    /// The rows, `[N, …]`, and how messages call them.
    func read(_ path: String) throws -> (rows: Tensor, name: String) { try Self.read(path, name: name) }

    /// The rows of an array of a file, and how messages call them.
    static func read(_ path: String, name: String?) throws -> (rows: Tensor, name: String) {
        let rows = try NumberRows.read(URL(fileURLWithPath: path), name: name)
        if !rows.leftOut.isEmpty {
            let taken = rows.name.split(separator: ",")
            let shown = taken.count > 4 ? "\(taken[0]) to \(taken[taken.count - 1])" : rows.name
            Program.note(
                "specclip: \(path): data are the \(taken.count) columns \(shown); left out: "
                    + rows.leftOut.joined(separator: ", ") + " (--name chooses)")
        }
        let columns = rows.name.split(separator: ",")
        let label = columns.count > 4 ? "\(columns[0])…\(columns[columns.count - 1])" : rows.name
        return (Tensor(rows.values, shape: rows.shape), path + (label.isEmpty ? "" : "#\(label)"))
    }
}

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

/// Widths as the command line has them: `1,2,4`.
enum WidthList {
    /// - Parameters:
    ///   - option: whose value the text is.
    ///   - full: the widest there is.
    /// - Returns: in the order given.
    static func parse(_ text: String, option: String, upTo full: Int) throws -> [Int] {
        try text.split(separator: ",").map { part in
            guard let width = Int(part), (1...full).contains(width) else {
                throw ValidationError("\(option) \(text): give widths from 1 to \(full), separated by commas")
            }
            return width
        }
    }
}
