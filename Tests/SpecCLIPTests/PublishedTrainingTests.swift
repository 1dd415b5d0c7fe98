import Foundation
import GoldenNumbers
import Spectra
import Testing
import Torch

@testable import SpecCLIP

@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct PublishedTrainingGoldenTests {
    /// Five optimiser steps of the published LAMOST pre-training, from its initial weights and with its masks
    /// (reference, sections 3.4, 9 and 13): loss, gradient norm and rate of each step, and the final weights.
    @Test(arguments: [("reprinit_warm0", 0, 4), ("randinit_warm2", 2, 10)])
    func fiveStepsOfPretraining(name: String, warmup: Int, total: Int) throws {
        let golden = try Goldens.arrays("train/lrs_mt_5steps_\(name)_f64.npz")
        func array(_ key: String) throws -> Tensor { try #require(golden[key]).tensor }

        var configuration = MaskedTransformerConfiguration()
        configuration.width = 48
        configuration.layers = 2
        configuration.heads = 3
        let encoder = MaskedTransformer(configuration, pixels: 1462)
        try encoder.to(.float64)
        var initial: [String: Tensor] = [:]
        for key in golden.names where key.hasPrefix("init.") { initial[String(key.dropFirst(5))] = try array(key) }
        try encoder.load(initial, strict: true)

        let optimizer = AdamW(
            parameters: encoder.parameters(), learningRate: 1e-3, betas: (0.9, 0.95), weightDecay: 0.1)
        let schedule = WarmupCosine(base: 1e-3, warmup: warmup, total: total)
        let (spectra, masks) = (try array("spectra"), try array("mask"))
        for step in 0..<5 {
            optimizer.learningRate = schedule.rate(step: step)
            optimizer.zeroGradients()
            let tokens = configuration.tokens(spectra.select(0, step).squeezed(2))
            let loss = encoder.maskedLoss(tokens, hidden: masks.select(0, step).gt(0.5))
            loss.backward()
            let norm = clipGradientNorm(encoder.parameters().map(\.parameter), max: 1)
            optimizer.step()
            let expected = (try array("loss").doubles()[step], try array("grad_norm").doubles()[step])
            #expect(abs(loss.item() / expected.0 - 1) < 1e-9)
            #expect(abs(norm / expected.1 - 1) < 1e-9)
            let rate = try array("lr").doubles()[step]
            #expect(abs(optimizer.learningRate - rate) < 1e-15)
        }
        for (path, value) in encoder.stateDictionary() {
            let expected = try array("final." + path)
            let difference = (value - expected).abs().max().item()
            #expect(difference < 1e-9, "\(path)")
        }
    }
}
