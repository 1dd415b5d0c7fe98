import Foundation
import SpecCLIP
import Spectra
import Torch

/// Reads labels from embeddings, with the heads of each instrument, as stored in a model file.
public struct LabelReader {
    static let part = "labels"
    /// By the instrument's `embeddingKey`.
    private let heads: [String: [(head: LabelHead, description: LabelHeadDescription)]]

    /// - Throws: `LabelError.noLabels` when the model has no label heads.
    public init(_ file: ModelFile, device: Device = .cpu) throws {
        guard let descriptions = try LabelHeadDescription.all(in: file) else {
            throw LabelError.noLabels(file.url.path)
        }
        var heads: [String: [(head: LabelHead, description: LabelHeadDescription)]] = [:]
        for (name, description) in descriptions.sorted(by: { $0.key < $1.key }) {
            let key = LabelHeadDescription.embeddingKey(ofHead: name)
            let head = LabelHead(
                embedding: file.description.embeddingWidth(ofKey: key), hidden: description.hidden,
                dropout: description.dropout, labels: description.labels.count, givesErrors: description.givesErrors)
            try file.load(head, part: "\(Self.part).\(name)")
            try head.to(device)
            head.evaluate()
            heads[key, default: []].append((head, description))
        }
        self.heads = heads
    }

    /// The labels read from an instrument's embeddings.
    public func labels(for instrument: Instrument) throws -> [StellarLabel] {
        try descriptions(for: instrument).flatMap(\.labels)
    }

    /// All labels that are read from some instrument, in the order of a catalogue: those that several instruments have
    /// first, as their heads give them.
    public var allLabels: [StellarLabel] {
        let lists = heads.sorted { $0.key < $1.key }.map { $0.value.flatMap(\.description.labels) }
        var labels: [StellarLabel] = []
        for label in lists.joined() where !labels.contains(label) { labels.append(label) }
        let shared = labels.filter { label in lists.allSatisfy { $0.contains(label) } }
        return shared + labels.filter { !shared.contains($0) }
    }

    /// What is known of the heads of an instrument, in the order of their labels.
    public func descriptions(for instrument: Instrument) throws -> [LabelHeadDescription] {
        try heads(of: instrument).map(\.description)
    }

    /// - Parameter embeddings: `[B, E]` from `SpecCLIPModel.embed`.
    /// - Returns: for each star, its labels in the order of `labels(for:)`.
    public func predict(_ embeddings: Tensor, from instrument: Instrument) throws -> [[LabelEstimate]] {
        var estimates = [[LabelEstimate]](repeating: [], count: embeddings.shape[0])
        for (head, description) in try heads(of: instrument) {
            let (mean, logSigma) = withoutGradient { head(embeddings) }
            let (values, sigmas) = (mean.doubles(), logSigma?.exp().doubles())
            let count = description.labels.count
            for star in estimates.indices {
                estimates[star] += description.labels.indices.map { i in
                    let (at, std) = (star * count + i, description.std[i])
                    return LabelEstimate(
                        label: description.labels[i], value: description.mean[i] + std * values[at],
                        error: sigmas.map { std * $0[at] * description.errorScale[i] })
                }
            }
        }
        return estimates
    }

    private func heads(
        of instrument: Instrument
    ) throws -> [(head: LabelHead, description: LabelHeadDescription)] {
        guard let own = heads[instrument.embeddingKey] else {
            throw LabelError.noHead(instrument.name, known: heads.keys.sorted())
        }
        return own
    }
}

extension LabelHeadDescription {
    /// The heads of a model file by name: the instrument's `embeddingKey` for one that we fitted, `key/label` for a
    /// published regressor; nil when there are none.
    static func all(in file: ModelFile) throws -> [String: LabelHeadDescription]? {
        guard let text = file.header(LabelReader.part) else { return nil }
        let descriptions: [String: LabelHeadDescription]
        do {
            descriptions = try JSONDecoder().decode([String: LabelHeadDescription].self, from: Data(text.utf8))
        } catch {
            throw ModelError.file(path: file.url.path, problem: "the 'labels' entry of the header cannot be read")
        }
        for (name, description) in descriptions where !description.isConsistent {
            throw ModelError.file(
                path: file.url.path,
                problem: "the 'labels' entry of the header contradicts itself for \(name): the file is damaged; "
                    + "get it anew")
        }
        return descriptions
    }

    /// The instrument's key in the name of a head.
    static func embeddingKey(ofHead name: String) -> String { String(name.prefix { $0 != "/" }) }

    /// Writes these heads as the labels of a model file.
    static func part(_ heads: [String: LabelHeadDescription], tensors: [(String, Tensor)]) throws -> ModelFilePart {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ModelFilePart(
            name: LabelReader.part, header: String(decoding: try encoder.encode(heads), as: UTF8.self),
            tensors: tensors)
    }
}

/// What can be wrong with labels.
public enum LabelError: Error, CustomStringConvertible {
    case noLabels(String)
    case noHead(String, known: [String])
    case tooFewStars(label: String, data: String, stars: Int, needed: Int)
    case statistics(String, problem: String)
    case regressor(String, problem: String)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .noLabels(let file): "\(file): this model has no label heads; make them with `specclip labels fit`"
        case .noHead(let name, let known):
            "this model has no label head for \(name); it has heads for \(known.joined(separator: ", "))"
        case .tooFewStars(let label, let data, let stars, let needed):
            "\(data): label '\(label)' is known for \(stars) training stars, at least \(needed) are needed; "
                + "leave it out of labels.heads or give more stars"
        case .statistics(let file, let problem), .regressor(let file, let problem): "\(file): \(problem)"
        }
    }
}
