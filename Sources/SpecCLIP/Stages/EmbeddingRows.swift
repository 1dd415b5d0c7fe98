import Spectra
import Torch
import Training

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
        let device = parameters().first?.parameter.value.device ?? .cpu
        let wasTraining = isTraining
        evaluate()
        defer { if wasTraining { train() } }
        var parts: [Tensor] = []
        for block in rows.blocks(of: batch) {
            try Interruption.check()
            let flux = try rows.tensor(Array(block)).to(device)
            parts.append(try catchingTorchErrors { try withoutGradient { try embed(flux, from: instrument) } }.to(.cpu))
        }
        guard !parts.isEmpty else {
            return Tensor.zeros([0, descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)])
        }
        return Tensor.cat(parts, dim: 0)
    }
}
