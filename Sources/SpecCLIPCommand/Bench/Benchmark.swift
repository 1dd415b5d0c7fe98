import Figures
import Foundation
import Instruments
import OrderedBottleneck
import SpecCLIP
import Spectra
import Statistics
import Torch
import Training

/// The pieces of work that are timed; `bench/README.md` says what each one is.
enum Benchmark: String, CaseIterable {
    case prepare
    case embedLRS1 = "embed-lrs-1"
    case embedLRS64 = "embed-lrs-64"
    case embedXP64 = "embed-xp-64"
    case pretrainLRS64 = "pretrain-lrs-64"
    case align1024 = "align-1024"
    case iobDisks64 = "iob-disks-64"
    case iobDisksEpoch = "iob-disks-epoch"
    case coldStart = "cold-start"
    case peakEmbedLRS64 = "peak-embed-lrs-64"

    /// What is printed: names as `bench/run.py` reads them.
    struct Figure: Encodable {
        var name: String
        var unit: String
        var value: Double
        var peakMiB = 0.0
        var check: Double?

        enum CodingKeys: String, CodingKey {
            case name, unit, value, check
            case peakMiB = "peak_mib"
        }
    }

    func run(_ inputs: BenchInputs, iterations: Int?) throws -> Figure {
        switch self {
        case .prepare: try prepare(inputs, iterations ?? 3)
        case .embedLRS1: try embed(inputs, .lamostLRS, "lrs", batch: 1, iterations ?? 10)
        case .embedLRS64: try embed(inputs, .lamostLRS, "lrs", batch: 64, iterations ?? 2)
        case .embedXP64: try embed(inputs, .gaiaXP, "xp", batch: 64, iterations ?? 10)
        case .peakEmbedLRS64: try embed(inputs, .lamostLRS, "lrs", batch: 64, iterations ?? 1)
        case .pretrainLRS64: try pretrain(inputs, iterations ?? 2)
        case .align1024: try align(inputs, iterations ?? 2)
        case .iobDisks64: try ordered(inputs, iterations ?? 10)
        case .iobDisksEpoch: try orderedEpoch(iterations ?? 1)
        case .coldStart: try coldStart(inputs)
        }
    }

    private func figure(_ value: Double, _ unit: String, check: Double? = nil) -> Figure {
        Figure(name: rawValue, unit: unit, value: value, check: check)
    }

    /// On one core, as the peer does it.
    private func prepare(_ inputs: BenchInputs, _ iterations: Int) throws -> Figure {
        let spectra = try inputs.rawSpectra()
        var prepared: [PreparedSpectrum] = []
        let seconds = try median(of: iterations) {
            prepared = try spectra.map { try Instrument.lamostLRS.prepare($0) }
        }
        let sum = prepared.reduce(0) { $0 + $1.flux.reduce(0) { $0 + Double($1) } }
        return figure(Double(spectra.count) / seconds, "spectra/s", check: sum)
    }

    private func embed(
        _ inputs: BenchInputs, _ instrument: Instrument, _ name: String, batch: Int, _ iterations: Int
    ) throws -> Figure {
        let encoder = try inputs.encoder(instrument, weights: name)
        let flux = try inputs.prepared(name, count: batch)
        let seconds = try median(of: iterations) { try Self.run(encoder, flux).synchronise() }
        return figure(Double(batch) / seconds, "spectra/s", check: Self.check(try Self.run(encoder, flux)))
    }

    private func coldStart(_ inputs: BenchInputs) throws -> Figure {
        let start = Date()
        let encoder = try inputs.encoder(.lamostLRS, weights: "lrs")
        let check = Self.check(try Self.run(encoder, try inputs.prepared("lrs", count: 1)))
        return figure(Date().timeIntervalSince(start), "s", check: check)
    }

    private func pretrain(_ inputs: BenchInputs, _ iterations: Int) throws -> Figure {
        let encoder = try inputs.encoder(.lamostLRS, weights: "lrs", forTraining: true)
        encoder.train()
        let flux = try inputs.prepared("lrs", count: 64)
        let step = TrainingStep(encoder, rate: 1e-5, betas: (0.9, 0.95), decay: 0.1) {
            try encoder.pretrainingLoss(flux)
        }
        return figure(try median(of: iterations) { _ = try step() }, "s/step")
    }

    /// The features of the frozen encoders are at hand, as in our training.
    private func align(_ inputs: BenchInputs, _ iterations: Int) throws -> Figure {
        let model = try inputs.alignedModel()
        var features: [String: Tensor] = [:]
        var flux: [String: Tensor] = [:]
        for (instrument, name) in [(Instrument.lamostLRS, "lrs"), (.gaiaXP, "xp")] {
            let backbone = try model.branch(instrument).backbone
            backbone.freeze()
            features[instrument.embeddingKey] = try Tensor.randn([1024] + backbone.featureShape).to(inputs.device)
            flux[instrument.embeddingKey] = try inputs.prepared(name, count: 1024)
        }
        model.train()
        let step = TrainingStep(model, rate: 1e-4, betas: (0.9, 0.999), decay: 0.05) {
            try AlignmentObjective().losses(model, features: features, flux: flux)[0].value
        }
        return figure(try median(of: iterations) { _ = try step() }, "s/step")
    }

    /// All 17 widths of an ordered auto-encoder of images of two disks.
    private func ordered(_ inputs: BenchInputs, _ iterations: Int) throws -> Figure {
        let images = try SampleSet.disks(64, disks: 2).to(inputs.device)
        let configuration = BottleneckConfiguration.disks(2)
        let model = configuration.network.makeAutoencoder(shape: [1, 32, 32], width: configuration.width)
        try model.to(inputs.device)
        let task = OrderedTask(model, training: images, validation: images)
        task.model.train()
        let step = TrainingStep(task.model, rate: 5e-5, betas: (0.9, 0.999), decay: 0) {
            try task.losses(images)[0].value
        }
        return figure(try median(of: iterations) { _ = try step() }, "s/step")
    }

    /// One epoch of the demo of two disks as `specclip iob demo n-disk` trains it: 8000 images, and 1000 to validate on.
    private func orderedEpoch(_ iterations: Int) throws -> Figure {
        let split = OrderedSplit(SampleSet.disks(10_000, disks: 2))
        var configuration = BottleneckConfiguration.disks(2)
        configuration.training.length = .epochs(1)
        let seconds = try median(of: iterations) {
            let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-bench-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            _ = try OrderedModel.train(configuration, on: split, data: "disks", folder: try RunFolder(folder))
        }
        return figure(seconds, "s/epoch")
    }

    private static func run(_ encoder: any Encoder, _ flux: Tensor) throws -> Tensor {
        try catchingTorchErrors { withoutGradient { encoder(flux) } }
    }

    /// Mean absolute value: tells whether both sides did the same work.
    private static func check(_ output: Tensor) -> Double { output.to(.float64).abs().mean().item() }
}

/// One step of training: loss, gradients, clipping, AdamW.
private struct TrainingStep {
    private let parameters: [(path: String, parameter: Parameter)]
    private let optimiser: AdamW
    private let loss: () throws -> Tensor

    init(
        _ model: Module, rate: Double, betas: (Double, Double), decay: Double, loss: @escaping () throws -> Tensor
    ) {
        parameters = model.parameters().filter(\.parameter.isTrainable)
        optimiser = AdamW(parameters: parameters, learningRate: rate, betas: betas, weightDecay: decay)
        self.loss = loss
    }

    /// - Returns: the loss before the step.
    func callAsFunction() throws -> Double {
        try catchingTorchErrors {
            optimiser.zeroGradients()
            let value = try loss()
            value.backward()
            _ = clipGradientNorm(parameters.map(\.parameter), max: 1)
            optimiser.step()
            return value.item()
        }
    }
}

/// Median seconds of `iterations` calls, after one to warm up.
private func median(of iterations: Int, _ work: () throws -> Void) throws -> Double {
    try work()
    let seconds = try (0..<iterations).map { _ in
        let start = DispatchTime.now()
        try work()
        return Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
    }.sorted()
    return (seconds[(seconds.count - 1) / 2] + seconds[seconds.count / 2]) / 2
}

extension Tensor {
    /// Waits until it is computed, on devices that compute later.
    fileprivate func synchronise() { if device != .cpu { _ = sum().item() } }
}
