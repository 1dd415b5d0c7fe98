import ArgumentParser
import Foundation
import Posteriors
import Support
import Tables
import Torch

/// `specclip npe`.
struct NPECommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "npe",
        abstract: "Posteriors of parameters from simulations (normalizing flows).",
        discussion: """
            Neural posterior estimation: a flow learns p(theta | x) from pairs of
            parameters and data, and then gives samples and densities for any x at once.

            Pairs are two arrays of an .npz: `theta` [N, D] and `x` [N, C].
            """,
        subcommands: [NPETrainCommand.self, NPESampleCommand.self, NPEDensityCommand.self])
}

/// The arrays of an `.npz`, as matrices.
struct MatrixArchive {
    private let archive: NPZ
    private let path: String

    init(_ path: String) throws {
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else {
            throw Diagnostic(path, problem: "does not exist", remedy: "give an .npz file")
        }
        archive = try NPZ.read(URL(fileURLWithPath: path))
    }

    /// `[rows, columns]`; an array of one axis is one column.
    func matrix(_ name: String, option: String) throws -> Tensor {
        guard let array = archive[name] else {
            throw Diagnostic(
                path, field: name, problem: "no such array",
                remedy: "the file has \(archive.names.joined(separator: ", ")); name one with \(option)")
        }
        guard let values = array.doubles else {
            throw Diagnostic(path, field: name, problem: "holds text", remedy: "give an array of numbers")
        }
        guard array.shape.count == 1 || array.shape.count == 2 else {
            throw Diagnostic(
                path, field: name, problem: "has shape \(array.shape)", remedy: "give rows and columns")
        }
        return Tensor(values, shape: array.shape.count == 1 ? array.shape + [1] : array.shape)
    }

    /// As `matrix`, where the numbers must be finite and as many a row as the posterior wants.
    func context(_ name: String, of posterior: LabelPosterior) throws -> Tensor {
        let x = try matrix(name, option: "--x")
        try requireColumns(x, name, posterior.description.context)
        if let row = x.isfinite().to(.float32).min(dims: [1]).bools().firstIndex(of: false) {
            throw Diagnostic(
                path, field: name, problem: "row \(row) holds a number that is not finite",
                remedy: "leave such rows out")
        }
        return x
    }

    func requireColumns(_ matrix: Tensor, _ name: String, _ columns: Int) throws {
        guard matrix.size(1) != columns else { return }
        throw Diagnostic(
            path, field: name, problem: "\(matrix.size(1)) columns, the posterior was trained on \(columns)",
            remedy: "give data of the same kind")
    }
}
