import Support
import Synchronization
import Torch

/// A part of the loss that aligns instruments.
///
/// A new one is a file with a struct that conforms and a call of ``WeightedTerm/register(_:)``; configurations then name it
/// under `align.objective.terms`.
public protocol AlignmentTerm: Codable, Sendable, Hashable {
    /// What stands under `terms:` in a configuration.
    static var name: String { get }
    /// The loss of a batch, a scalar; nil where the batch gives nothing for it.
    func loss(_ views: AlignedViews) throws -> Tensor?
}

/// A term that a configuration adds to the published ones: `terms: { name: { weight: 0.1, settings: { … } } }`.
public struct WeightedTerm: Codable, Sendable, Hashable {
    /// What the term is multiplied with.
    public var weight: Double
    /// The term.
    public var term: any AlignmentTerm

    enum CodingKeys: String, CodingKey, CaseIterable { case weight, settings }

    /// How the settings of each known term are read, by name.
    private static let known = Mutex<[String: @Sendable (StrictFields<CodingKeys>) throws -> any AlignmentTerm]>([:])

    /// Makes a term known to configurations.
    public static func register<Term: AlignmentTerm>(_ term: Term.Type) {
        known.withLock { known in
            known[Term.name] = { try $0.orEmpty(.settings) as Term }
        }
    }

    /// A term with its weight.
    public init(_ term: any AlignmentTerm, weight: Double) {
        self.term = term
        self.weight = weight
    }

    /// Reads the section strictly; the term's name is the last key of the path.
    /// - Throws: `Diagnostic` for unknown terms and keys and for weights that are none.
    public init(from decoder: any Decoder) throws {
        let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
        let name = decoder.codingPath.last?.stringValue ?? ""
        let known = Self.known.withLock { $0 }
        guard let read = known[name] else {
            let names = known.keys.sorted()
            throw Diagnostic.invalid(
                path: path,
                problem: "no such term; "
                    + (names.isEmpty ? "none is registered" : "known are " + names.joined(separator: ", ")))
        }
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        weight = try fields(.weight, default: 1)
        guard weight >= 0, weight.isFinite else {
            throw Diagnostic.invalid(
                path: path + ".weight", problem: "\(weight) is no weight; give a number that is not negative")
        }
        term = try read(fields)
    }

    /// Writes the section.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(weight, forKey: .weight)
        try container.encode(term, forKey: .settings)
    }

    /// Whether weight, kind and settings are the same.
    public static func == (a: Self, b: Self) -> Bool {
        a.weight == b.weight && AnyHashable(a.term) == AnyHashable(b.term)
    }

    /// Hashes weight, kind and settings.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(weight)
        hasher.combine(AnyHashable(term))
    }
}

// MARK: - The published terms (SpecCLIP §3.3; reference, section 8)

/// The same star near itself and far from others, for each pair of instruments.
struct ContrastTerm: AlignmentTerm {
    static let name = "contrast"
    var logitScale: Double

    func loss(_ views: AlignedViews) -> Tensor? {
        let keys = views.keys
        let pairs = keys.indices.flatMap { i in keys[(i + 1)...].map { (keys[i], $0) } }
        return sum(
            pairs.compactMap { first, second in
                guard let a = views.shared[first], let b = views.shared[second] else { return nil }
                let rows = views.pair(first, second)
                guard let a = views.select(a, rows), let b = views.select(b, rows) else { return nil }
                return contrast(a, b, views)
            })
    }

    /// Where the embeddings are ordered, half of it at full width and half over the cuts.
    private func contrast(_ a: Tensor, _ b: Tensor, _ views: AlignedViews) -> Tensor {
        func loss(_ width: Int) -> Tensor {
            let (a, b) = (a.narrow(1, start: 0, length: width), b.narrow(1, start: 0, length: width))
            guard let scales = views.widthScales else { return contrastiveLoss(a, b, logitScale: logitScale) }
            return contrastiveLoss(a, b, logitScale: scales(width: width) * logitScale)
        }
        let (whole, terms) = (loss(a.size(1)), views.cuts.map(loss))
        guard let first = terms.first else { return whole }
        return (whole + terms.dropFirst().reduce(first, +) / Double(terms.count)) * 0.5
    }
}

/// Each spectrum from its own embedding.
struct ReconstructionTerm: AlignmentTerm {
    static let name = "reconstruction"

    func loss(_ views: AlignedViews) -> Tensor? {
        sum(
            views.keys.compactMap { key in
                guard let branch = views.model.branches[key], let decoder = branch.decoder,
                    let own = views.decodable[key], let spectra = views.targets[key]
                else { return nil }
                let rows = views.seen(key)
                guard let own = views.select(own, rows), let spectra = views.select(spectra, rows) else { return nil }
                return views.difference(decoder(own), branch.reconstructionTarget(spectra), of: key, rows)
            })
    }
}

/// Each spectrum from what other instruments share of their embeddings.
struct PredictionTerm: AlignmentTerm {
    static let name = "prediction"

    func loss(_ views: AlignedViews) -> Tensor? {
        let keys = views.keys
        return sum(
            keys.flatMap { key in
                keys.filter { $0 != key }.compactMap { other -> Tensor? in
                    guard let decoder = views.model.branches[key]?.crossDecoder, let theirs = views.decodable[other],
                        let spectra = views.targets[key]
                    else { return nil }
                    let rows = views.pair(key, other)
                    guard let theirs = views.select(views.model.shared(theirs), rows),
                        let spectra = views.select(spectra, rows)
                    else { return nil }
                    return views.difference(decoder(theirs), spectra, of: key, rows)
                }
            })
    }
}

/// The sum of terms; nil where there are none.
private func sum(_ terms: [Tensor]) -> Tensor? {
    terms.first.map { first in terms.dropFirst().reduce(first, +) }
}

/// The symmetric cross-entropy of a batch of pairs: each row must find its partner among all others
/// (Radford et al. 2021; reference, section 8).
/// - Parameters:
///   - a: embeddings `[B, E]`; rows are brought to unit length with `max(norm, 1e-3)` (quirk Q16).
///   - b: their partners, in the same order.
///   - logitScale: what cosines are multiplied with.
func contrastiveLoss(_ a: Tensor, _ b: Tensor, logitScale: Double) -> Tensor {
    contrastiveLoss(logits: unit(a).matmul(unit(b).transposed()) * logitScale)
}

/// The same with a logit scale that is learned: a tensor of one number.
func contrastiveLoss(_ a: Tensor, _ b: Tensor, logitScale: Tensor) -> Tensor {
    contrastiveLoss(logits: unit(a).matmul(unit(b).transposed()) * logitScale)
}

private func contrastiveLoss(logits: Tensor) -> Tensor {
    let partners = Tensor.arange(logits.shape[0], device: logits.device)
    let forward = Loss.crossEntropy(logits: logits, targets: partners)
    return (forward + Loss.crossEntropy(logits: logits.transposed(), targets: partners)) * 0.5
}

/// Rows of unit length.
/// - Parameters:
///   - rows: `[B, E]`.
///   - floor: shorter rows are divided by it instead of by their own length; a row of zeros stays one.
public func unit(_ rows: Tensor, floor: Double = 1e-3) -> Tensor {
    rows / rows.norm(dim: 1, keepDims: true).clamp(min: floor)
}
