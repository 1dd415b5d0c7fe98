import Datasets
import Spectra
import Support
import Torch

extension SpecCLIPModel {
    /// What instruments share of the embeddings of a split, `[N, E]` by `embeddingKey`, for every instrument that model
    /// and data have; 0 in the rows of stars that an instrument has not seen.
    public func sharedEmbeddings(_ data: PairedDataSet, split: Split) throws -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for instrument in instruments where data.has(instrument) {
            let rows = try self.rows(data, instrument, split)
            let embedded = shared(try embed(rows, of: instrument))
            found[instrument.embeddingKey] = rows.sawAll ? embedded : scattered(embedded, to: rows.seen, of: rows.count)
        }
        return found
    }

    /// Rows of a data set with what the instrument's encoder asks for.
    package func rows(_ data: PairedDataSet, _ instrument: Instrument, _ split: Split) throws -> SpectrumRows {
        try SpectrumRows(data, instrument, split, withErrors: !inputs(of: instrument).isEmpty)
    }

    /// Embeddings of the rows of a split that the instrument has seen, `[N, E]`, on the CPU; computed in batches.
    public func embed(_ rows: SpectrumRows, of instrument: Instrument, batch: Int = 256) throws -> Tensor {
        let width = descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)
        let (seen, inputs) = (rows.seen, inputs(of: instrument))
        return try map(seen.count, batch: batch, width: width) { wanted in
            try rows.batch(wanted.map { seen[$0] }, for: inputs)
        } body: {
            try self.embed($0, from: instrument)
        }
    }

    /// Features (`features(_:from:)`) of spectra that come in blocks, `[N, F]`, on the CPU.
    /// - Parameters:
    ///   - count: how many spectra there are.
    ///   - instrument: whose spectra they are.
    ///   - batch: spectra at once.
    ///   - spectra: the prepared spectra of some rows.
    public func features(
        _ count: Int, of instrument: Instrument, batch: Int = 256, _ spectra: ([Int]) throws -> SpectrumBatch
    ) throws -> Tensor {
        let width = descriptionOfModel.featureWidth(ofKey: instrument.embeddingKey)
        return try map(count, batch: batch, width: width, spectra) { try self.features($0, from: instrument) }
    }

    private func map(
        _ count: Int, batch: Int, width: Int, _ spectra: ([Int]) throws -> SpectrumBatch,
        body: (SpectrumBatch) throws -> Tensor
    ) throws -> Tensor {
        let device = device
        let wasTraining = isTraining
        evaluate()
        defer { if wasTraining { train() } }
        var parts: [Tensor] = []
        for start in stride(from: 0, to: count, by: batch) {
            try Interruption.check()
            let input = try spectra(Array(start..<min(start + batch, count))).to(device)
            parts.append(try catchingTorchErrors { try withoutGradient { try body(input) } }.to(.cpu))
        }
        return parts.isEmpty ? Tensor.zeros([0, width]) : Tensor.cat(parts, dim: 0)
    }
}

/// Rows put at their places among `count`; 0 in the others.
func scattered(_ rows: Tensor, to places: [Int], of count: Int) -> Tensor {
    let shape = Array(rows.shape.dropFirst())
    let zero = Tensor.zeros([1] + shape, dtype: rows.dtype, device: rows.device)
    var order = [Int64](repeating: Int64(places.count), count: count)
    for (row, place) in places.enumerated() { order[place] = Int64(row) }
    let index = Tensor(order, shape: [count])
    return Tensor.cat([rows, zero], dim: 0).indexSelect(0, (try? index.to(rows.device)) ?? index)
}
