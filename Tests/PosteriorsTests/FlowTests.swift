import Foundation
import Support
import Testing
import Torch
@testable import Posteriors

/// Splines of random shapes, in float64.
@Suite(.serialized) struct SplineTests {
    private let spline = RationalQuadraticSpline(bins: 7, bound: 3)

    /// A spline on each of `count` points, of one random shape.
    private func parameters(_ seed: UInt64, count: Int) -> Tensor {
        Generator.seed(seed)
        return Tensor.randn([1, spline.parameterCount], dtype: .float64).expanded([count, -1]) * 1.5
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func risesAndCanBeUndone(seed: UInt64) {
        let x = Tensor.linspace(-5, 5, count: 4001, dtype: .float64)
        let shape = parameters(seed, count: 4001)
        let (y, _) = spline(x, shape)
        let steps = y.narrow(0, start: 1, length: 4000) - y.narrow(0, start: 0, length: 4000)
        #expect(steps.min().item() > 0)
        #expect((spline.inverse(y, shape) - x).abs().max().item() < 1e-9)
    }

    @Test(arguments: [4, 5] as [UInt64]) func slopeIsTheDerivativeAndContinuous(seed: UInt64) {
        let count = 600_001
        let x = Tensor.linspace(-3.5, 3.5, count: count, dtype: .float64)
        let shape = parameters(seed, count: count)
        x.requiresGradient = true
        let (y, logSlope) = spline(x, shape)
        y.sum().backward()
        let slope = x.gradient?.log() ?? x
        #expect((slope - logSlope).abs().max().item() < 1e-9)
        // At the knots too: a jump of the slope would be as large between neighbours however close they are.
        let values = withoutGradient { logSlope.detached() }
        let jumps = (values.narrow(0, start: 1, length: count - 1) - values.narrow(0, start: 0, length: count - 1))
            .abs()
        #expect(jumps.max().item() < 0.02)
    }

    @Test func isTheIdentityOutsideAndWhenNothingIsAsked() {
        let far = Tensor([-9.0, -3.001, 3.001, 40])
        let (y, logSlope) = spline(far, parameters(6, count: 4))
        #expect(y.doubles() == far.doubles() && logSlope.doubles() == [0, 0, 0, 0])
        let near = Tensor([-2.9, -0.3, 0, 1.7])
        let plain = spline(near, Tensor.zeros([4, spline.parameterCount], dtype: .float64))
        #expect((plain.y - near).abs().max().item() < 1e-12 && plain.logSlope.abs().max().item() < 1e-12)
    }
}

/// Flows of random weights: what holds of every flow, trained or not.
@Suite(.serialized) struct ConditionalFlowTests {
    struct Case: CustomStringConvertible, Sendable {
        var kind: FlowConfiguration.Kind
        var fixedOrder: Bool
        var description: String { "\(kind)\(fixedOrder ? ", order kept" : "")" }
    }

    static let cases = FlowConfiguration.Kind.allCases.flatMap { kind in
        [false, true].map { Case(kind: kind, fixedOrder: $0) }
    }

    /// A flow far from the identity, in units that are not standard.
    private func flow(_ one: Case, labels: Int, context: Int = 3, hidden: Int = 20, seed: UInt64 = 7) -> ConditionalFlow
    {
        Generator.seed(seed)
        var configuration = FlowConfiguration(kind: one.kind, fixedOrder: one.fixedOrder)
        (configuration.transforms, configuration.hidden, configuration.bins) = (3, hidden, 6)
        let flow = ConditionalFlow(labels: labels, context: context, configuration)
        withoutGradient { for network in flow.transforms { network.output.weight.value.multiplyInPlace(25) } }
        flow.labelMean.value = Tensor((0..<labels).map { Float($0) * 0.3 })
        flow.labelStd.value = Tensor((0..<labels).map { 1 + Float($0) * 0.2 })
        flow.contextStd.value = Tensor.full([context], 2)
        flow.evaluate()
        return flow
    }

    @Test(arguments: cases) func integratesToOneInOneDimension(one: Case) {
        let flow = flow(one, labels: 1)
        let count = 40_001
        let labels = Tensor.linspace(-20, 20, count: count).unsqueezed(1)
        let density = withoutGradient {
            flow.logDensity(labels, given: Tensor.randn([1, 3]).expanded([count, 3])).exp().sum().item()
        }
        #expect(abs(density * 40 / Double(count - 1) - 1) < 2e-3)
    }

    @Test(arguments: cases) func integratesToOneInTwoDimensions(one: Case) {
        let flow = flow(one, labels: 2)
        let side = 601
        let axis = Tensor.linspace(-12, 12, count: side)
        let grid = Tensor.stack(
            [
                axis.unsqueezed(1).expanded([side, side]).flattened(),
                axis.unsqueezed(0).expanded([side, side]).flattened(),
            ],
            dim: 1)
        let density = withoutGradient {
            flow.logDensity(grid, given: Tensor.randn([1, 3]).expanded([side * side, 3])).exp().sum().item()
        }
        let cell = 24 / Double(side - 1)
        #expect(abs(density * cell * cell - 1) < 5e-3)
    }

    @Test(arguments: cases) func slopesAreTheDeterminantOfTheJacobian(one: Case) throws {
        let flow = flow(one, labels: 3)
        try flow.to(.float64)
        let labels = Tensor.randn([1, 3], dtype: .float64)
        let context = Tensor.randn([1, 3], dtype: .float64)
        labels.requiresGradient = true
        var jacobian: [[Double]] = []
        for j in 0..<3 {
            labels.gradient = nil
            flow.normalised(labels, seen: nil, given: context).values.select(1, j).sum().backward()
            jacobian.append(labels.gradient?.doubles() ?? [])
        }
        let (a, b, c) = (jacobian[0], jacobian[1], jacobian[2])
        let determinant =
            a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
        let slopes = flow.normalised(labels, seen: nil, given: context).logSlopes.sum().item()
        #expect(abs(log(abs(determinant)) - slopes) < 1e-8)
    }

    @Test(arguments: FlowConfiguration.Kind.allCases) func labelsSeeEarlierOnesAlone(kind: FlowConfiguration.Kind)
        throws
    {
        let flow = flow(Case(kind: kind, fixedOrder: true), labels: 5)
        let (labels, context) = (Tensor.randn([4, 5]), Tensor.randn([4, 3]))
        let present = Tensor.ones([4, 5])
        let terms = try flow.logDensities(labels, present: present, given: context)
        let total = flow.logDensity(labels, given: context)
        #expect((terms.sum(dims: [1]) - total).abs().max().item() < 1e-4)
        let marginals = try flow.logMarginals(labels, given: context)
        for j in 0..<5 {
            let only = Tensor((0..<5).map { Float($0 == j ? 1 : 0) })
            let moved = labels + only
            let changed = try flow.logDensities(moved, present: present, given: context)
            let difference = (changed - terms).abs().max(dims: [0]).doubles()
            #expect(difference[..<j].allSatisfy { $0 == 0 } && difference[j...].allSatisfy { $0 > 0 }, "\(j)")
            // Missing, it changes what comes later, whatever stands in its place.
            let holes = labels.maskedFill(only.ne(0), .nan)
            let without = try flow.logDensities(holes, present: present - only, given: context)
            let elsewhere = (without - terms).abs().max(dims: [0]).doubles()
            #expect(elsewhere[..<j].allSatisfy { $0 == 0 } && without.select(1, j).abs().max().item() == 0)
            let movedMarginals = try flow.logMarginals(moved, given: context)
            let others = (movedMarginals - marginals).abs().max(dims: [0]).doubles().enumerated()
            #expect(others.allSatisfy { ($0.element > 0) == ($0.offset == j) })
        }
    }

    @Test func missingLabelsNeedAnOrder() {
        let flow = flow(Case(kind: .maf, fixedOrder: false), labels: 2)
        let (labels, context) = (Tensor.zeros([1, 2]), Tensor.zeros([1, 3]))
        #expect(throws: Diagnostic.self) {
            try flow.logDensities(labels, present: Tensor.ones([1, 2]), given: context)
        }
        #expect(throws: Diagnostic.self) { try flow.logMarginals(labels, given: context) }
    }

    /// The kernel undoes what the transforms do, whatever the sizes.
    @Test(arguments: cases, [(1, 20), (2, 7), (5, 50), (6, 4), (10, 33)])
    func samplesAreWhatTheNoiseStandsFor(one: Case, sizes: (labels: Int, hidden: Int)) throws {
        let flow = flow(one, labels: sizes.labels, hidden: sizes.hidden)
        let (stars, count) = (3, 77)
        let context = Tensor.randn([stars, 3])
        let samples = try flow.samples(count, given: context, seed: 5)
        #expect(samples.shape == [stars, count, sizes.labels])
        Generator.seed(5)
        let noise = Tensor.randn([1, count, sizes.labels]).expanded([stars, count, sizes.labels])
            .reshaped([stars * count, -1])
        let back = withoutGradient {
            flow.normalised(
                samples.reshaped([stars * count, -1]), seen: nil,
                given: context.unsqueezed(1).expanded([stars, count, 3]).reshaped([stars * count, 3])
            ).values
        }
        // Steep pieces magnify the rounding of float32.
        let error = (back - noise).abs()
        #expect(error.mean().item() < 1e-3 && error.max().item() < 0.1)
    }

    @Test(arguments: cases) func samplesFollowTheDensity(one: Case) throws {
        let flow = flow(one, labels: 1)
        let context = Tensor.randn([1, 3])
        let count = 20_000
        let samples = try flow.samples(count, given: context, seed: 3).doubles().sorted()
        let (start, step, points) = (-20.0, 1e-3, 40_001)
        let grid = Tensor.linspace(start, 20, count: points).unsqueezed(1)
        let density = withoutGradient { flow.logDensity(grid, given: context.expanded([points, 3])).exp() }
        let distribution = (density.cumsum(0) * step).doubles()
        let distance =
            samples.enumerated().map { i, value in
                let place = min(max(Int((value - start) / step), 0), points - 1)
                return abs(distribution[place] - (Double(i) + 0.5) / Double(count))
            }.max() ?? 1
        // Kolmogorov-Smirnov at a probability of 1 %, and the grid's own error.
        #expect(distance < 1.63 / Double(count).squareRoot() + 2e-3)
    }

    @Test func drawsRepeatAndLeaveTheGeneratorAlone() throws {
        let flow = flow(Case(kind: .nsf, fixedOrder: false), labels: 2)
        let context = Tensor.randn([2, 3])
        let state = Generator.state().ints()
        let first = try flow.samples(10, given: context, seed: 1)
        #expect(Generator.state().ints() == state)
        #expect(try flow.samples(10, given: context, seed: 1).floats() == first.floats())
        #expect(try flow.samples(10, given: context, seed: 2).floats() != first.floats())
    }

    /// The distribution of few evenly spread draws is that of many random ones.
    @Test(arguments: cases) func evenDrawsAreWorthMany(one: Case) throws {
        let sampler = try FlowEnsemble([1, 2].map { flow(one, labels: 1, seed: $0) }).sampler()
        let context = Tensor.randn([2, 3])
        let few = try sampler.even(200, given: context, seed: 6)
        let many = try sampler(200_000, given: context, seed: 7)
        #expect(few.shape == [2, 200, 1])
        for star in 0..<2 {
            let sorted = few.narrow(0, start: star, length: 1).doubles().sorted()
            let all = many.narrow(0, start: star, length: 1).doubles().sorted()
            for (rank, value) in sorted.enumerated() {
                let below = Double(all.partitioningIndex { $0 >= value }) / Double(all.count)
                #expect(abs(below - (Double(rank) + 0.5) / 200) < 0.012)
            }
        }
        #expect(try sampler.even(1, given: context, seed: 1).shape == [2, 1, 1])
    }

    @Test func anEnsembleIsTheMeanOfItsMembers() throws {
        let members = [UInt64(1), 2, 3].map { flow(Case(kind: .maf, fixedOrder: true), labels: 2, seed: $0) }
        let ensemble = FlowEnsemble(members)
        let (labels, context) = (Tensor.randn([6, 2]), Tensor.randn([6, 3]))
        let mean = Tensor.stack(members.map { $0.logDensity(labels, given: context).exp() }).mean(dims: [0]).log()
        #expect((ensemble.logDensity(labels, given: context) - mean).abs().max().item() < 1e-5)
        let samples = try ensemble.samples(11, given: context, seed: 4)
        #expect(samples.shape == [6, 11, 2])
        let first = try members[0].samples(4, given: context, seed: 4)
        #expect(samples.narrow(1, start: 0, length: 4).floats() == first.floats())
    }
}
