import Foundation
import Support
import Torch

/// A trained posterior p(labels | context) with all that is needed to use it: one `.safetensors` file.
public struct LabelPosterior {
    /// Everything but the weights; JSON in the header under `posterior`.
    public struct Description: Codable, Sendable, Hashable {
        /// Version of this layout.
        public var format = 1
        /// How each flow was made.
        public var configuration: FlowConfiguration
        /// Flows.
        public var members: Int
        /// Names of the labels, in the order of their columns.
        public var labels: [String]
        /// Numbers of a context.
        public var context: Int
        /// Rows that gradients came from.
        public var trainingRows: Int
        /// Best validation loss of each flow: its mean negative log density, nats.
        public var validationLosses: [Double]
        /// What was trained on what: free text by field.
        public var provenance: [String: String]
    }

    /// What it is made of.
    public let description: Description
    /// The flows with their weights.
    public let flows: FlowEnsemble

    init(_ description: Description, flows: FlowEnsemble) {
        self.description = description
        self.flows = flows
    }

    /// Rows whose densities are worked out together.
    private static let rowsAtOnce = 4096

    /// log p(labels | context) of rows; where labels are missing (NaN), of those that are known.
    /// - Parameters:
    ///   - labels: `[N, D]`.
    ///   - context: `[N, C]`.
    /// - Returns: `[N]`.
    /// - Throws: `Diagnostic` where labels are missing and the flows cannot do without.
    public func logDensity(_ labels: Tensor, given context: Tensor) throws -> Tensor {
        try blockwise(labels, context) { labels, context in
            let missing = labels.isnan()
            guard missing.any().item() != 0 else { return flows.logDensity(labels, given: context) }
            return try flows.logDensity(labels, present: missing.logicalNot().to(.float32), given: context)
        }
    }

    /// log p(label j | context) of each label by itself, NaN where it is missing, `[N, D]`.
    /// - Throws: `Diagnostic` where the flows do not keep the order of labels.
    public func logMarginals(_ labels: Tensor, given context: Tensor) throws -> Tensor {
        try blockwise(labels, context) { try flows.logMarginals($0, given: $1) }
    }

    private func blockwise(
        _ labels: Tensor, _ context: Tensor, _ body: (Tensor, Tensor) throws -> Tensor
    ) throws -> Tensor {
        try catchingTorchErrors {
            try withoutGradient {
                let rows = labels.size(0)
                let blocks = try stride(from: 0, to: rows, by: Self.rowsAtOnce).map { start in
                    let length = min(Self.rowsAtOnce, rows - start)
                    return try body(
                        labels.narrow(0, start: start, length: length), context.narrow(0, start: start, length: length))
                }
                return Tensor.cat(blocks)
            }
        }
    }
}

extension LabelPosterior {
    /// - Throws: `Diagnostic` when it is no posterior, `Diagnostic` when it is no safetensors file.
    public init(contentsOf url: URL) throws {
        func damaged(_ problem: String) -> Diagnostic { Diagnostic(url, problem: problem) }
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw damaged("no such file; make one with `specclip npe train`")
        }
        let file = try SafetensorsFile(contentsOf: url)
        guard let text = file.metadata["posterior"] else {
            throw damaged("the header has no 'posterior' entry: not written by `specclip npe train`")
        }
        do {
            description = try JSONDecoder().decode(Description.self, from: Data(text.utf8))
        } catch {
            throw damaged("the 'posterior' entry cannot be read; get the file anew")
        }
        let made = description
        guard (1...4096).contains(made.labels.count), (1...(1 << 20)).contains(made.context),
            (1...1000).contains(made.members)
        else { throw damaged("the header describes no possible posterior; get the file anew") }
        flows = try catchingTorchErrors {
            Initializer.$isSkipped.withValue(true) {
                FlowEnsemble(
                    (0..<made.members).map { _ in
                        ConditionalFlow(labels: made.labels.count, context: made.context, made.configuration)
                    })
            }
        }
        do { try flows.load(try file.all(), sharing: true) } catch { throw damaged("\(error); get the file anew") }
        flows.evaluate()
    }

    /// Writes the file atomically.
    public func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let header = String(decoding: try encoder.encode(description), as: UTF8.self)
        try SafetensorsFile.write(flows.stateDictionary(), metadata: ["posterior": header], to: url)
    }
}
