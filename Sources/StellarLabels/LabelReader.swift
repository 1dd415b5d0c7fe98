import Foundation
import SpecCLIP
import Spectra
import Torch

/// Reads labels from embeddings, with one head per instrument, as stored in a model file.
public struct LabelReader {
    static let part = "labels"
    private let heads: [String: (head: LabelHead, description: LabelHeadDescription)]

    /// - Throws: `LabelError.noLabels` when the model has no label heads.
    public init(_ file: ModelFile, device: Device = .cpu) throws {
        guard let text = file.header(Self.part) else { throw LabelError.noLabels(file.url.path) }
        let descriptions: [String: LabelHeadDescription]
        do {
            descriptions = try JSONDecoder().decode([String: LabelHeadDescription].self, from: Data(text.utf8))
        } catch {
            throw ModelError.file(path: file.url.path, problem: "the 'labels' entry of the header cannot be read")
        }
        let embedding = file.description.embedding ?? 0
        var heads: [String: (LabelHead, LabelHeadDescription)] = [:]
        for (key, description) in descriptions {
            guard description.isConsistent else {
                throw ModelError.file(
                    path: file.url.path,
                    problem: "the 'labels' entry of the header contradicts itself for \(key): the file is damaged; "
                        + "get it anew")
            }
            let head = LabelHead(
                embedding: embedding, hidden: description.hidden, dropout: description.dropout,
                labels: description.labels.count)
            try file.load(head, part: "\(Self.part).\(key)")
            try head.to(device)
            head.evaluate()
            heads[key] = (head, description)
        }
        self.heads = heads
    }

    /// The labels read from an instrument's embeddings.
    public func labels(for instrument: Instrument) throws -> [StellarLabel] { try entry(instrument).description.labels }

    /// What is known of a head.
    public func description(for instrument: Instrument) throws -> LabelHeadDescription {
        try entry(instrument).description
    }

    /// - Parameter embeddings: `[B, E]` from `SpecCLIPModel.embed`.
    /// - Returns: for each star, its labels in the order of `labels(for:)`.
    public func predict(_ embeddings: Tensor, from instrument: Instrument) throws -> [[LabelEstimate]] {
        let (head, description) = try entry(instrument)
        let (mean, logSigma) = withoutGradient { head(embeddings) }
        let (values, sigmas) = (mean.doubles(), logSigma.exp().doubles())
        let count = description.labels.count
        return (0..<embeddings.shape[0]).map { star in
            description.labels.indices.map { i in
                let at = star * count + i
                return LabelEstimate(
                    label: description.labels[i], value: description.mean[i] + description.std[i] * values[at],
                    error: description.std[i] * sigmas[at] * description.errorScale[i])
            }
        }
    }

    private func entry(_ instrument: Instrument) throws -> (head: LabelHead, description: LabelHeadDescription) {
        guard let entry = heads[instrument.embeddingKey] else {
            throw LabelError.noHead(instrument.name, known: heads.keys.sorted())
        }
        return entry
    }
}

/// What can be wrong with labels.
public enum LabelError: Error, CustomStringConvertible {
    case noLabels(String)
    case noHead(String, known: [String])
    case tooFewStars(label: String, data: String, stars: Int, needed: Int)

    /// One line: what is wrong, where, and the remedy.
    public var description: String {
        switch self {
        case .noLabels(let file): "\(file): this model has no label heads; make them with `specclip labels fit`"
        case .noHead(let name, let known):
            "this model has no label head for \(name); it has heads for \(known.joined(separator: ", "))"
        case .tooFewStars(let label, let data, let stars, let needed):
            "\(data): label '\(label)' is known for \(stars) training stars, at least \(needed) are needed; "
                + "leave it out of labels.heads or give more stars"
        }
    }
}
