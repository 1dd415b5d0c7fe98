import Foundation
import LearnedResults
import Support
import Testing
import Torch
import Training
@testable import Posteriors

/// Training of flows on data whose posterior is known.
@Suite(.serialized) final class FlowFittingTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "specclip-flows-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// θ ~ N(0, I) in two dimensions, x = A θ + noise: the posterior is a correlated Gaussian of one covariance.
    private struct Gaussian {
        let theta: Tensor
        let x: Tensor
        /// Rows of A.
        static let a = [[1.0, 0.8], [0.2, 1.0]]
        static let noise = 0.6
        /// Covariance (I + Aᵀ A / σ²)⁻¹.
        static let covariance: [[Double]] = {
            let weight = 1 / (noise * noise)
            let p00 = 1 + weight * (a[0][0] * a[0][0] + a[1][0] * a[1][0])
            let p11 = 1 + weight * (a[0][1] * a[0][1] + a[1][1] * a[1][1])
            let p01 = weight * (a[0][0] * a[0][1] + a[1][0] * a[1][1])
            let determinant = p00 * p11 - p01 * p01
            return [[p11 / determinant, -p01 / determinant], [-p01 / determinant, p00 / determinant]]
        }()

        init(_ count: Int, seed: UInt64) {
            Generator.seed(LearnedResults.seed(seed))
            theta = Tensor.randn([count, 2])
            let matrix = Tensor(Self.a.flatMap { $0 }.map(Float.init), shape: [2, 2])
            x = theta.matmul(matrix.transposed()) + Tensor.randn([count, 2]) * Self.noise
        }

        /// Posterior means, `[N, 2]`.
        var means: Tensor {
            let matrix = Tensor(Self.a.flatMap { $0 }.map(Float.init), shape: [2, 2])
            let covariance = Tensor(Self.covariance.flatMap { $0 }.map(Float.init), shape: [2, 2])
            return x.matmul(matrix).matmul(covariance) / (Self.noise * Self.noise)
        }

        /// Analytic log densities of the parameters: of both, and of each alone.
        var logDensity: (joint: Tensor, marginals: Tensor) {
            let d = theta - means
            let c = Self.covariance
            let determinant = c[0][0] * c[1][1] - c[0][1] * c[0][1]
            let (d0, d1) = (d.select(1, 0), d.select(1, 1))
            let square = (d0.square() * c[1][1] - d0 * d1 * (2 * c[0][1]) + d1.square() * c[0][0]) / determinant
            let spreads = Tensor([Float(c[0][0]), Float(c[1][1])])
            return (
                square * -0.5 - (log(2 * .pi) + 0.5 * log(determinant)),
                d.square() / spreads * -0.5 - spreads.log() * 0.5 - 0.5 * log(2 * .pi)
            )
        }
    }

    /// Quick to train: two transforms, a high rate, few epochs.
    private func quick(_ kind: FlowConfiguration.Kind, fixedOrder: Bool = false, epochs: Int = 40) -> FlowConfiguration
    {
        var configuration = FlowConfiguration(kind: kind, fixedOrder: fixedOrder, seed: LearnedResults.seed(42))
        (configuration.transforms, configuration.hidden) = (2, 24)
        (configuration.training.length, configuration.training.learningRate) = (.epochs(epochs), 3e-3)
        configuration.bins = 5
        return configuration
    }

    private func train(
        _ configuration: FlowConfiguration, _ data: FlowData, members: Int = 1, run: String = "run"
    ) throws -> LabelPosterior {
        let fitting = try FlowFitting(configuration, members: members, data: data)
        return try #require(try fitting.run(in: folder.appending(path: run)))
    }

    @Test(.tags(.learned), arguments: FlowConfiguration.Kind.allCases)
    func findsTheGaussianPosterior(kind: FlowConfiguration.Kind) throws {
        let (seen, unseen) = (Gaussian(16_000, seed: 1), Gaussian(2000, seed: 2))
        // Other units than standard ones: 100 θ + 7.
        let data = try FlowData(context: seen.x, labels: seen.theta * 100 + 7)
        let posterior = try train(quick(kind, epochs: 12), data)
        let found = try posterior.logDensity(unseen.theta * 100 + 7, given: unseen.x) + 2 * log(100)
        let excess = (unseen.logDensity.joint - found).mean().item()
        // 0.008 ± 0.005 (maf) and 0.014 ± 0.004 (nsf), 18 runs each.
        expectLearned(abs(excess), below: 0.03, "Gaussian, \(kind): log density")
        let (stars, count) = (50, 8000)
        let drawn = try posterior.sampler()(count, given: unseen.x.narrow(0, start: 0, length: stars), seed: 1)
        let off = (drawn - 7) / 100 - unseen.means.narrow(0, start: 0, length: stars).unsqueezed(1)
        let shift = off.mean(dims: [1]).square().mean().sqrt().item()
        // 0.036 ± 0.008 and 0.040 ± 0.007.
        expectLearned(shift, below: 0.065, "Gaussian, \(kind): means")
        let flat = off.reshaped([stars * count, 2])
        let covariance = (flat.transposed().matmul(flat) / Double(stars * count)).doubles()
        let worst = zip(covariance, Gaussian.covariance.flatMap { $0 }).map { abs($0 - $1) }.max() ?? .infinity
        // 0.012 ± 0.010 and 0.017 ± 0.009.
        expectLearned(worst, below: 0.05, "Gaussian, \(kind): covariance")
    }

    @Test(.tags(.learned)) func learnsFromWhatLabelsThereAre() throws {
        let (seen, unseen) = (Gaussian(5000, seed: 3), Gaussian(2000, seed: 4))
        let holes = seen.theta.maskedFill(Tensor.rand([5000, 2]).lt(0.4), .nan)
        let data = try FlowData(context: seen.x, labels: holes)
        #expect(throws: Diagnostic.self) { try FlowFitting(quick(.maf), data: data) }
        let posterior = try train(quick(.maf, fixedOrder: true), data)
        let truth = unseen.logDensity
        let joint = try posterior.logDensity(unseen.theta, given: unseen.x)
        let marginals = try posterior.logMarginals(unseen.theta, given: unseen.x)
        // 0.014 ± 0.007 and 0.008 ± 0.004 (18).
        expectLearned(abs((truth.joint - joint).mean().item()), below: 0.04, "missing labels: joint density")
        let worst = (truth.marginals - marginals).mean(dims: [0]).abs().max().item()
        expectLearned(worst, below: 0.022, "missing labels: marginal density")
        // Without the first label, what is left is the marginal density of the second.
        let second = unseen.theta.maskedFill(Tensor([Float(1), 0]).ne(0), .nan)
        let left = try posterior.logDensity(second, given: unseen.x)
        #expect((left - marginals.select(1, 1)).abs().max().item() < 1e-5)
    }

    @Test(.tags(.learned)) func poorLabelsCountForLess() throws {
        let seen = Gaussian(3000, seed: 5)
        // Every second row is far off, and says so.
        let isPoor = Tensor.arange(3000).to(.float32).unsqueezed(1).expanded([3000, 2]).contiguous()
        let poor = (isPoor - (isPoor / 2).floor() * 2).ne(0)
        let noise = Tensor.randn([3000, 2]) * 3
        let labels = (seen.theta + noise).where(poor, seen.theta)
        let errors = Tensor.full([3000, 2], 3).where(poor, 0)
        let data = try FlowData(context: seen.x, labels: labels, errors: errors)
        let told = try train(quick(.maf, fixedOrder: true), data)
        let untold = try train(
            quick(.maf, fixedOrder: true), try FlowData(context: seen.x, labels: labels), run: "untold")
        let unseen = Gaussian(1000, seed: 6)
        let best = unseen.logDensity.joint.mean().item()
        func loss(_ posterior: LabelPosterior) throws -> Double {
            best - (try posterior.logDensity(unseen.theta, given: unseen.x).mean().item())
        }
        // 0.038 ± 0.009 and 1.70 ± 0.05 (18).
        expectLearned(try loss(told), below: 0.07, "poor labels: log density lost, errors told")
        expectLearned(try loss(untold), above: 1.5, "poor labels: log density lost, errors untold")
    }

    @Test func comesBackFromItsFile() throws {
        let seen = Gaussian(400, seed: 7)
        let data = try FlowData(context: seen.x, labels: seen.theta, names: ["teff", "logg"], name: "sim.npz")
        let made = try train(quick(.nsf, fixedOrder: true, epochs: 2), data, members: 2)
        let url = folder.appending(path: "posterior.safetensors")
        try made.write(to: url)
        let read = try LabelPosterior(contentsOf: url)
        #expect(read.description == made.description)
        #expect(read.description.labels == ["teff", "logg"] && read.description.members == 2)
        let density = try made.logDensity(seen.theta, given: seen.x)
        #expect(try read.logDensity(seen.theta, given: seen.x).floats() == density.floats())
        let samples = try made.flows.samples(33, given: seen.x, seed: 1)
        #expect(try read.flows.samples(33, given: seen.x, seed: 1).floats() == samples.floats())
        let whole = try Data(contentsOf: url)
        try whole.prefix(whole.count / 2).write(to: url)
        #expect(throws: Diagnostic.self) { try LabelPosterior(contentsOf: url) }
        try SafetensorsFile.write([("a", seen.x)], to: url)
        #expect(throws: Diagnostic.self) { try LabelPosterior(contentsOf: url) }
    }

    /// Numbers of any size: contexts of 10⁻¹⁷, a label of 10⁻²⁰, and a date whose digits 32 bits cannot hold.
    @Test func scalesDoNotMatter() throws {
        let seen = Gaussian(1000, seed: 9)
        let plain = try train(quick(.maf, epochs: 10), try FlowData(context: seen.x, labels: seen.theta), run: "plain")
        let (x, theta) = (
            seen.x.to(.float64) * 1e-17, seen.theta.to(.float64) * Tensor([1e-20, 1e-3]) + Tensor([0, 59_000.0])
        )
        let odd = try train(quick(.maf, epochs: 10), try FlowData(context: x, labels: theta), run: "odd")
        let (own, others) = (
            try plain.sampler()(500, given: seen.x.narrow(0, start: 0, length: 4), seed: 1),
            try odd.sampler()(500, given: x.narrow(0, start: 0, length: 4), seed: 1)
        )
        let back = (others - Tensor([0, 59_000.0])) / Tensor([1e-20, 1e-3])
        let spread = own.std(dim: 1).mean().item()
        #expect((back - own).abs().mean().item() < 0.05 * spread)
        let shift = log(1e-20) + log(1e-3)
        let densities = zip(
            try plain.logDensity(seen.theta, given: seen.x).doubles(), try odd.logDensity(theta, given: x).doubles())
        #expect(densities.allSatisfy { abs($0 - ($1 + shift)) < 0.5 })
    }

    @Test(arguments: [7, 18, 29]) func aResumedRunEndsWithTheSameBits(stop: Int) throws {
        let seen = Gaussian(1000, seed: 8)
        let rows = try FlowData(context: seen.x, labels: seen.theta).rows(Array(0..<1000))
        var configuration = quick(.nsf, fixedOrder: true, epochs: 8)
        configuration.dropout = 0.1
        var options = configuration.training
        options.checkpointSeconds = 0
        func run(_ name: String, dyingAfter stop: Int?) throws -> [[Float]] {
            Generator.seed(1)
            let flow = ConditionalFlow(labels: 2, context: 2, configuration)
            let source = FlowTask.Source(
                training: rows, validation: rows, resolution: Tensor.ones([2]), device: .cpu)
            let task = MortalTask(FlowTask(flow, source: source), after: stop)
            let folder = try RunFolder(self.folder.appending(path: name))
            _ = try Trainer(task, options: options, seed: 9, folder: folder, settings: "").run()
            return flow.stateDictionary().map { $0.1.floats() }
        }
        let whole = try run("whole", dyingAfter: nil)
        #expect(throws: Death.self) { try run("killed", dyingAfter: stop) }
        let resumed = try run("killed", dyingAfter: nil)
        #expect(resumed == whole)
    }

    @Test func badDataIsOneClearLine() throws {
        let seen = Gaussian(100, seed: 9)
        func problem(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        let poisoned = seen.x.maskedFill(Tensor.arange(100).eq(17).unsqueezed(1), .nan)
        #expect(
            problem { _ = try FlowData(context: poisoned, labels: seen.theta, name: "a.npz") }
                == "a.npz: context: row 17 holds a number that is not finite; leave such rows out")
        let empty = seen.theta.maskedFill(Tensor([Float(0), 1]).ne(0), .nan)
        #expect(
            problem { _ = try FlowData(context: seen.x, labels: empty, names: ["teff", "logg"], name: "a.npz") }
                == "a.npz: logg: is known for 0 rows, at least 50 are needed; leave it out or give more rows")
        let few = Gaussian(49, seed: 1)
        #expect(problem { _ = try FlowData(context: few.x, labels: few.theta) }.contains("known for 49 rows"))
        #expect(problem { _ = try FlowData(context: seen.x, labels: few.theta) }.contains("49 rows for 100"))
        let infinite = seen.theta.maskedFill(Tensor.arange(100).eq(5).unsqueezed(1), .infinity)
        #expect(problem { _ = try FlowData(context: seen.x, labels: infinite) }.contains("row 5 is infinite"))
        let errors = Tensor.full([100, 2], -1)
        #expect(
            problem { _ = try FlowData(context: seen.x, labels: seen.theta, errors: errors) }.contains("errors: row 0"))
        let exact = try FlowData(context: seen.x, labels: seen.theta, errors: Tensor.ones([100, 2]), name: "a.npz")
        #expect(
            problem { _ = try FlowFitting(FlowConfiguration(), data: exact) }
                == "a.npz: labels: they have errors; set fixedOrder: true, which can use them")
    }

    @Test func configurationsAreReadStrictly() throws {
        func decode(_ text: String) throws -> FlowConfiguration {
            try JSONDecoder().decode(FlowConfiguration.self, from: Data(text.utf8))
        }
        let plain = try decode("{}")
        #expect(plain == FlowConfiguration())
        let other = try decode(#"{"kind": "maf", "transforms": 3, "training": {"batch": 64}}"#)
        #expect(other.kind == .maf && other.transforms == 3 && other.training.batch == 64 && other.hidden == 50)
        let copy = try JSONDecoder().decode(FlowConfiguration.self, from: try JSONEncoder().encode(other))
        #expect(copy == other)
        for wrong in [
            #"{"transform": 3}"#, #"{"bins": 1}"#, #"{"bins": 65}"#, #"{"dropout": 1}"#, #"{"training": {"batch": 0}}"#,
            #"{"tailBound": 0}"#, #"{"training": {"step": 5}}"#,
        ] {
            #expect(throws: Diagnostic.self, "\(wrong)") { try decode(wrong) }
        }
    }
}

private struct Death: Error {}

/// A task that dies at its n-th training loss.
private final class MortalTask: TrainingTask {
    private let task: FlowTask
    private var left: Int?
    var model: Module { task.model }
    var source: FlowTask.Source { task.source }

    init(_ task: FlowTask, after steps: Int?) {
        self.task = task
        left = steps
    }

    func losses(_ batch: FlowTask.Batch) throws -> [(name: String, value: Tensor)] {
        if model.isTraining, let steps = left {
            if steps == 0 { throw Death() }
            left = steps - 1
        }
        return try task.losses(batch)
    }
}
