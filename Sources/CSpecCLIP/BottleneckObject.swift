import Foundation
import OrderedBottleneck
import SpecCLIP
import Support
import Tables
import Torch
import Training

/// An ordered bottleneck: what `specclip iob train`, `compress` and `dimension` do, for arrays.
final class BottleneckObject: LibraryObject, @unchecked Sendable {
    private let model: OrderedModel
    private let notes = KeptNotes()

    /// Learns from rows `x`, or reads a file.
    init(_ options: Options, _ arguments: Arguments) throws {
        try arguments.check(known: ["x"])
        guard let x = try arguments.matrix("x") else {
            model = try OrderedModel(contentsOf: Learning.file(options))
            return
        }
        let configuration = try decodeYAML(
            BottleneckConfiguration.self, Learning.configuration(options), source: "OrderedBottleneck")
        let (model, outcome) = try OrderedModel.train(
            configuration, on: OrderedSplit(x), data: "x", folder: RunFolder(Learning.folder(options)), progress: notes)
        guard outcome.isFinished else { throw Interrupted() }
        self.model = model
    }

    func answer(
        _ question: String, _ options: Options, _ arguments: Arguments
    ) throws -> [(name: String, table: Table)] {
        try arguments.check(known: ["x", "code"])
        func given(_ name: String) throws -> Tensor {
            guard let rows = try arguments.matrix(name) else {
                throw Diagnostic(name, problem: "is not given", remedy: "give rows of numbers")
            }
            return rows
        }
        switch question {
        case "facts":
            let about = Table([
                Column("width", .integers([model.width])),
                Column("features", .integers([model.description.shape.reduce(1, *)])),
            ])
            return [("rows", about), notes.table]
        case "compress":
            let x = try given("x")
            try model.check(x, data: "x")
            let code = try model.compress(x, width: try options.integer("width", in: 0...Int.max) ?? model.width)
            return Learning.rows(code.floats(), width: code.size(1), "code")
        case "decompress":
            let x = try model.decompress(given("code"))
            return Learning.rows(x.floats(), width: x.size(0) > 0 ? x.count / x.size(0) : 0, "x")
        case "dimension":
            let x = try given("x")
            try model.check(x, data: "x")
            let heldOut = HeldOutRows(x, name: "x", for: model)
            let report = try DimensionReport(
                models: [model], test: heldOut.test, reference: heldOut.split?.training, data: heldOut.description,
                noise: try options.number("noise").map { .standardDeviation($0) } ?? .residual)
            return [("rows", Table([Column("report", .text([try JSONText.encode(report, pretty: false)]))]))]
        case "write":
            let url = try Learning.file(options)
            try model.write(to: url)
            return Learning.written(url)
        default:
            let known = ["facts", "compress", "decompress", "dimension", "write"]
            throw Diagnostic(
                question, problem: "is nothing that a bottleneck answers",
                remedy: suggestion(for: question, among: known))
        }
    }
}
