import Foundation
import Testing
import SpecCLIP
import Torch

@testable import StellarLabels

@Suite(.serialized) struct FlowTests {
    /// A flow with weights large enough to bend things.
    private func flow(_ kind: FlowConfiguration.Kind, labels: Int, keepsOrder: Bool = false, seed: UInt64 = 1)
        -> ConditionalFlow
    {
        Generator.seed(seed)
        let flow = ConditionalFlow(
            FlowConfiguration(kind: kind, transforms: 3, hidden: 16, bins: 6, keepsOrder: keepsOrder), labels: labels,
            context: 4)
        withoutGradient { for network in flow.transforms { network.output.weight.value.multiplyInPlace(20) } }
        flow.labelMean.value = Tensor((0..<labels).map { Float($0) + 1 }, shape: [labels])
        flow.labelStd.value = Tensor((0..<labels).map { 0.5 + Float($0) }, shape: [labels])
        return flow
    }

    @Test(arguments: 0..<10) func splinesRiseAndReturn(seed: UInt64) {
        Generator.seed(seed)
        let parameters = Tensor.randn([200, 3 * 8 - 1], dtype: .float64) * 2
        let spline = RationalQuadraticSpline(parameters, bins: 8, bound: 3)
        let x = Tensor.rand([200], dtype: .float64) * 8 - 4
        let (y, logDerivative) = spline.forward(x)
        #expect((spline.inverse(y) - x).abs().max().item() < 1e-8)
        #expect((y - x).maskedSelect(x.abs().gt(3)).abs().sum().item() == 0)
        let step = 1e-6
        let slope = (spline.forward(x + step).values - spline.forward(x - step).values) / (2 * step)
        let error = (slope.log() - logDerivative).abs()
        // Only where the difference does not straddle a knot, where the second derivative jumps.
        #expect(error.median().item() < 1e-6 && slope.min().item() > 0)
    }

    @Test(arguments: FlowConfiguration.Kind.allCases) func densitiesIntegrateToOne(_ kind: FlowConfiguration.Kind) {
        let flow = flow(kind, labels: 2)
        let side = 500
        let grid = Tensor.linspace(-40, 44, count: side)
        let (a, b) = (grid.unsqueezed(1).expanded([side, side]), grid.unsqueezed(0).expanded([side, side]))
        let points = Tensor.stack([a.reshaped([-1]), b.reshaped([-1])], dim: 1)
        Generator.seed(7)
        let context = Tensor.randn([1, 4]).expanded([side * side, 4])
        let density = withoutGradient { flow.logDensity(points, given: context).exp() }
        let cell = Foundation.pow(84.0 / Double(side - 1), 2)
        #expect(abs(density.to(.float64).sum().item() * cell - 1) < 0.03)
    }

    /// What the change of variables claims, against the Jacobian by differences.
    @Test(arguments: FlowConfiguration.Kind.allCases, [true, false])
    func laterLabelsDoNotMatter(_ kind: FlowConfiguration.Kind, keepsOrder: Bool) {
        let flow = flow(kind, labels: 4, keepsOrder: keepsOrder)
        Generator.seed(3)
        let (labels, context) = (Tensor.randn([50, 4]), Tensor.randn([50, 4]))
        guard keepsOrder else { return }
        let moved = labels + Tensor([0, 0, 0.7, 0.7] as [Float], shape: [1, 4])
        let (a, b) = (
            flow.logDensities(labels, present: nil, given: context),
            flow.logDensities(moved, present: nil, given: context)
        )
        let difference = (a - b).abs().max(dims: [0]).doubles()
        #expect(difference[0] == 0 && difference[1] == 0 && difference[2] > 0 && difference[3] > 0)
    }

    @Test(arguments: FlowConfiguration.Kind.allCases, [true, false])
    func samplesFollowTheDensity(_ kind: FlowConfiguration.Kind, keepsOrder: Bool) {
        let flow = flow(kind, labels: 3, keepsOrder: keepsOrder)
        Generator.seed(5)
        let context = Tensor.randn([2, 4])
        let samples = flow.samples(Tensor.randn([20_000, 3]), given: context)
        #expect(samples.shape == [2, 20_000, 3])
        // E[q/p] over samples of p is 1 for any density q: here the Gaussian with the samples' own moments, widened less.
        let points = samples.select(0, 1)
        let mean = points.mean(dims: [0])
        let std = points.std(dim: 0) * 0.5
        let gaussian = (((points - mean) / std).square() * -0.5 - std.log() - 0.9189385332).sum(dims: [1])
        let own = withoutGradient {
            flow.logDensity(points, given: context.narrow(0, start: 1, length: 1).expanded([20_000, 4]))
        }
        let ratio = (gaussian - own).to(.float64).exp()
        let error = ratio.std().item() / 20_000.0.squareRoot()
        #expect(abs(ratio.mean().item() - 1) < 5 * error + 0.02, "\(ratio.mean().item()) ± \(error)")
    }

    @Test func missingLabelsAreLeftOut() {
        let flow = flow(.nsf, labels: 3, keepsOrder: true)
        Generator.seed(3)
        let (labels, context) = (Tensor.randn([20, 3]), Tensor.randn([20, 4]))
        let present = Tensor([1, 0, 1] as [Float], shape: [1, 3]).expanded([20, 3])
        let moved = labels + Tensor([0, 5, 0] as [Float], shape: [1, 3])
        let a = flow.logDensities(labels, present: present, given: context)
        let b = flow.logDensities(moved, present: present, given: context)
        #expect((a - b).abs().max().item() == 0 && a.select(1, 1).abs().max().item() == 0)
        let whole = flow.logDensities(labels, present: nil, given: context)
        #expect((a.select(1, 0) - whole.select(1, 0)).abs().max().item() == 0)
        #expect((a.select(1, 2) - whole.select(1, 2)).abs().max().item() > 0)
    }
}
