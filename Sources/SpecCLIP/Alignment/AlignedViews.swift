import Torch

/// A batch of stars as the instruments have seen them: what an ``AlignmentTerm`` is worked out from.
///
/// Rows are stars, in the same order for all instruments. A star need not have been seen by each of them: terms take the
/// rows that they can use from ``pair(_:_:)`` and ``seen(_:)``.
public struct AlignedViews {
    /// The model that learns.
    public let model: SpecCLIPModel
    /// Prepared spectra, `[B, pixels]`, by `embeddingKey`; 0 in the rows of stars that an instrument has not seen.
    public let flux: [String: Tensor]
    /// 1 where a pixel carries information, else 0, `[B, pixels]`, by `embeddingKey`; an instrument left out has all pixels.
    private let valid: [String: Tensor]
    /// Embeddings, `[B, shared + private]`, by `embeddingKey`.
    public let embeddings: [String: Tensor]
    /// What instruments share of them, `[B, shared]`.
    public let shared: [String: Tensor]
    /// Whether each star was seen, by `embeddingKey`; an instrument left out has seen all.
    private let presence: [String: [Bool]]
    /// Cuts of ordered embeddings; nil for others.
    let ordered: OrderedWidths?
    /// Widths the contrast of ordered embeddings is taken at in this step.
    let cuts: [Int]
    /// Learned logit scales of these widths.
    let widthScales: WidthLogitScales?

    /// - Parameters:
    ///   - features: what the frozen encoders made of the spectra, by `embeddingKey`.
    ///   - flux: the prepared spectra, `[B, pixels]`, by `embeddingKey`.
    ///   - valid: which of their pixels carry information; an instrument left out has all.
    ///   - presence: whether each star was seen, by `embeddingKey`; an instrument left out has seen all.
    ///   - isOrdered: whether embeddings are trained at many widths.
    init(
        _ model: SpecCLIPModel, features: [String: Tensor], flux: [String: Tensor], valid: [String: Tensor] = [:],
        presence: [String: [Bool]] = [:], isOrdered: Bool = false, widthScales: WidthLogitScales? = nil
    ) {
        self.model = model
        self.flux = flux
        self.presence = presence.filter { $0.value.contains(false) }
        var embeddings: [String: Tensor] = [:]
        for key in model.instruments.map(\.embeddingKey) {
            embeddings[key] = features[key].flatMap { model.branches[key]?.embed($0) }
        }
        self.embeddings = embeddings
        shared = embeddings.mapValues(model.shared)
        let ordered = isOrdered ? OrderedWidths(upTo: model.descriptionOfModel.embedding ?? 1) : nil
        self.ordered = ordered
        // The decoders of ordered embeddings see every star whole, and cut to a width of its own: both in one batch, since
        // batch norm must learn what it will meet.
        decodable = embeddings.mapValues { ordered?.withCuts($0) ?? $0 }
        targets = flux.mapValues { ordered?.targets($0) ?? $0 }
        self.valid = valid.mapValues { ordered?.targets($0) ?? $0 }
        cuts = ordered?.draw() ?? []
        self.widthScales = widthScales
    }

    /// The keys of instruments that are here, in the order of the model.
    public var keys: [String] { model.instruments.map(\.embeddingKey).filter { embeddings[$0] != nil } }

    /// Embeddings and spectra as decoders meet them in training: those of ordered embeddings whole, and once more cut.
    let decodable: [String: Tensor], targets: [String: Tensor]

    /// The rows of stars that an instrument has seen; nil where it has seen all.
    public func seen(_ key: String) -> [Int]? { rows([key]) }

    /// The rows of stars that two instruments have seen; nil where both have seen all.
    public func pair(_ first: String, _ second: String) -> [Int]? { rows([first, second]) }

    private func rows(_ keys: [String]) -> [Int]? {
        let seen = keys.compactMap { presence[$0] }
        guard let first = seen.first else { return nil }
        return first.indices.filter { row in seen.allSatisfy { $0[row] } }
    }

    /// Mean absolute difference of spectra over the pixels that are there.
    /// - Parameter rows: of the stars that the spectra are of; nil for all.
    func difference(_ drawn: Tensor, _ spectra: Tensor, of key: String, _ rows: [Int]?) -> Tensor {
        guard let valid = valid[key].flatMap({ select($0, rows) }) else { return Loss.l1(drawn, spectra) }
        return ((drawn - spectra).abs() * valid).sum() / valid.sum().clamp(min: 1)
    }

    /// Some rows of a tensor of stars; all for nil. Rows of a tensor that holds every star twice are taken of both halves.
    /// - Returns: nil where fewer than two stars are left: neither contrast nor batch norm can do with one.
    func select(_ tensor: Tensor, _ rows: [Int]?) -> Tensor? {
        guard let rows else { return tensor }
        guard rows.count > 1 else { return nil }
        let stars = flux.values.first?.size(0) ?? 0
        let all = (0..<max(1, tensor.size(0) / max(1, stars))).flatMap { half in rows.map { Int64($0 + half * stars) } }
        let index = Tensor(all, shape: [all.count])
        return tensor.indexSelect(0, (try? index.to(tensor.device)) ?? index)
    }
}
