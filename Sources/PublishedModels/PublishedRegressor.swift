import Foundation
import Instruments
import SpecCLIP
import Spectra
import StarReading
import Support
import Torch

/// A label regressor of the published SpecCLIP (reference, section 11.2): an MLP from an embedding to one label in its
/// own unit, without an error. It has the layers and the names of a ``LabelHead``, so it becomes one.
public struct PublishedRegressor {
    /// What it gives.
    public let label: StellarLabel
    /// Numbers of the embedding it reads.
    public let embedding: Int
    /// Widths of its hidden layers.
    public let hidden: [Int]
    private let head: LabelHead
    private let path: String
    private let isStandardised: Bool

    /// - Parameters:
    ///   - state: weights under their published names, `network.0.weight` and so on.
    ///   - statistics: of the embeddings it was trained on; nil leaves embeddings as they are.
    ///   - label: what it gives, by its column name (`fe_h`) or as the published files have it (`feh`).
    ///   - path: the file, for errors.
    /// - Throws: `Diagnostic` for weights that make no such network, `Diagnostic.statistics` for statistics of
    ///   another length.
    public init(state: [String: Tensor], statistics: EmbeddingStatistics?, label: String, path: String) throws {
        self.label = StellarLabel(named: Self.columnNames[label] ?? label)
        self.path = path
        let shapes = try Self.linearShapes(state, path: path)
        embedding = shapes[0][1]
        hidden = shapes.dropLast().map { $0[0] }
        if let statistics, statistics.mean.count != embedding {
            throw Diagnostic(
                path,
                problem: "reads \(embedding) numbers but the statistics have \(statistics.mean.count); "
                    + "give the statistics that belong to it")
        }
        isStandardised = statistics != nil
        head = Initializer.$isSkipped.withValue(true) { [embedding, hidden] in
            LabelHead(embedding: embedding, hidden: hidden, dropout: 0.1, labels: 1, givesErrors: false)
        }
        head.evaluate()
        func buffer(_ values: [Double]?, else value: Double) -> Tensor {
            Tensor((values ?? Array(repeating: value, count: embedding)).map { Float($0) }, shape: [embedding])
        }
        var state = state
        state["embedding_mean"] = buffer(statistics?.mean, else: 0)
        state["embedding_std"] = buffer(statistics?.std, else: 1)
        do { try head.load(state) } catch { throw Diagnostic(path, problem: "\(error)") }
        for (name, tensor) in state where tensor.dtype.isFloatingPoint {
            guard tensor.sum().item().isFinite else {
                throw Diagnostic(
                    path, problem: "\(name) holds numbers that are not finite; get the file anew")
            }
        }
    }

    /// Reads a published file (`.pt`, also within `.gz` or `.xz`).
    ///
    /// - Parameters:
    ///   - url: the weights.
    ///   - statistics: the JSON file of its embeddings' statistics; nil leaves embeddings as they are.
    ///   - label: as above.
    /// - Throws: as above, and `Diagnostic.file` for what is no PyTorch file.
    public init(contentsOf url: URL, statistics: URL?, label: String) throws {
        let file = try PyTorchFile(contentsOf: url)
        let state = try file.stateDictionary().map { ($0.name, try file.tensor($0.tensor)) }
        try self.init(
            state: Dictionary(state) { $1 }, statistics: try statistics.map(EmbeddingStatistics.init(contentsOf:)),
            label: label, path: url.path)
    }

    /// - Parameter embeddings: `[B, embedding]`.
    /// - Returns: the label of each, in its unit.
    public func predict(_ embeddings: Tensor) -> [Double] { withoutGradient { head(embeddings).mean.doubles() } }

    /// What speaks against reading this label from the embeddings of a model, if anything does: the published program
    /// reads [Fe/H] of LAMOST from shared and private embeddings, all other labels from unified ones (reference,
    /// section 11.1), and all of these are 768 numbers wide.
    public func doubt(about description: ModelDescription, for instrument: Instrument) -> String? {
        guard description.embedding != nil, Self.columnNames.values.contains(label.name) else { return nil }
        let wantsPrivate = instrument == .lamostLRS && label.name == "fe_h"
        guard wantsPrivate != (description.privateEmbedding != nil) else { return nil }
        return "the published regressor for \(label.name) of \(instrument.title) reads embeddings "
            + (wantsPrivate ? "with a private part (the split model)" : "without a private part (not the split model)")
            + "; this model's are others, so mind what the values mean"
    }

    /// Writes a copy of a model file that reads this label too, atomically.
    ///
    /// - Throws: `Diagnostic` when the model does not read the instrument, embeds it with another number of numbers, or
    ///   has a head of ours for the label; also where statistics are missing that the published code cannot do without.
    public func write(into file: ModelFile, for instrument: Instrument, to url: URL) throws {
        guard file.description.instruments.contains(where: { $0.embeddingKey == instrument.embeddingKey }) else {
            throw Diagnostic.unknownInstrument(instrument.name, known: file.description.instruments.map(\.name))
        }
        let width = file.description.embeddingWidth(ofKey: instrument.embeddingKey)
        guard width == embedding else {
            throw Diagnostic(
                path,
                problem: "reads embeddings of \(embedding) numbers, but \(file.url.path) makes \(width) of a "
                    + "\(instrument.title) spectrum; give the model that it was trained on")
        }
        guard isStandardised || instrument != .gaiaXP else {
            throw Diagnostic(
                path,
                problem: "a regressor for \(instrument.title) needs the statistics of its embeddings; "
                    + "give --stats <label>_mean_std.json")
        }
        var heads = try LabelHeadDescription.all(in: file) ?? [:]
        if heads[instrument.embeddingKey]?.labels.contains(label) == true {
            throw Diagnostic(
                path,
                problem: "\(file.url.path) has a head with errors for \(label.name) already; add it to another model")
        }
        let name = instrument.embeddingKey + "/" + label.name
        heads[name] = LabelHeadDescription(
            labels: [label], mean: [0], std: [1], errorScale: [1], hidden: hidden, dropout: 0.1, trainingStars: nil,
            tier: "published", errors: false)
        let kept = try file.tensors(LabelReader.part).filter { !$0.key.hasPrefix(name + ".") }
        let tensors =
            kept.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            + head.stateDictionary().map { (name + "." + $0.0, $0.1) }
        try file.write(with: try LabelHeadDescription.part(heads, tensors: tensors), to: url)
    }

    /// The shapes `[out, in]` of the linear layers, every fourth layer (linear, batch norm, ReLU, dropout), from the
    /// first to the last.
    private static func linearShapes(_ state: [String: Tensor], path: String) throws -> [[Int]] {
        var shapes: [[Int]] = []
        while let weight = state["network.\(4 * shapes.count).weight"] { shapes.append(weight.shape) }
        let sizes = 1...(1 << 16)
        guard shapes.allSatisfy({ $0.count == 2 && sizes.contains($0[0]) && sizes.contains($0[1]) }),
            let last = shapes.last, zip(shapes, shapes.dropFirst()).allSatisfy({ $0[0] == $1[1] })
        else {
            throw Diagnostic(
                path,
                problem: "holds no published regressor (network.0, network.1, network.4, …); "
                    + "give one of downstream_models/*/mlp")
        }
        guard last[0] == 1 else {
            throw Diagnostic(path, problem: "gives \(last[0]) values where a regressor gives one label")
        }
        return shapes
    }

    /// Our names of labels by those of the published files.
    private static let columnNames: [String: String] = {
        var names = ["feh": "fe_h", "ebprp": "e_bp_rp", "afe": "a_fe"]
        for element in ["c", "n", "o", "mg", "al", "si", "ca", "ti", "cr", "mn", "ni"] {
            names[element + "fe"] = element + "_fe"
        }
        return names
    }()
}
