import Torch
import Training

/// From an embedding to a spectrum: linear layers with GELU, batch norm and dropout between them, in this order
/// (reference, section 8.2).
public final class SpectrumDecoder: Module {
    let decoder: Sequential

    init(_ configuration: DecoderConfiguration, embedding: Int, pixels: Int) {
        var layers: [any Layer] = []
        var width = embedding
        for hidden in configuration.hidden {
            layers += [Linear(width, hidden), GELU(), BatchNorm1d(hidden), Dropout(configuration.dropout)]
            width = hidden
        }
        decoder = Sequential(layers + [Linear(width, pixels)])
        super.init()
    }

    /// `[B, embedding]` → `[B, pixels]`.
    public func callAsFunction(_ embedding: Tensor) -> Tensor { decoder(embedding) }
}

/// Sizes of a decoder.
public struct DecoderConfiguration: Codable, Sendable, Hashable {
    /// Widths of the hidden layers.
    public var hidden: [Int]
    /// Dropout probability while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case hidden, dropout }

    /// A decoder with these hidden layers.
    public init(hidden: [Int], dropout: Double = 0.1) {
        self.hidden = hidden
        self.dropout = dropout
    }

    /// Reads the section strictly.
    /// - Throws: `ConfigurationError` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        hidden = try fields.required(.hidden)
        dropout = try fields(.dropout, default: 0.1)
    }
}
