import Support
import Torch

/// Which tokens are hidden in pre-training: one run of `width` tokens in each of `chunks` equal parts
/// (reference, section 3.3).
public struct TokenMask: Codable, Sendable, Hashable {
    /// Parts a spectrum is divided into.
    public var chunks: Int
    /// Tokens hidden in each part.
    public var width: Int

    enum CodingKeys: String, CodingKey, CaseIterable { case chunks, width }

    /// - Parameters: defaults are those of the published LAMOST transformer.
    public init(chunks: Int = 6, width: Int = 10) {
        self.chunks = chunks
        self.width = width
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        chunks = try fields(.chunks, default: 6)
        width = try fields(.width, default: 10)
    }

    /// The first token of each part, plus the number of places a run can start at within it.
    func parts(tokens: Int) -> (starts: [Int], places: Int) {
        ((0..<chunks).map { $0 * tokens / chunks }, tokens / chunks - width)
    }

    /// Draws masks from the default generator: true where a token is hidden, `[B, tokens]`.
    public func draw(batch: Int, tokens: Int) -> Tensor {
        let (starts, places) = parts(tokens: tokens)
        let starting = Tensor(starts.map(Int64.init), shape: [1, chunks])
        return hidden(starts: starting + Tensor.randint(low: 0, high: places, [batch, chunks]), tokens: tokens)
    }

    /// The mask that hides runs from given first tokens.
    /// - Parameters:
    ///   - starts: `[B, chunks]`, int64.
    ///   - tokens: in a spectrum.
    public func hidden(starts: Tensor, tokens: Int) -> Tensor {
        let first = starts.unsqueezed(2)
        let index = Tensor.arange(tokens).reshaped([1, 1, tokens])
        return index.ge(first).logicalAnd(index.lt(first + Double(width))).sum(dims: [1], keepDims: false).gt(0)
    }
}
