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
        /// What brings contexts and labels to the numbers that the flows know; files of before have none.
        public var contextScale: AffineScale?
        /// See `contextScale`.
        public var labelScale: AffineScale?
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
            let (own, context) = (standardised(labels), standardised(context: context))
            let missing = own.isnan()
            // Densities are per unit of a label.
            let units = (missing.logicalNot().to(.float64) * logSpreads).sum(dims: [1])
            guard missing.any().item() != 0 else {
                return flows.logDensity(own, given: context).to(.float64) - units
            }
            return try flows.logDensity(own, present: missing.logicalNot().to(.float32), given: context).to(.float64)
                - units
        }
    }

    /// log p(label j | context) of each label by itself, NaN where it is missing, `[N, D]`.
    /// - Throws: `Diagnostic` where the flows do not keep the order of labels.
    public func logMarginals(_ labels: Tensor, given context: Tensor) throws -> Tensor {
        try blockwise(labels, context) { labels, context in
            try flows.logMarginals(standardised(labels), given: standardised(context: context)).to(.float64)
                - logSpreads
        }
    }

    private var logSpreads: Tensor {
        Tensor((description.labelScale?.spread ?? description.labels.map { _ in 1 }).map { Foundation.log($0) })
    }

    private func standardised(_ labels: Tensor) -> Tensor {
        description.labelScale?.standardised(labels) ?? labels.to(.float32)
    }

    private func standardised(context: Tensor) -> Tensor {
        description.contextScale?.standardised(context) ?? context.to(.float32)
    }

    /// Draws from p(labels | context), in the labels' units.
    public struct Sampler {
        private let posterior: LabelPosterior
        private let sampler: EnsembleSampler

        init(_ posterior: LabelPosterior) throws {
            self.posterior = posterior
            sampler = try posterior.flows.sampler()
        }

        /// - Parameters:
        ///   - count: draws for each context.
        ///   - context: `[B, C]`.
        ///   - seed: fixes the draws; nil takes them from the default generator.
        /// - Returns: `[B, count, D]` in 64 bits.
        public func callAsFunction(_ count: Int, given context: Tensor, seed: UInt64? = nil) throws -> Tensor {
            let drawn = try sampler(count, given: posterior.standardised(context: context), seed: seed)
            return posterior.description.labelScale?.raw(drawn) ?? drawn.to(.float64)
        }
    }

    /// The posterior as it is, ready to draw from for one context after another.
    public func sampler() throws -> Sampler { try Sampler(self) }

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
