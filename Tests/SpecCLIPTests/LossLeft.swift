import SpecCLIP
@testable import Torch

/// What 300 steps of pre-training on the same spectra leave of an encoder's loss.
func lossLeft(_ encoder: any SpecCLIP.Encoder, _ batch: SpectrumBatch, finding flux: Tensor) throws -> Double {
    encoder.train()
    let optimiser = AdamW(parameters: encoder.parameters(), learningRate: 3e-3)
    var losses: [Double] = []
    for _ in 0..<300 {
        let loss = try encoder.pretrainingLoss(batch, finding: flux)
        optimiser.zeroGradients()
        loss.backward()
        optimiser.step()
        losses.append(loss.doubles()[0])
    }
    return losses.suffix(20).reduce(0, +) / 20 / losses[0]
}
