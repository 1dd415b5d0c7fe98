import Support
import Torch
import Training

/// Context in, negative log density of the labels out.
package final class FlowTask: TrainingTask {
    package struct Batch: Sendable {
        package let context: Tensor
        /// 0 where missing.
        package let labels: Tensor
        /// 1 where a label is known.
        package let present: Tensor
        /// How much each label counts, 0 where missing.
        package let weight: Tensor
    }

    package struct Source: BatchSource {
        private let training: FlowData.Rows, validation: FlowData.Rows
        /// How well each label can be told, in its unit, `[D]`.
        private let resolution: Tensor
        private let device: Device

        package init(training: FlowData.Rows, validation: FlowData.Rows, resolution: Tensor, device: Device) {
            (self.training, self.validation, self.resolution, self.device) = (training, validation, resolution, device)
        }

        package func count(_ split: TrainingSplit) -> Int { part(split).count }

        private func part(_ split: TrainingSplit) -> FlowData.Rows { split == .training ? training : validation }

        package func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch {
            let part = part(split)
            let index = Tensor(rows.map(Int64.init))
            let labels = part.labels.indexSelect(0, index)
            let present = labels.isnan().logicalNot()
            var weight = present.to(.float32)
            if let errors = part.errors?.indexSelect(0, index) {
                // A label whose error is large against what the posterior can resolve would teach the flow the error's
                // distribution instead of the label's: it counts for less.
                let known = (errors / resolution).where(present, 0)
                weight = weight / (known.square() + 1)
            }
            return Batch(
                context: try part.context.indexSelect(0, index).to(device),
                labels: try labels.where(present, 0).to(device), present: try present.to(.float32).to(device),
                weight: try weight.to(device))
        }
    }

    package var model: Module { flow }
    package let source: Source
    private let flow: ConditionalFlow

    package init(_ flow: ConditionalFlow, source: Source) {
        self.flow = flow
        self.source = source
    }

    /// Mean over the rows, in nats.
    package func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        let terms = flow.terms(batch.labels, seen: seen(batch.present), given: batch.context)
        return [("loss", (terms * batch.weight).sum() * (-1 / Double(batch.labels.size(0))))]
    }

    /// What later labels may see. In some rows known labels are hidden too: in half of these all of them, as marginal
    /// densities have it, in the others each with one probability that is drawn for the row.
    private func seen(_ present: Tensor) -> Tensor? {
        let configuration = flow.configuration
        guard configuration.fixedOrder else { return nil }
        guard configuration.hiddenLabels > 0 else { return present }
        let rows = present.size(0)
        func draw(_ columns: Int) -> Tensor { Tensor.rand([rows, columns], device: present.device) }
        let hides = draw(1).lt(configuration.hiddenLabels)
        let hidden = draw(present.size(1)).lt(draw(1) * 2).logicalAnd(hides)
        return present * hidden.logicalNot().to(.float32)
    }
}
