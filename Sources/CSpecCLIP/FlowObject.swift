import Foundation
import Posteriors
import SpecCLIP
import Support
import Tables
import Torch
import Training

/// A posterior learned from simulations: what `specclip npe train`, `sample` and `density` do, for arrays.
final class FlowObject: LibraryObject, @unchecked Sendable {
    private let posterior: LabelPosterior
    private let notes = KeptNotes()

    /// Learns from pairs of `theta` and `x`, or reads a file.
    init(_ options: Options, _ arguments: Arguments) throws {
        try arguments.check(known: ["theta", "x", "errors"])
        guard let x = try arguments.matrix("x", isDouble: true) else {
            posterior = try LabelPosterior(contentsOf: Learning.file(options))
            return
        }
        guard let theta = try arguments.matrix("theta", isDouble: true, allowsMissing: true) else {
            throw Diagnostic("theta", problem: "is not given", remedy: "give the parameters of each row of x")
        }
        let data = try FlowData(
            context: x, labels: theta, errors: arguments.matrix("errors", isDouble: true, allowsMissing: true),
            names: options.texts("names"), name: "theta and x")
        let configuration = try decodeYAML(FlowConfiguration.self, Learning.configuration(options), source: "NPE")
        let members = try options.integer("members", in: 1...100) ?? 1
        let fitting = try FlowFitting(configuration, members: members, data: data)
        guard let found = try fitting.run(in: Learning.folder(options), progress: notes) else { throw Interrupted() }
        posterior = found
    }

    func answer(
        _ question: String, _ options: Options, _ arguments: Arguments
    ) throws -> [(name: String, table: Table)] {
        try arguments.check(known: ["theta", "x"])
        let names = posterior.description.labels
        func context() throws -> Tensor {
            guard let x = try arguments.matrix("x", isDouble: true) else {
                throw Diagnostic("x", problem: "is not given", remedy: "give a row for each observation")
            }
            try require(x, "x", posterior.description.context)
            return x
        }
        switch question {
        case "facts":
            let losses = posterior.description.validationLosses
            return [
                ("labels", Table([Column("name", .text(names))])),
                ("x", Table([Column("columns", .integers([posterior.description.context]))])),
                ("members", Table([Column("validation_loss", .numbers(losses))])), notes.table,
            ]
        case "sample":
            let (x, count) = (try context(), try options.integer("samples", in: 1...10_000_000) ?? 10_000)
            let seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 0)
            let sampler = try posterior.sampler()
            // One after the other: each observation has draws of its own, whichever others stand beside it.
            let drawn = try (0..<x.size(0)).map { row in
                try sampler(count, given: x.narrow(0, start: row, length: 1), seed: seed &+ UInt64(row)).doubles()
            }
            return [
                (
                    "rows",
                    Table(
                        names.indices.map { label in
                            Column(
                                names[label],
                                .numbers(drawn.flatMap { own in (0..<count).map { own[$0 * names.count + label] } }))
                        })
                )
            ]
        case "density":
            let x = try context()
            guard let theta = try arguments.matrix("theta", isDouble: true, allowsMissing: true) else {
                throw Diagnostic("theta", problem: "is not given", remedy: "give the parameters of each row of x")
            }
            try require(theta, "theta", names.count)
            guard theta.size(0) == x.size(0) else {
                throw Diagnostic(
                    "theta", problem: "\(theta.size(0)) rows for \(x.size(0)) of x", remedy: "give pairs")
            }
            return [
                ("rows", Table([Column("log_density", .numbers(try posterior.logDensity(theta, given: x).doubles()))]))
            ]
        case "write":
            let url = try Learning.file(options)
            try posterior.write(to: url)
            return Learning.written(url)
        default:
            let known = ["facts", "sample", "density", "write"]
            throw Diagnostic(
                question, problem: "is nothing that a flow answers", remedy: suggestion(for: question, among: known))
        }
    }

    private func require(_ matrix: Tensor, _ name: String, _ columns: Int) throws {
        guard matrix.size(1) != columns else { return }
        throw Diagnostic(
            name, problem: "\(matrix.size(1)) columns, the posterior was trained on \(columns)",
            remedy: "give data of the same kind")
    }
}
