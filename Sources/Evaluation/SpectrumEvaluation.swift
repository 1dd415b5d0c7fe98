import Datasets
import Foundation
import SpecCLIP
import Spectra
import StarReading
import Statistics
import Support
import Tables
import Torch

/// How right the spectra are that a model draws, beside what simpler ways give.
public struct SpectrumEvaluation {
    private let training: ObservedKnowledge, held: ObservedKnowledge
    private let tier: String

    /// Reads the stars of a data set.
    /// - Parameters:
    ///   - reader: of the model.
    ///   - data: the data set; its training split is what the simpler ways know.
    ///   - split: stars that were kept apart.
    ///   - limit: at most so many, evenly sampled.
    public init(_ reader: StarReader, _ data: PairedDataSet, split: Split, limit: Int) throws {
        let labels = reader.modelLabels.filter { $0.name != RadialVelocity.label }
        training = try ObservedKnowledge(reader, data, .train, labels: labels, limit: 4000)
        held = try ObservedKnowledge(reader, data, split, labels: labels, limit: limit)
        tier = data.tier
    }

    /// Samples that energy scores are made of.
    private static let draws = 100
    private static let block = 32
    /// Neighbours, of which each gives a sample.
    private static let neighbours = 50

    /// The scores of one instrument's spectra, by what is known.
    public func scores(of target: Instrument, by generator: SpectrumGenerator) throws -> [SpectrumScore] {
        let key = target.embeddingKey
        let rows = held.rows(seenBy: target)
        guard let all = held.flux[key], let errors = held.ivar[key], !rows.isEmpty else { return [] }
        let (flux, ivar) = (all.rows(rows), errors.rows(rows))
        let snr = rows.map { held.signalToNoise(of: target)[$0] }
        let known = held.known.rows(rows).without(target)
        var kinds: [(String, SpectrumKnowledge)] = [("nothing", known.withoutSpectra().withoutLabels())]
        let others = known.instruments
        if !others.isEmpty { kinds.append((others.joined(separator: "+"), known.withoutLabels())) }
        if !known.labelNames.isEmpty { kinds.append(("labels", known.withoutSpectra())) }
        if !others.isEmpty, !known.labelNames.isEmpty {
            kinds.append((others.joined(separator: "+") + ", labels", known))
        }
        var scores = try kinds.map { kind, known in
            try score("drawn from " + kind, target, flux, ivar, snr) { rows in
                try generator.distribution(known.rows(rows))
            }
        }
        // Every other tenth of the spectrum itself, of which the others are judged.
        let pixels = target.grid.count
        let shown = (0..<pixels).map { $0 * 10 / pixels % 2 == 0 ? Float(1) : 0 }
        let mask = Tensor(shown, shape: [1, pixels])
        let (nothing, told) = (known.withoutSpectra().withoutLabels(), ivar * mask)
        scores.append(
            try score("every other tenth", target, flux, ivar * (1 - mask), snr) { rows in
                try generator.distribution(nothing.rows(rows)).given(flux.rows(rows), ivar: told.rows(rows))
            })
        scores += try simple(target, flux, ivar, snr, known)
        return scores
    }

    private func score(
        _ name: String, _ target: Instrument, _ flux: Tensor, _ ivar: Tensor, _ snr: [Double],
        _ distribution: ([Int]) throws -> SpectrumDistribution
    ) throws -> SpectrumScore {
        var tally = CoverageTally(snr)
        var (likelihoods, energies): ([Double], [Double]) = ([], [])
        for start in stride(from: 0, to: flux.size(0), by: Self.block) {
            try Interruption.check()
            let length = min(Self.block, flux.size(0) - start)
            let (own, errors) = (
                flux.narrow(0, start: start, length: length), ivar.narrow(0, start: start, length: length)
            )
            let drawn = try distribution(Array(start..<start + length))
            likelihoods += try drawn.logLikelihood(own, ivar: errors).doubles()
            let step = max(1, flux.size(1) / 100)
            let seed = UInt64(start)
            tally.add(try drawn.probabilities(own, ivar: errors, seed: seed, every: step), from: start)
            tally.add(sums: try drawn.sumProbabilities(own, ivar: errors, seed: seed))
            energies += try Self.energies(drawn.samples(Self.draws, seed: seed), own, errors)
        }
        return SpectrumScore(
            name: name, target: target.name, tier: tier, stars: flux.size(0), logLikelihood: median(likelihoods),
            energy: median(energies), coverage: tally.coverage)
    }

    /// The energy score E|X − x| − ½ E|X − X′| of samples, per root of the observed pixels (Gneiting & Raftery 2007, JASA 102, 359).
    /// - Parameter samples: `[B, n, pixels]`.
    private static func energies(_ samples: Tensor, _ flux: Tensor, _ ivar: Tensor) throws -> [Double] {
        try catchingTorchErrors {
            withoutGradient {
                let seen = ivar.gt(0).logicalAnd(samples.select(1, 0).isnan().logicalNot())
                let mark = seen.to(.float32)
                let level = flux.abs().where(seen, 1).clamp(min: 1e-2)
                // Relative to what is observed: a red star's flux is a hundred times a blue one's.
                let weight = (mark / level).unsqueezed(1)
                let drawn = samples.maskedFill(samples.isnan(), 0) * weight
                let own = (flux * mark / level).unsqueezed(1)
                let apart = (drawn - own).square().sum(dims: [2]).sqrt().mean(dims: [1])
                let shifted = Tensor.cat(
                    [drawn.narrow(1, start: 1, length: drawn.size(1) - 1), drawn.narrow(1, start: 0, length: 1)], dim: 1
                )
                let spread = (drawn - shifted).square().sum(dims: [2]).sqrt().mean(dims: [1])
                let pixels = mark.sum(dims: [1]).clamp(min: 1).sqrt()
                return ((apart - spread * 0.5) / pixels).doubles()
            }
        }
    }

    // MARK: - Simpler ways

    /// Spectra of training stars: any, the nearest; and a Gaussian about a function of the labels.
    private func simple(
        _ target: Instrument, _ flux: Tensor, _ ivar: Tensor, _ snr: [Double], _ known: SpectrumKnowledge
    ) throws -> [SpectrumScore] {
        let key = target.embeddingKey
        let rows = training.rows(seenBy: target)
        guard target.leastCoverage == nil, let all = training.flux[key], rows.count > Self.neighbours else { return [] }
        let own = all.rows(rows)
        let stars = training.known.rows(rows).without(target)
        func energy(_ name: String, _ samples: (Int, Int) throws -> Tensor) throws -> SpectrumScore {
            var energies: [Double] = []
            for start in stride(from: 0, to: flux.size(0), by: Self.block) {
                let length = min(Self.block, flux.size(0) - start)
                energies += try Self.energies(
                    samples(start, length), flux.narrow(0, start: start, length: length),
                    ivar.narrow(0, start: start, length: length))
            }
            return SpectrumScore(
                name: name, target: target.name, tier: tier, stars: flux.size(0), logLikelihood: nil,
                energy: median(energies), coverage: nil)
        }
        var random = SeededGenerator(seed: 7)
        let any = (0..<Self.draws).map { _ in Int64(Int.random(in: 0..<rows.count, using: &random)) }
        let anyone = own.indexSelect(0, Tensor(any, shape: [any.count])).unsqueezed(0)
        var scores = [
            try energy("any training star") { _, length in anyone.expanded([length, any.count, own.size(1)]) }
        ]
        if let summaries = stars.standardisedSummaries(like: known) {
            scores.append(
                try energy("\(Self.neighbours) nearest neighbours") { start, length in
                    let queries = summaries.queries.narrow(0, start: start, length: length)
                    let squares = summaries.stars.square().sum(dims: [1]).unsqueezed(0)
                    let distances = squares - queries.matmul(summaries.stars.transposed()) * 2
                    let nearest = (distances * -1).topk(Self.neighbours, dim: 1).indices.reshaped([
                        length * Self.neighbours
                    ])
                    return own.indexSelect(0, nearest).reshaped([length, Self.neighbours, own.size(1)])
                })
        }
        if let design = stars.quadraticLabels(like: known) {
            // By ridge regression in the logarithm, and with the residuals of training stars about it.
            let logs = own.clamp(min: 1e-3).log()
            let matrix = design.stars.transposed().matmul(design.stars) + Tensor.eye(design.stars.size(1)) * 1e-2
            let weights = matrix.to(.float64).solving(design.stars.transposed().matmul(logs).to(.float64)).to(.float32)
            let residuals = (logs - design.stars.matmul(weights)).indexSelect(0, Tensor(any, shape: [any.count]))
            scores.append(
                try energy("quadratic in the labels") { start, length in
                    let centre = design.queries.narrow(0, start: start, length: length).matmul(weights)
                    return (centre.unsqueezed(1) + residuals.unsqueezed(0)).clamp(min: -9, max: 9).exp()
                })
        }
        return scores
    }
}

/// Shares of observed pixels within intervals, by wavelength and signal to noise.
struct CoverageTally {
    /// Quarter of S/N of each star.
    private let quarters: [Int]
    /// By quarter and tenth: within 68 %, within 95 %, all.
    private var cells = [[Int]](repeating: [0, 0, 0], count: 40)
    private var sums = [0, 0, 0]

    init(_ snr: [Double]) {
        let order = snr.indices.sorted { (snr[$0].isFinite ? snr[$0] : 0) < (snr[$1].isFinite ? snr[$1] : 0) }
        var quarters = [Int](repeating: 0, count: snr.count)
        for (place, star) in order.enumerated() { quarters[star] = place * 4 / max(1, snr.count) }
        self.quarters = quarters
    }

    private static func count(_ value: Float, _ cell: inout [Int]) {
        guard value.isFinite else { return }
        cell[2] += 1
        if abs(value - 0.5) < 0.34134 { cell[0] += 1 }
        if abs(value - 0.5) < 0.475 { cell[1] += 1 }
    }

    /// - Parameter probabilities: `[B, pixels]` of the stars from `start` on.
    mutating func add(_ probabilities: Tensor, from start: Int) {
        let (values, pixels) = (probabilities.floats(), probabilities.size(1))
        for (place, value) in values.enumerated() {
            let (star, pixel) = (place / pixels, place % pixels)
            Self.count(value, &cells[quarters[start + star] * 10 + pixel * 10 / pixels])
        }
    }

    /// - Parameter probabilities: of random sums of pixels, any shape.
    mutating func add(sums probabilities: Tensor) {
        for value in probabilities.floats() { Self.count(value, &sums) }
    }

    var coverage: SpectrumScore.Coverage {
        func share(_ cell: [Int], _ place: Int) -> Double { cell[2] > 0 ? Double(cell[place]) / Double(cell[2]) : .nan }
        let whole = cells.reduce([0, 0, 0]) { zip($0, $1).map { $0 + $1 } }
        // Cells with hardly any pixel say nothing.
        let full = cells.filter { $0[2] > 300 }
        func ends(_ place: Int) -> [Double] {
            let all = full.map { share($0, place) }
            return [all.min() ?? .nan, all.max() ?? .nan]
        }
        return .init(
            within68: share(whole, 0), within95: share(whole, 1), range68: ends(0), range95: ends(1),
            sums68: share(sums, 0), sums95: share(sums, 1))
    }
}

/// How right drawn spectra are.
public struct SpectrumScore: Codable, Sendable {
    /// Shares of observed pixels within intervals.
    public struct Coverage: Codable, Sendable {
        /// Of all pixels.
        public var within68: Double, within95: Double
        /// Least and greatest of any tenth of the wavelengths in any quarter of S/N.
        public var range68: [Double], range95: [Double]
        /// Of random sums of pixels.
        public var sums68: Double, sums95: Double
    }

    /// What they were drawn from, or what else they are.
    public var name: String
    /// Whose spectra they are, and how real the stars are.
    public var target: String, tier: String
    /// Stars.
    public var stars: Int
    /// Median log likelihood of a star's spectrum; nil where there is none.
    public var logLikelihood: Double?
    /// Median energy score, relative to the observed flux; small is good.
    public var energy: Double
    /// Shares within intervals; nil of what has none.
    public var coverage: Coverage?

    /// As a table for people.
    public static func table(_ scores: [SpectrumScore]) -> Table {
        func ends(_ values: [Double]?) -> String {
            values.map { $0.map { fixed($0, 2) }.joined(separator: "–") } ?? ""
        }
        return Table([
            Column("spectra of", .text(scores.map(\.target))), Column("from", .text(scores.map(\.name))),
            Column("stars", .integers(scores.map(\.stars))),
            Column("log L", .numbers(scores.map { $0.logLikelihood ?? .nan }), digits: 1),
            Column("energy", .numbers(scores.map(\.energy)), digits: 4),
            Column("68 %", .numbers(scores.map { $0.coverage?.within68 ?? .nan }), digits: 3),
            Column("cells", .text(scores.map { ends($0.coverage?.range68) })),
            Column("95 %", .numbers(scores.map { $0.coverage?.within95 ?? .nan }), digits: 3),
            Column("cells 95", .text(scores.map { ends($0.coverage?.range95) })),
            Column("sums", .numbers(scores.map { $0.coverage?.sums68 ?? .nan }), digits: 3),
        ])
    }
}
