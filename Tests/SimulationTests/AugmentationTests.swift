import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Simulation
@testable import Spectra
@testable import Support

@Suite("Augmentation")
struct AugmentationTests {
    private let flat = [Float](repeating: 1, count: Instrument.gaiaXP.grid.count)

    /// A continuum with one absorption line.
    private func line(at pixel: Double, of instrument: Instrument = .lamostLRS) -> [Float] {
        (0..<instrument.grid.count).map { Float(1 - 0.5 * exp(-0.5 * pow((Double($0) - pixel) / 4, 2))) }
    }

    @Test("Without parts nothing changes, whatever the spectrum", arguments: 0..<5)
    func nothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let flux = (0..<343).map { _ in Float(generator.gaussian()) }
        let result = Augmentation()(flux, ivar: nil, of: .gaiaXP, using: &generator)
        #expect(result.flux == flux && result.clean == flux && result.labels.isEmpty)
    }

    @Test("The velocity it tells is the one by which lines moved", arguments: 0..<20)
    func velocity(seed: UInt64) throws {
        var augmentation = Augmentation()
        augmentation.observing = ObservingConditions()
        var generator = SeededGenerator(seed: seed)
        let result = augmentation(line(at: 700), ivar: nil, of: .lamostLRS, using: &generator)
        let depths = result.clean.map { Double(1 - $0) }
        let total = depths.reduce(0, +)
        let centre = depths.indices.reduce(0.0) { $0 + Double($1) * depths[$1] } / total
        let velocity = try #require(result.labels["rv"])
        let grid = Instrument.lamostLRS.grid
        let measured = 299_792.458 * (grid.wavelength(at: centre) / grid.wavelength(at: 700) - 1)
        #expect(abs(measured - velocity) < 1)
    }

    @Test("Spectra that were observed are moved with their errors, by what is told", arguments: 0..<20)
    func observedVelocity(seed: UInt64) throws {
        var augmentation = Augmentation()
        augmentation.velocity = 300
        var generator = SeededGenerator(seed: seed)
        let instrument = Instrument.optical
        let flux = line(at: 700, of: instrument)
        var ivar = flux.map { _ in Float(100) }
        for pixel in 1000..<1020 { ivar[pixel] = 0 }
        let result = augmentation(flux, ivar: ivar, of: instrument, using: &generator)
        let velocity = try #require(result.labels["rv"])
        #expect(abs(velocity) <= 300 && result.flux == result.clean)
        let back = instrument.atRest(result.flux, removing: velocity)
        #expect(zip(flux, back).dropFirst(10).dropLast(10).allSatisfy { abs($0 - $1) < 2e-3 })
        let errors = try #require(result.ivar)
        let bad = (100..<3900).filter { errors[$0] == 0 }
        #expect(bad.count == 20)
        #expect(abs(Double(bad[0] - 1000) - velocity / 69.03) < 0.6)
    }

    /// The margin was that of the LRS grid: at 500 km/s, finer pixels than 6e-5 dex did not hold the shift and stopped the
    /// process, somewhat coarser ones cut the blur off.
    @Test(
        "Fast stars are observed on grids of any step, and their lines move as told",
        arguments: [3e-4, 7e-5, 5e-5, 1e-5])
    func fastStarsOnFineGrids(step: Double) throws {
        var fine = Instrument.lamostLRS
        fine.name = "fine"
        // 5000 to 5236 Å or more.
        let count = Int(max(200, 0.02 / step))
        fine.grid = .logarithmic(log10Start: log10(5000), step: step, count: count)
        var augmentation = Augmentation()
        augmentation.observing = ObservingConditions()
        augmentation.observing?.uniformVelocityShare = 0
        // Nearly every draw lies beyond the limit of 500 km/s.
        augmentation.observing?.velocitySigma = 1e5
        let middle = Double(count) / 2
        let width = 1e-4 / step * 4
        let flux = (0..<count).map { Float(1 - 0.5 * exp(-0.5 * pow((Double($0) - middle) / width, 2))) }
        for seed in 0..<6 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = augmentation(flux, ivar: nil, of: fine, using: &generator)
            #expect(result.flux.count == count)
            let velocity = try #require(result.labels["rv"])
            #expect(abs(velocity) > 400)
            let depths = result.clean.map { Double(1 - $0) }
            let total = depths.reduce(0, +)
            let centre = depths.indices.reduce(0.0) { $0 + Double($1) * depths[$1] } / total
            let measured = 299_792.458 * (fine.grid.wavelength(at: centre) / fine.grid.wavelength(at: middle) - 1)
            #expect(abs(measured - velocity) < 2, "\(step): \(measured) \(velocity)")
        }
    }

    @Test("Noise, sky and gaps are in what is shown and not in what is to be found")
    func clean() {
        var augmentation = Augmentation()
        augmentation.observing = ObservingConditions()
        augmentation.observing?.lrsSignalToNoise = 30
        augmentation.observing?.lrsSignalToNoiseSpread = 0
        var generator = SeededGenerator(seed: 3)
        let result = augmentation(line(at: 700), ivar: nil, of: .lamostLRS, using: &generator)
        // 4400–5500 Å, where the S/N is meant.
        let part = 420..<1380
        let noise = part.map { Double(result.flux[$0] - result.clean[$0]) }
        let rms = (noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)).squareRoot()
        #expect(abs(rms * 30 - 1) < 0.25)
        augmentation = Augmentation()
        augmentation.skyResiduals = 1
        augmentation.gaps = 1
        let spoilt = augmentation(line(at: 700), ivar: nil, of: .lamostLRS, using: &generator)
        #expect(spoilt.clean == line(at: 700) && spoilt.flux != spoilt.clean)
    }

    /// A(λ)/A_V of Cardelli, Clayton & Mathis (1989), table 3, R_V = 3.1; in B, 1 + 1/R_V by definition.
    @Test(
        "The extinction curve is the published one",
        arguments: [
            (2.78, 1.569), (2.27, 1.323), (1.82, 1.000), (1.43, 0.751), (1.11, 0.479), (0.80, 0.282), (0.63, 0.190),
            (0.46, 0.114),
        ])
    func extinctionCurve(inverseMicrons: Double, ratio: Double) {
        #expect(abs(ExtinctionCurve.relative(1e4 / inverseMicrons) - ratio) < 0.006)
    }

    @Test("Reddening keeps the flux at the reference pixel and tells A_K", arguments: 0..<20)
    func reddening(seed: UInt64) {
        var augmentation = Augmentation()
        augmentation.extinction = 0.5
        var generator = SeededGenerator(seed: seed)
        let result = augmentation(flat, ivar: nil, of: .gaiaXP, using: &generator)
        // 550 nm is pixel 107 of 2 nm from 336 nm.
        #expect(abs(result.flux[107] - 1) < 1e-4)
        guard let aK = result.labels["a_k"] else { return #expect(result.flux == flat) }
        let colour = -2.5 * log10(Double(result.flux[52] / result.flux[107]))
        let wanted =
            aK / ExtinctionCurve.relative(21_600)
            * (ExtinctionCurve.relative(4400) - ExtinctionCurve.relative(5500))
        #expect(aK > 0 && abs(colour - wanted) < 1e-3)
    }

    @Test("A spectrum's own noise follows its errors")
    func ownNoise() {
        var augmentation = Augmentation()
        augmentation.ownNoise = 1
        var sum = 0.0
        var generator = SeededGenerator(seed: 1)
        let ivar = (0..<343).map { Float($0 < 100 ? 0 : 400) }
        for _ in 0..<300 {
            let result = augmentation(flat, ivar: ivar, of: .gaiaXP, using: &generator)
            #expect(result.flux[0..<100] == flat[0..<100])
            sum += (100..<343).reduce(0.0) { $0 + pow(Double(result.flux[$1] - 1) * 20, 2) } / 243
        }
        // The strength is uniform in 0…1: its mean square is 1/3.
        #expect(abs(sum / 300 - 1.0 / 3) < 0.06)
    }

    /// Errors move with the spectrum that they are of, and are those of the pixel that they reach.
    @Test("A moved spectrum's own noise moves with it")
    func ownNoiseMoves() throws {
        var augmentation = Augmentation()
        (augmentation.velocity, augmentation.ownNoise) = (500, 1)
        let ivar = (0..<1462).map { Float($0 < 700 ? 1e8 : 400) }
        let flux = [Float](repeating: 1, count: 700) + [Float](repeating: 0.02, count: 762)
        var (seen, sum, pixels) = (0, 0.0, 0)
        for seed in 0..<200 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = augmentation(flux, ivar: ivar, of: .lamostLRS, using: &generator)
            let moved = try #require(result.labels["rv"])
            guard abs(moved) > 100 else { continue }
            seen += 1
            let edge = 700 + Int((moved / 299_792.458 / log(10.0) / 1e-4).rounded())
            let left = (50..<edge - 5).map { abs(result.flux[$0] - result.clean[$0]) }.max() ?? 1
            #expect(left < 1e-3, "\(moved) km/s: \(left)")
            for pixel in edge + 5..<1400 {
                sum += pow(Double(result.flux[pixel] - result.clean[pixel]) * 20, 2)
                pixels += 1
            }
        }
        #expect(seen > 40 && abs(sum / Double(pixels) - 1.0 / 3) < 0.1, "\(sum / Double(pixels))")
    }

    @Test("Half of the moved spectra stay near rest")
    func nearRest() throws {
        var augmentation = Augmentation()
        augmentation.velocity = 300
        var generator = SeededGenerator(seed: 2)
        let velocities = try (0..<400).map { _ in
            try #require(augmentation(line(at: 700), ivar: nil, of: .lamostLRS, using: &generator).labels["rv"])
        }
        let near = Double(velocities.count { abs($0) <= 20 }) / 400
        #expect(
            abs(near - 0.533) < 0.08 && velocities.contains { abs($0) > 250 }
                && velocities.allSatisfy { abs($0) <= 300 })
    }

    @Test("Equal seeds, equal spectra; whatever is drawn stays finite", arguments: 0..<40)
    func deterministic(seed: UInt64) {
        var augmentation = Augmentation()
        augmentation.observing = ObservingConditions()
        augmentation.continuumWarp = 0.02
        (augmentation.skyResiduals, augmentation.gaps) = (0.5, 0.5)
        var (first, second) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
        let a = augmentation(line(at: 300), ivar: nil, of: .lamostLRS, using: &first)
        let b = augmentation(line(at: 300), ivar: nil, of: .lamostLRS, using: &second)
        #expect(a.flux == b.flux && a.labels == b.labels)
        #expect(a.flux.count == 1462 && a.flux.allSatisfy(\.isFinite) && a.clean.allSatisfy(\.isFinite))
    }

    @Test(
        "Mixtures of MILES stars: many to train on, real stars held out, none of them in the mixtures",
        .enabled(if: LibraryStore().contains(.mangaTemplates), "MILES is not in the cache: specclip data fetch"))
    func mixtures() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("lrs.h5")
        try PairMaker(.milesMixtures, options: PairOptions(limit: 700)).write(to: url)
        let data = try PairedDataSet(opening: url)
        #expect(data.tier == "miles-mixtures" && data.count(.train) > 400 && data.count(.test) > 100)
        let flux = try data.spectra(.lamostLRS, split: .train, range: 0..<400).flux
        #expect(flux.allSatisfy { $0.isFinite && $0 > -1 && $0 < 3 })
        let heldOut = Set(try data.sourceIDs(.test) + data.sourceIDs(.validation))
        let mixed = try data.sourceIDs(.train).compactMap {
            $0.split(separator: "-").dropFirst(2).first.map(String.init)
        }
        #expect(!mixed.isEmpty && heldOut.isDisjoint(with: mixed))
        let temperatures = try data.labels("teff", split: .train)
        #expect(Set(temperatures).count > 300 && temperatures.contains { $0 > 8000 })
    }
}
