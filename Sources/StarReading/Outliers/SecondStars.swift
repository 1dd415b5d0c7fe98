import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Tells from a spectrum whether two stars gave it: a small network that learned from real stars, added in pairs.
///
/// Double-lined binaries look like no single star (El-Badry et al. 2018, MNRAS 473, 5043). What looks so need not be labelled, since
/// light adds up: any two stars make an example.
final class SecondStarNetwork: Module, @unchecked Sendable {
    /// What it is made of, and what it learned from.
    struct Description: Codable, Sendable, Hashable {
        /// `embeddingKey`, and the pixels of its grid.
        var instrument: String, pixels: Int
        /// Widths of the hidden layers.
        var hidden: [Int]
        /// Stars that were added, and hashes of the data sets that they are of.
        var stars: Int, data: [String]

        var isPossible: Bool {
            (1...1_000_000).contains(pixels) && !hidden.isEmpty && hidden.allSatisfy { (1...8192).contains($0) }
        }
    }

    let about: Description
    let layers: Sequential
    /// Of each pixel over the training spectra, `[P]`.
    let mean: Buffer, scale: Buffer

    static let part = "second-stars"

    init(_ about: Description) {
        self.about = about
        var (layers, width): ([any Layer], Int) = ([Dropout(0.1)], about.pixels)
        for next in about.hidden {
            layers += [Linear(width, next), GELU(), Dropout(0.3)]
            width = next
        }
        self.layers = Sequential(layers + [Linear(width, 1)])
        mean = Buffer(Tensor.zeros([about.pixels]))
        scale = Buffer(Tensor.ones([about.pixels]))
        super.init()
    }

    /// Log odds of two stars against one, where either is as likely beforehand, `[B]`.
    /// - Parameters:
    ///   - flux: prepared and at rest, `[B, P]`.
    ///   - seen: 1 for pixels that carry information, else 0, `[B, P]`.
    func callAsFunction(_ flux: Tensor, seen: Tensor) -> Tensor {
        let standardised = ((flux - mean.value) / scale.value).clamp(min: -Self.farthest, max: Self.farthest)
        return layers(standardised * seen).squeezed(1)
    }

    /// A single pixel is no star.
    private static let farthest = 8.0

    // MARK: - The file

    /// The network of an instrument; nil where the file has none.
    convenience init?(_ file: ModelFile, of instrument: Instrument) throws {
        let all: [String: Description] = try file.modules(of: Self.part) {
            $0.isPossible && ($0.instrument != instrument.embeddingKey || $0.pixels == instrument.grid.count)
        }
        guard let about = all[instrument.embeddingKey] else { return nil }
        self.init(about)
        try file.load(self, part: "\(Self.part).\(instrument.embeddingKey)")
        evaluate()
    }

    /// The part of a model file that holds networks.
    static func part(_ networks: [SecondStarNetwork]) throws -> ModelFilePart {
        try ModelFilePart(name: part, modules: networks.map { ($0.about.instrument, $0.about, $0) })
    }
}

// MARK: - Learning

/// Learns what two stars in one spectrum look like.
public struct SecondStarFit {
    private let reader: StarReader
    private let steps: Int, seed: UInt64
    private let progress: any ProgressSink
    private var parts: [ObservedKnowledge] = []
    private var hashes: [String] = []

    /// - Parameters:
    ///   - reader: of the model that brings spectra to rest.
    ///   - steps: optimiser steps. More of them learn stars by heart: among a thousand real ones, which are the normal stars too, new ones
    ///     then look odd too often.
    ///   - seed: equal seeds give equal results.
    ///   - progress: where to report.
    public init(
        _ reader: StarReader, steps: Int = 1500, seed: UInt64 = 42, progress: any ProgressSink = SilentProgress()
    ) {
        (self.reader, self.steps, self.seed, self.progress) = (reader, steps, seed, progress)
    }

    /// Adds the stars of a data set's training split; each data set is seen as often as the others.
    public mutating func add(_ data: PairedDataSet) throws {
        progress.note("reading \(data.count(.train)) stars of \(data.url.lastPathComponent)")
        // On any scale they will do: they tell how the colours of two stars differ.
        parts.append(
            try ObservedKnowledge(reader, data, .train, labels: ["teff", "a_k"].map { StellarLabel(named: $0) }))
        hashes.append(data.contentHash)
    }

    /// Stars without which nothing can be learned.
    private static let fewest = 200
    private static let hidden = [256, 128]

    /// Learns from all instruments that have seen enough stars, and writes the file of `specclip spectra fit` once more with it.
    /// - Parameters:
    ///   - url: the file.
    ///   - folder: where to keep the state of the training; a run that was interrupted goes on.
    /// - Returns: stars by instrument.
    /// - Throws: `Diagnostic` for fewer than 200 spectra; `Interrupted` when a stop was asked for.
    public func write(to url: URL, folder: URL) throws -> [(instrument: Instrument, stars: Int)] {
        let networks = try reader.instruments.compactMap { try network(of: $0, folder: folder) }
        guard !networks.isEmpty else {
            throw Diagnostic(
                problem: "too few stars to learn what two in one spectrum look like",
                remedy: "give data sets with at least \(Self.fewest) of an instrument")
        }
        try reader.spectraFile().write(adding: SecondStarNetwork.part(networks), to: url)
        return reader.instruments.compactMap { instrument in
            networks.first { $0.about.instrument == instrument.embeddingKey }.map { (instrument, $0.about.stars) }
        }
    }

    private func network(of instrument: Instrument, folder: URL) throws -> SecondStarNetwork? {
        let key = instrument.embeddingKey
        let sets = try parts.compactMap { try AddedStars.Stars($0, seenBy: instrument) }
        let count = sets.reduce(0) { $0 + $1.count }
        guard count >= Self.fewest else { return nil }
        progress.note("\(instrument.title): pairs of \(count) stars")
        let network = SecondStarNetwork(
            .init(instrument: key, pixels: instrument.grid.count, hidden: Self.hidden, stars: count, data: hashes))
        let source = AddedStars(instrument, sets)
        (network.mean.value, network.scale.value) = source.level
        Generator.seed(seed)
        var options = TrainingOptions()
        (options.batch, options.length) = (min(count, AddedStars.batch), .steps(steps))
        (options.learningRate, options.minimumLearningRate, options.warmup) = (1e-3, 0, steps / 20)
        (options.weightDecay, options.validateEvery) = (0.02, steps)
        let settings = ContentHash.of(
            ["\(network.about) \(steps) \(seed)", ContentHash.of(reader.file.url)].joined(separator: "\n"))
        let trainer = Trainer(
            SecondStarTask(network, source), options: options, seed: seed,
            folder: try RunFolder(folder.appending(path: instrument.name)), settings: settings, progress: progress)
        guard try trainer.run().isFinished else { throw Interrupted() }
        network.evaluate()
        return network
    }
}

/// Stars, as they are and added in pairs.
struct AddedStars: BatchSource {
    static let batch = 128

    /// Spectra of one data set, at rest.
    struct Stars: Sendable {
        /// `[N · P]`.
        let flux: [Float], ivar: [Float]
        /// T_eff, K, and A_K, mag; NaN where unknown.
        let temperature: [Double], extinction: [Double]
        var count: Int { temperature.count }

        /// Some star behind as much dust and of another temperature than one, as far as is known; nil where none is found.
        func unlike(_ row: Int, _ random: inout StepRandom) -> Int? {
            for _ in 0..<Self.tries {
                let other = Int.random(in: 0..<count, using: &random)
                guard abs(temperature[other] - temperature[row]) >= Self.hotter,
                    !(abs(extinction[other] - extinction[row]) > Self.dustier)
                else { continue }
                return other
            }
            return nil
        }
        private static let tries = 50
        /// K, mag.
        private static let (hotter, dustier) = (800.0, 0.1)
    }

    struct Batch: Sendable {
        /// `[B, P]`; 1 or 0 in `seen`, and 1 in `isTwo`, `[B]`, for pairs.
        let flux: Tensor, seen: Tensor, isTwo: Tensor
    }

    private let instrument: Instrument
    private let sets: [Stars]
    /// ln(λ/λ₀) of each pixel about the middle; 0 where the instrument keeps the colours of stars.
    private let logWavelength: [Double]

    init(_ instrument: Instrument, _ sets: [Stars]) {
        (self.instrument, self.sets) = (instrument, sets)
        let middle = instrument.grid.wavelength(at: Double(instrument.grid.count / 2))
        let hasColours =
            switch instrument.normalisation {
            case .pixel, .none: true
            case .continuum, .smoothed: false
            }
        logWavelength = (0..<instrument.grid.count).map {
            hasColours ? 0 : Foundation.log(instrument.grid.wavelength(at: Double($0)) / middle)
        }
        slope = hasColours ? 0 : Self.planck / middle
    }
    /// How the ratio of two stars' light changes with the wavelength, K per difference of 1/T_eff (Wien).
    private let slope: Double
    /// hc/k, Å K.
    private static let planck = 1.43877e8

    func count(_ split: TrainingSplit) -> Int { split == .training ? sets.reduce(0) { $0 + $1.count } : 0 }

    /// Mean and spread of every pixel over a thousand stars.
    var level: (mean: Tensor, spread: Tensor) {
        var random = StepRandom(0x1E7E1)
        let stars = (0..<1000).map { _ in star(&random) }
        let pixels = instrument.grid.count
        let all = Tensor(
            stars.flatMap { set, row in set.flux[row * pixels..<(row + 1) * pixels] }, shape: [stars.count, pixels])
        return (
            all.mean(dims: [0], keepDims: false),
            all.std(dim: 0, unbiased: false, keepDims: false).clamp(min: Self.leastSpread)
        )
    }
    private static let leastSpread = 0.01

    private func star(_ random: inout StepRandom) -> (set: Stars, row: Int) {
        let set = sets[Int.random(in: sets.indices, using: &random)]
        return (set, Int.random(in: 0..<set.count, using: &random))
    }

    /// One star or two, with all else alike: what was done to spectra must not tell which they are.
    func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch {
        let pixels = instrument.grid.count
        var (flux, seen, isTwo): ([Float], [Float], [Float]) = ([], [], [])
        flux.reserveCapacity(rows.count * pixels)
        seen.reserveCapacity(rows.count * pixels)
        for place in rows.indices {
            let (set, row) = star(&random)
            let isPair = place % 2 == 1
            let unlike = Double.random(in: 0..<1, using: &random) < Self.closeShare ? set.unlike(row, &random) : nil
            let made = added(
                set, row, unlike ?? Int.random(in: 0..<set.count, using: &random),
                ratio: isPair ? Double.random(in: 0.2...1, using: &random) : 0,
                apart: Double.random(in: unlike == nil ? Self.apart : Self.close, using: &random), &random)
            flux += made.flux
            seen += made.seen
            isTwo.append(isPair ? 1 : 0)
        }
        return Batch(
            flux: Tensor(flux, shape: [rows.count, pixels]), seen: Tensor(seen, shape: [rows.count, pixels]),
            isTwo: Tensor(isTwo, shape: [rows.count]))
    }

    /// Velocities, km/s: between the stars of a pair, of one that is told by temperatures alone, and of what the rest frame may be
    /// off by.
    private static let (apart, close, off) = (-400.0...400.0, -20.0...20.0, -20.0...20.0)
    /// The share of pairs of other temperatures and nearly one velocity: few of those that chance makes are, and many are there.
    private static let closeShare = 0.4
    /// Noise is added up to so many times that of the first star, to one star as to two.
    private static let noisier = 3.0

    private func added(
        _ set: Stars, _ row: Int, _ other: Int, ratio: Double, apart: Double, _ random: inout StepRandom
    ) -> (flux: [Float], seen: [Float]) {
        let pixels = instrument.grid.count
        let offset = Double.random(in: Self.off, using: &random)
        let velocities = [offset, offset + apart]
        let noise = Float(pow(Self.noisier, 2 * Double.random(in: 0...1, using: &random)))
        var parts: [(flux: [Float], ivar: [Float])] = []
        for (star, velocity) in zip([row, other], velocities) {
            let own = star * pixels..<(star + 1) * pixels
            parts.append(
                (
                    instrument.atRest(Array(set.flux[own]), removing: -velocity),
                    moved(Array(set.ivar[own]), by: velocity)
                ))
        }
        let steepness = 1 / set.temperature[other] - 1 / set.temperature[row]
        let power = steepness.isFinite ? slope * steepness : 0
        var (flux, seen) = ([Float](repeating: 0, count: pixels), [Float](repeating: 0, count: pixels))
        var normal = SeededGenerator(seed: random.next())
        for pixel in 0..<pixels {
            let (first, second) = (parts[0].ivar[pixel], parts[1].ivar[pixel])
            guard first > 0, second > 0 else { continue }
            let weight = ratio > 0 ? Float(ratio * Foundation.exp(power * logWavelength[pixel])) : 0
            let variance = (1 / first + weight * weight / second) / ((1 + weight) * (1 + weight))
            let missing = max(0, noise / first - variance)
            flux[pixel] =
                (parts[0].flux[pixel] + weight * parts[1].flux[pixel]) / (1 + weight)
                + missing.squareRoot() * Float(normal.gaussian())
            seen[pixel] = 1
        }
        return (flux, seen)
    }

    /// Inverse variances where the spectrum was moved: none beside pixels that have none.
    private func moved(_ ivar: [Float], by velocity: Double) -> [Float] {
        let factor = RadialVelocity.factor(-velocity)
        return ivar.indices.map { pixel in
            let place = Int(
                instrument.grid.pixel(at: instrument.grid.wavelength(at: Double(pixel)) * factor).rounded())
            guard place > 0, place < ivar.count - 1 else { return 0 }
            return min(ivar[place - 1], min(ivar[place], ivar[place + 1])) > 0 ? ivar[place] : 0
        }
    }
}

extension AddedStars.Stars {
    /// Nil where the instrument saw none of them.
    init?(_ stars: ObservedKnowledge, seenBy instrument: Instrument) throws {
        let rows = stars.rows(seenBy: instrument)
        guard !rows.isEmpty, let flux = stars.flux[instrument.embeddingKey],
            let ivar = stars.ivar[instrument.embeddingKey]
        else { return nil }
        (self.flux, self.ivar) = (flux.rows(rows).floats(), ivar.rows(rows).floats())
        func known(_ name: String) -> [Double] {
            let label = StellarLabel(named: name)
            let learned = stars.known.labels[name]
            return rows.map { row in learned.map { label.value(learned: $0[row]) } ?? .nan }
        }
        (temperature, extinction) = (known("teff"), known("a_k"))
    }
}

/// Spectra in, how well one star and two are told apart out.
final class SecondStarTask: TrainingTask {
    let model: Module
    let source: AddedStars
    private let network: SecondStarNetwork

    init(_ network: SecondStarNetwork, _ source: AddedStars) {
        (model, self.source, self.network) = (network, source, network)
    }

    func losses(_ batch: AddedStars.Batch) throws -> [(name: String, value: Tensor)] {
        let odds = network(batch.flux, seen: batch.seen)
        // log(1 + exp(±odds)): the logistic loss of pairs and of single stars.
        let signed = odds * (batch.isTwo * -2 + 1)
        return [("loss", (signed.clamp(min: 0) + ((-signed.abs()).exp() + 1).log()).mean())]
    }
}
