import Datasets
import Foundation
import Instruments
import LearnedResults
import SpecCLIP
import Spectra
import Statistics
import Support
import TestFiles
import Testing
import Torch
@testable import StarReading

/// Labels of somebody's own: how they are read and how far off they are said to be.
struct AdaptationTests {
    /// Stars whose model tells two labels and some features.
    private static func stars(_ count: Int, seed: UInt64) -> (input: AdaptationInput, truth: [Double]) {
        var random = SeededGenerator(seed: seed)
        let known = (0..<count).map { _ in [random.normal(), random.normal()] }
        let features = known.map { label in
            [label[0], sin(label[1]), random.normal(), label[0] * label[1]].map { $0 + 0.05 * random.normal() }
        }
        let truth = known.map { $0[0] + 0.5 * $0[1] * $0[1] + 0.1 * random.normal() }
        return (
            AdaptationInput(
                spectra: SpectrumBatch(Tensor.zeros([count, 0])),
                features: Tensor(features.flatMap { $0.map { Float($0) } }, shape: [count, 4]),
                known: Tensor(known.flatMap { $0 }, shape: [count, 2]), snr: [Double](repeating: .nan, count: count)),
            truth
        )
    }

    private static let kernel = KernelPlaces.Kernel(cubic: 10, features: 1, length: 1)

    private static func scatter(_ predictor: KernelPredictor, seed: UInt64 = 2) throws -> Double {
        let (input, truth) = stars(400, seed: seed)
        return robustSigma(zip(try predictor(input).doubles(), truth).map { $0 - $1 })
    }

    private static func learned(_ truth: [Double], _ input: AdaptationInput) throws -> KernelPredictor {
        try KernelPredictor(
            KernelPlaces(input, seed: 1), kernel, input, labels: [truth],
            starWeights: [[Double](repeating: 1, count: truth.count)])
    }

    /// A cubic with noise of 0.1 is found to within little more than that noise, and odd labels change little.
    @Test func aCubicIsFoundAndOddStarsChangeLittle() throws {
        let (input, truth) = Self.stars(300, seed: 1)
        let plain = try Self.scatter(Self.learned(truth, input))
        #expect(plain > 0.09 && plain < 0.12, "\(plain)")
        let odd = truth.enumerated().map { $0.offset % 10 == 0 ? $0.element + 5 : $0.element }
        let robust = try Self.scatter(Self.learned(odd, input))
        #expect(robust < 0.14, "\(robust)")
        // Labels that are not known are none.
        let some = truth.enumerated().map { $0.offset % 3 == 0 ? Double.nan : $0.element }
        #expect(try Self.scatter(Self.learned(some, input)) < 0.125)
    }

    @Test func whatIsReadFromAFileIsTheSame() throws {
        let (input, truth) = Self.stars(120, seed: 1)
        let own = try Self.learned(truth, input)
        let places = KernelPlaces(count: own.places.count, known: 2, features: 4)
        try places.load(Dictionary(uniqueKeysWithValues: own.places.keptTensors()))
        let loaded = KernelPredictor(places, Self.kernel, labels: 1)
        try loaded.load(Dictionary(uniqueKeysWithValues: own.keptTensors(for: [0])), of: [0])
        let (a, b) = (try own(input).doubles(), try loaded(input).doubles())
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    /// Of a star whose label is not known the others tell.
    @Test func aMissingLabelOfTheModelIsTheMeanStars() throws {
        let (input, truth) = Self.stars(120, seed: 1)
        let predictor = try Self.learned(truth, input)
        var missing = input.known.doubles()
        missing[0] = .nan
        let asked = AdaptationInput(
            spectra: input.spectra, features: input.features,
            known: Tensor(missing, shape: [120, 2]), snr: input.snr)
        #expect(try predictor(asked).doubles().allSatisfy(\.isFinite))
    }

    /// Intervals of stars that come later hold what they say, from 30 stars on, whatever the residuals look like.
    @Test(arguments: [30, 100, 400]) func intervalsHoldWhatTheySay(count: Int) {
        var random = SeededGenerator(seed: 77)
        var held = (0, 0, 0)
        for _ in 0..<400 {
            // Each fold is off by a little of its own; residuals are skewed.
            let offsets = (0..<5).map { _ in 0.2 * random.normal() }
            func residual() -> Double { exp(0.6 * random.normal()) - 1.2 }
            let folds = (0..<5).map { fold in (0..<count / 5).map { _ in residual() - offsets[fold] } }
            let scores = FoldScores(folds)
            for _ in 0..<10 {
                let truth = 3 + residual()
                let centres = offsets.map { 3 + $0 }
                func quantile(_ level: Double) -> Double { scores.quantile(level, centres: centres, spread: 1) }
                held.0 += truth > quantile(0.1587) && truth < quantile(0.8413) ? 1 : 0
                held.1 += truth > quantile(0.025) && truth < quantile(0.975) ? 1 : 0
                held.2 += truth < quantile(0.5) ? 1 : 0
            }
        }
        let (inner, outer, half) = (Double(held.0) / 4000, Double(held.1) / 4000, Double(held.2) / 4000)
        #expect(inner > 0.65 && inner < 0.75, "\(inner)")
        #expect(outer > 0.93 && outer < 0.98, "\(outer)")
        #expect(abs(half - 0.5) < 0.04, "\(half)")
    }

    /// Noisy stars are said to be farther off, by as much as they are.
    @Test func errorsFollowTheSignalToNoise() {
        var random = SeededGenerator(seed: 3)
        let snr = (0..<1000).map { _ in pow(10, Double.random(in: 0.8...2, using: &random)) }
        let residuals = snr.map { random.normal() * 10 / $0 }
        let input = AdaptationInput(
            spectra: SpectrumBatch(Tensor.zeros([1000, 0])), features: Tensor.zeros([1000, 0]),
            known: Tensor.zeros([1000, 0], dtype: .float64), snr: snr)
        let spread = SpreadModel(residuals, input)(input)
        let (low, high) = (snr.indices.filter { snr[$0] < 9 }, snr.indices.filter { snr[$0] > 70 })
        let ratio = { (rows: [Int]) in robustSigma(rows.map { residuals[$0] / spread[$0] }) }
        #expect(ratio(low) / ratio(high) > 0.6 && ratio(low) / ratio(high) < 1.7)
        // Of few stars all are as hard.
        let few = AdaptationInput(
            spectra: SpectrumBatch(Tensor.zeros([30, 0])), features: Tensor.zeros([30, 0]),
            known: Tensor.zeros([30, 0], dtype: .float64), snr: Array(snr[..<30]))
        #expect(Set(SpreadModel(Array(residuals[..<30]), few)(few)) == [1])
    }

    @Test func lowRankChangesAreSmallAndMerge() throws {
        Generator.seed(1)
        let map = Sequential([Linear(40, 24), ReLU(), Linear(24, 12)])
        let x = Tensor.randn([5, 40])
        let before = map(x)
        map.addLowRankUpdates(rank: 4)
        #expect(map.parameters().filter { $0.parameter.isTrainable }.allSatisfy { $0.path.contains("update") })
        #expect(zip(map(x).floats(), before.floats()).allSatisfy { $0 == $1 })
        for case let linear as Linear in map.modules() {
            linear.update?.up.value = Tensor.randn(linear.update?.up.shape ?? [])
        }
        let changed = map(x).floats()
        map.mergeLowRankUpdates()
        #expect(map.parameters().count == 4)
        #expect(zip(map(x).floats(), changed).allSatisfy { abs($0 - $1) < 1e-3 })
    }
}

extension SeededGenerator {
    /// A draw from the normal distribution (Box & Muller 1958).
    fileprivate mutating func normal() -> Double {
        (-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform())
    }
}
