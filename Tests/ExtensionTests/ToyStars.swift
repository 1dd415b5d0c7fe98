import Datasets
import Foundation
import Instruments
import LearnedResults
import Spectra
import Support

/// Stars of two numbers, seen by three instruments, few of them by all.
struct ToyStars {
    let instruments: [Instrument]

    /// A star: how hot it is (4500…6500 K) and how old (0…10 Gyr); its lines tell the age.
    struct Star {
        var id: String
        var teff: Double
        var age: Double
    }

    /// Flux density at a wavelength in Å, in units of that at 6000 Å.
    static func flux(_ star: Star, at wavelength: Double) -> Double {
        let colour = pow(wavelength / 6000, -3 * (star.teff - 5500) / 2000)
        let lines = [4340.0, 4861, 5175, 5890, 6280].enumerated().map { i, centre in
            let depth = (0.05 + 0.07 * star.age) * (i % 2 == 0 ? 1 : (star.teff - 4000) / 3000)
            return depth * exp(-0.5 * pow((wavelength - centre) / 40, 2))
        }
        return colour * (1 - lines.reduce(0, +))
    }

    static func star(_ index: Int, _ random: inout SeededGenerator) -> Star {
        Star(id: "toy-\(index)", teff: random.uniform(in: 4500...6500), age: random.uniform(in: 0...10))
    }

    /// A star as an instrument's files have it, wider than its grid.
    static func spectrum(
        _ star: Star, of instrument: Instrument, sigma: Double, _ random: inout SeededGenerator
    ) -> Spectrum {
        let grid = instrument.grid
        let step = grid.medianStep
        let wide = [grid.range.lowerBound - step] + grid.wavelengths + [grid.range.upperBound + step]
        return Spectrum(
            wavelength: wide, flux: wide.map { flux(star, at: $0) + sigma * random.gaussian() },
            ivar: wide.map { _ in 1 / (sigma * sigma) }, sourceID: star.id, origin: star.id)
    }

    /// Writes a data set in which each instrument has seen two stars of three, and every star one instrument at least.
    func write(to url: URL, seed: UInt64) throws {
        let writer = try PairedDataSetWriter(
            creating: url, instruments: instruments, labels: ["teff", "age"], tier: "toy", force: true)
        var random = SeededGenerator(seed: LearnedResults.seed(seed))
        var index = 0
        for (split, count) in [(Split.train, 600), (.validation, 120), (.test, 120)] {
            for _ in 0..<count {
                let star = Self.star(index, &random)
                var row = PairedRow(sourceID: star.id, flux: [:], labels: ["teff": star.teff, "age": star.age])
                let missed = Int(random.next() % UInt64(instruments.count + 1))
                for (place, instrument) in instruments.enumerated() where place != missed {
                    let prepared = try instrument.prepare(
                        Self.spectrum(star, of: instrument, sigma: 0.02, &random))
                    row.flux[instrument.dataSetKey] = prepared.flux
                    row.ivar[instrument.dataSetKey] = prepared.ivar
                }
                try writer.append(split: split, rows: [row])
                index += 1
            }
        }
        try writer.finish()
    }

    /// A configuration of three instruments.
    /// - Parameters:
    ///   - third: name of the third.
    ///   - definition: its definition, where it has to be given.
    ///   - encoder: its encoder.
    ///   - terms: further terms of the objective.
    static func yaml(_ third: String, definition: String?, encoder: String, terms: String = "") -> String {
        func training(_ steps: Int, batch: Int = 64) -> String {
            "{ batch: \(batch), steps: \(steps), learningRate: 4.0e-3, warmup: 20, validateEvery: \(steps / 3) }"
        }
        func section(_ name: String, _ definition: String?, _ encoder: String) -> String {
            """
              \(name):
            \(definition.map { "    definition: \($0)\n" } ?? "")    encoder: \(encoder)
                pretrain: { training: \(training(600)) }
                projection: { kind: mlp, hidden: 32, dropout: 0 }
                decoder: { hidden: [32], dropout: 0 }
                crossDecoder: { hidden: [32], dropout: 0 }

            """
        }
        let plain =
            "{ kind: auto-encoder, hidden: 64, bottleneck: 16, encoderBlocks: 1, decoderBlocks: 1, expansion: 1 }"
        return """
            name: three
            seed: \(LearnedResults.seed(42))
            embedding: 16
            data: three.h5
            instruments:
            \(section("lamost-lrs", nil, plain))\(section("gaia-xp", nil, plain))\(section(third, definition, encoder))
            align:
              objective: { kind: clip-pr\(terms) }
              training: \(training(800, batch: 128))
            labels:
              heads:
                \(third): { names: [teff, age], hidden: [32], dropout: 0, training: \(training(400)) }
            """
    }
}
