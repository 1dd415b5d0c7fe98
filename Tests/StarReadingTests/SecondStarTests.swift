import Foundation
import Instruments
import LearnedResults
import Spectra
import Support
import TestFiles
import Testing
import Torch
import Training
@testable import SpecCLIP
@testable import StarReading

/// Stars that are added in pairs.
struct SecondStarTests {
    private static let pixels = Instrument.optical.grid.count

    /// Stars with lines of some depths at 4861 and 5175 Å.
    private static func stars(_ count: Int, seed: UInt64) -> AddedStars.Stars {
        var random = SeededGenerator(seed: seed)
        let wavelengths = Instrument.optical.grid.wavelengths
        let depths = (0..<count).map { _ in (0.2 + 0.4 * random.uniform(), 0.1 + 0.3 * random.uniform()) }
        let flux = depths.flatMap { depth in
            wavelengths.map { wavelength in
                func line(_ at: Double, _ depth: Double) -> Double {
                    depth * exp(-0.5 * pow((wavelength - at) / 2, 2))
                }
                return Float(1 - line(4861, depth.0) - line(5175, depth.1) + 0.01 * random.gaussian())
            }
        }
        // A dead pixel, and the end that nobody sees.
        let ivar = depths.flatMap { _ in (0..<pixels).map { Float($0 == 900 || $0 > 4000 ? 0 : 10_000) } }
        return AddedStars.Stars(
            flux: flux, ivar: ivar, temperature: depths.map { 5000 + 3000 * $0.0 },
            extinction: depths.map { _ in 0.3 * random.uniform() })
    }

    /// Nothing but the second star tells pairs from single stars: masks and noise are alike.
    @Test func singleStarsAndPairsDifferInNothingElse() throws {
        let source = AddedStars(.optical, [Self.stars(40, seed: 1)])
        var random = StepRandom(7)
        let batch = try source.batch(.training, rows: Array(0..<64), random: &random)
        #expect(batch.isTwo.floats() == (0..<64).map { Float($0 % 2) })
        let seen = batch.seen.sum(dims: [1]).floats()
        #expect(seen.allSatisfy { $0 < Float(Self.pixels) && $0 > 3900 })
        #expect(batch.flux.floats().allSatisfy { $0.isFinite })
        // Noise in the continuum, of single stars and of pairs.
        let quiet = batch.flux.narrow(1, start: 2600, length: 300).std(dim: 1, unbiased: false, keepDims: false)
            .floats()
        func middle(_ rest: Int) -> Float { quiet.indices.filter { $0 % 2 == rest }.map { quiet[$0] }.sorted()[16] }
        #expect(abs(log(middle(0) / middle(1))) < 0.35, "\(middle(0)), \(middle(1))")
        // Equal words, equal batches.
        var again = StepRandom(7)
        #expect(try source.batch(.training, rows: Array(0..<64), random: &again).flux.floats() == batch.flux.floats())
    }

    /// Stars that temperature alone tells apart lie behind the same dust; where nothing is known there are none.
    @Test func unlikeStarsDifferInTemperatureAlone() {
        let stars = Self.stars(60, seed: 3)
        var random = StepRandom(8)
        var found = 0
        for row in 0..<60 {
            guard let other = stars.unlike(row, &random) else { continue }
            found += 1
            #expect(abs(stars.temperature[other] - stars.temperature[row]) >= 800)
            #expect(abs(stars.extinction[other] - stars.extinction[row]) <= 0.1)
        }
        // Temperatures are spread over 1,200 K: the hottest and the coolest third have such others.
        #expect((10..<50).contains(found), "\(found)")
        let unknown = AddedStars.Stars(
            flux: stars.flux, ivar: stars.ivar, temperature: stars.temperature.map { _ in .nan },
            extinction: stars.extinction)
        #expect(unknown.unlike(0, &random) == nil)
    }

    /// A network learns it, writes itself and is found again.
    @Test(.tags(.learned)) func pairsAreTold() throws {
        let source = AddedStars(.optical, [Self.stars(300, seed: LearnedResults.seed(2))])
        let network = SecondStarNetwork(
            .init(instrument: "optical", pixels: Self.pixels, hidden: [16], stars: 300, data: []))
        Generator.seed(LearnedResults.seed(3))
        (network.mean.value, network.scale.value) = source.level
        var options = TrainingOptions()
        (options.batch, options.length, options.learningRate, options.validateEvery) = (64, .steps(100), 2e-3, 100)
        try SecondStarTask(network, source).trainInPassing(
            options: options, seed: LearnedResults.seed(4), progress: SilentProgress())
        network.evaluate()
        let others = AddedStars(.optical, [Self.stars(200, seed: LearnedResults.seed(5))])
        var random = StepRandom(9)
        let batch = try others.batch(.training, rows: Array(0..<200), random: &random)
        let odds = withoutGradient { network(batch.flux, seen: batch.seen) }.floats()
        let (single, pairs) = (odds.indices.filter { $0 % 2 == 0 }, odds.indices.filter { $0 % 2 == 1 })
        let right = single.reduce(0.0) { sum, one in
            sum + Double(pairs.count { odds[$0] > odds[one] }) / Double(pairs.count)
        }
        expectLearned(right / Double(single.count), above: 0.65, "second stars of formulas: area under the ROC curve")

        let part = try SecondStarNetwork.part([network])
        #expect(part.name == "second-stars" && part.header.contains("\"pixels\":\(Self.pixels)"))
        #expect(part.tensors.allSatisfy { $0.0.hasPrefix("optical.") })
    }
}
