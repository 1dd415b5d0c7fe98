import Spectra
import Torch
import Training

extension SpecCLIPModel {
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
