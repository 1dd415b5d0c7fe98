import Datasets
import Spectra
import Support
import Torch

extension SpecCLIPModel {
    /// What instruments share of the embeddings of a split, `[N, E]` by `embeddingKey`, for every instrument that model
    /// and data have.
    public func sharedEmbeddings(_ data: PairedDataSet, split: Split) throws -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for instrument in instruments where data.has(instrument) {
            found[instrument.embeddingKey] = shared(try embed(SpectrumRows(data, instrument, split), of: instrument))
        }
        return found
    }

    /// Embeddings of all rows of a split, `[N, E]`, on the CPU; computed in batches.
    public func embed(_ rows: SpectrumRows, of instrument: Instrument, batch: Int = 256) throws -> Tensor {
        let width = descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)
        return try map(rows.count, batch: batch, width: width, rows.tensor) { try self.embed($0, from: instrument) }
    }

    /// Features (`features(_:from:)`) of spectra that come in blocks, `[N, F]`, on the CPU.
    /// - Parameters:
    ///   - count: how many spectra there are.
    ///   - flux: the prepared spectra of some rows, `[B, pixels]`.
    public func features(
        _ count: Int, of instrument: Instrument, batch: Int = 256, _ flux: ([Int]) throws -> Tensor
    ) throws -> Tensor {
        let width = descriptionOfModel.featureWidth(ofKey: instrument.embeddingKey)
        return try map(count, batch: batch, width: width, flux) { try self.features($0, from: instrument) }
    }

    private func map(
        _ count: Int, batch: Int, width: Int, _ flux: ([Int]) throws -> Tensor, _ body: (Tensor) throws -> Tensor
    ) throws -> Tensor {
        let device = parameters().first?.parameter.value.device ?? .cpu
        let wasTraining = isTraining
        evaluate()
        defer { if wasTraining { train() } }
        var parts: [Tensor] = []
        for start in stride(from: 0, to: count, by: batch) {
            try Interruption.check()
            let input = try flux(Array(start..<min(start + batch, count))).to(device)
            parts.append(try catchingTorchErrors { try withoutGradient { try body(input) } }.to(.cpu))
        }
        return parts.isEmpty ? Tensor.zeros([0, width]) : Tensor.cat(parts, dim: 0)
    }
}
