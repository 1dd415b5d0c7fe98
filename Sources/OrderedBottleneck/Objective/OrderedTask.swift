import Support
import Torch
import Training

/// Trains an ordered auto-encoder on rows held in memory.
public final class OrderedTask: TrainingTask {
    /// Rows of the two splits, `[N, …]`.
    public struct Source: BatchSource {
        let training: Tensor
        let validation: Tensor
        let device: Device

        /// Rows in a split.
        public func count(_ split: TrainingSplit) -> Int { rows(split).size(0) }

        /// The rows, `[rows.count, …]`.
        public func batch(_ split: TrainingSplit, rows wanted: [Int], random: inout StepRandom) throws -> Tensor {
            try rows(split).indexSelect(0, Tensor(wanted.map(Int64.init))).to(device)
        }

        private func rows(_ split: TrainingSplit) -> Tensor { split == .training ? training : validation }
    }

    /// The auto-encoder and, for a sweep, its state: what a checkpoint holds.
    final class State: Module {
        let autoencoder: OrderedAutoencoder
        let sweep: UnitSweep?

        init(_ autoencoder: OrderedAutoencoder, sweep: UnitSweep?) {
            self.autoencoder = autoencoder
            self.sweep = sweep
            super.init()
        }
    }

    /// What is trained.
    public var model: Module { state }
    /// Where batches come from.
    public let source: Source
    private let state: State
    private let objective: OrderedObjective
    private let rowsAtOnce: Int

    /// - Parameters:
    ///   - autoencoder: what learns.
    ///   - objective: what it learns by.
    ///   - training: `[N, …]`.
    ///   - validation: `[M, …]`.
    ///   - device: where the auto-encoder lies; batches are brought there.
    ///   - rowsAtOnce: rows times widths decoded together; bounds memory and changes nothing else.
    public init(
        _ autoencoder: OrderedAutoencoder, objective: OrderedObjective = .linear, training: Tensor,
        validation: Tensor, device: Device = .cpu, rowsAtOnce: Int = OrderedAutoencoder.rowsAtOnce
    ) {
        self.objective = objective
        self.rowsAtOnce = rowsAtOnce
        source = Source(training: training, validation: validation, device: device)
        var sweep: UnitSweep?
        if case .random(_, _, let options?) = objective { sweep = UnitSweep(options, width: autoencoder.width) }
        state = State(autoencoder, sweep: sweep)
    }

    /// Latents that a sweep has frozen.
    public var frozen: Int { state.sweep?.frozen ?? 0 }

    /// Twice the negative log-likelihood per feature: for a unit Gaussian the mean squared error. Validation always weighs
    /// all widths alike unless the objective says otherwise, so that objectives compare.
    public func losses(_ batch: Tensor) throws -> [(name: String, value: Tensor)] {
        switch objective {
        case .linear(let weights, nil): return [("loss", overWidths(batch, weights: weights))]
        case .linear(let weights, let perRow?):
            let validated = max(perRow, Self.widthsPerValidatedRow)
            if !state.isTraining, state.autoencoder.width < validated {
                return [("loss", overWidths(batch, weights: weights))]
            }
            return [("loss", atSomeWidths(batch, weights: weights, perRow: state.isTraining ? perRow : validated))]
        case .random(let distribution, let draw, _):
            guard state.isTraining else { return [("loss", overWidths(batch, weights: nil))] }
            return [("loss", atRandomWidths(batch, distribution, draw))]
        }
    }

    /// Where widths are sampled, validation takes so many of them for each row, or all where there are no more.
    static let widthsPerValidatedRow = 32

    /// The weighted mean over the widths 0 … K.
    private func overWidths(_ x: Tensor, weights: [Double]?) -> Tensor {
        let model = state.autoencoder
        let weights = weights ?? Array(repeating: 1, count: model.width + 1)
        let scale = -2 / (weights.reduce(0, +) * Double(x.count))
        let chunks = model.widthChunks(rows: x.size(0), rowsAtOnce: rowsAtOnce)
            .map { $0.filter { weights[$0] > 0 } }.filter { !$0.isEmpty }
        func loss(_ widths: [Int], _ latents: Tensor) -> Tensor {
            let each = model.logLikelihood(of: x, latents: latents, widths: widths).sum(dims: [1])
            let weight = Tensor(widths.map { weights[$0] * scale }).to(each.dtype)
            return (each * ((try? weight.to(each.device)) ?? weight)).sum()
        }
        let latents = model.encode(x)
        guard chunks.count > 1 else { return loss(chunks.first ?? [], latents) }
        guard state.isTraining else {
            return chunks.dropFirst().reduce(loss(chunks[0], latents)) { $0 + loss($1, latents) }
        }
        return chunked(chunks, latents, loss)
    }

    /// The same loss a group of widths at a time, each group's graph freed before the next: gradients of the decoder are
    /// added up as they come, those of the latents are handed to the encoder once, through the tensor returned.
    private func chunked(_ chunks: [[Int]], _ latents: Tensor, _ loss: ([Int], Tensor) -> Tensor) -> Tensor {
        let leaf = latents.detached()
        leaf.requiresGradient = true
        var total = 0.0
        for widths in chunks {
            let part = loss(widths, leaf)
            total += part.item()
            part.backward()
        }
        guard let gradient = leaf.gradient else { return latents.sum() * 0 + total }
        let pull = (latents * gradient).sum()
        return pull - pull.detached() + total
    }

    /// An estimate of `overWidths` from a few widths of each row.
    private func atSomeWidths(_ x: Tensor, weights: [Double]?, perRow: Int) -> Tensor {
        let model = state.autoencoder
        let weights = weights ?? Array(repeating: 1, count: model.width + 1)
        let sum = weights.reduce(0, +)
        let widths = WidthDistribution.draw(weights.map { $0 / sum }, rows: x.size(0), perRow: perRow)
        let each = model.logLikelihood(of: x, latents: model.encode(x), perRow: widths)
        return each.sum() * (-2 / Double(perRow * x.count))
    }

    private func atRandomWidths(_ x: Tensor, _ distribution: WidthDistribution, _ draw: BottleneckLayer.Draw) -> Tensor
    {
        let model = state.autoencoder
        let count = draw == .batch ? 1 : x.size(0)
        let widths =
            state.sweep?.widths(count, distribution, of: model.width) ?? distribution.draw(count, width: model.width)
        let encoded = model.encode(x)
        let latents = state.sweep?.frozen(encoded, at: widths) ?? encoded
        let each = model.logLikelihood(of: x, latents: latents, perRow: widths.unsqueezed(1)).select(1, 0)
        if let sweep = state.sweep {
            let current = widths.eq(Double(sweep.frozen + 1)).to(each.dtype)
            let density = (try? each.detached().to(widths.device)) ?? each.detached()
            let mean = (density * current).sum().item() / current.expanded(each.shape).sum().item()
            sweep.observe(-2 * mean / Double(x.count / max(1, x.size(0))))
        }
        return each.sum() * (-2 / Double(x.count))
    }
}
