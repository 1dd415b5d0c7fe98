import Datasets
import Foundation
import SpecCLIP
import Spectra
import StarReading
import Statistics
import Support
import Torch
import Training

/// How well aligned instruments agree on held-out stars, pair by pair: whether a star is found again among all, and whether it has
/// the same neighbours; beside chance and beside what labels alone would give.
///
/// Labels alone: T_eff, log g and [Fe/H] are read from each spectrum by a network on the features of the same frozen encoder, fitted
/// to the catalogue labels of the training stars, and stars are compared by these three in units of their errors on validation stars.
/// Then one side is given the catalogue's labels. Where two spectra share more than labels this is no bound: what sets the star apart
/// shifts both readings alike. Alignment sees no label at all.
public struct AlignmentEvaluation {
    private let models: [(name: String, model: SpecCLIPModel)]
    private let data: PairedDataSet
    private let neighbours: Int
    private let limit: Int

    /// What is compared by.
    public static let labels = ["teff", "logg", "fe_h"].map(StellarLabel.init(named:))

    /// - Parameters:
    ///   - models: each with its name; the encoders of the first read the labels.
    ///   - data: its test split is scored; labels are learned from its training and validation splits.
    ///   - neighbours: k of ``MutualNeighbours``.
    ///   - limit: stars of a pair, at most, evenly sampled.
    public init(
        _ models: [(name: String, model: SpecCLIPModel)], _ data: PairedDataSet, neighbours: Int = 10,
        limit: Int = .max
    ) {
        (self.models, self.data, self.neighbours, self.limit) = (models, data, neighbours, limit)
    }

    /// Scores every pair of instruments that the first model and the data share.
    /// - Parameter progress: told what is done.
    /// - Throws: `Diagnostic` where a label is missing, or no star of the test split has been seen by two instruments.
    public func run(_ progress: (String) -> Void = { _ in }) throws -> AlignmentReport {
        guard let first = models.first else {
            return AlignmentReport(tier: data.tier, neighbours: neighbours, pairs: [])
        }
        let instruments = first.model.instruments.filter(data.has)
        var pairs: [(Instrument, Instrument, [Int])] = []
        for (place, a) in instruments.enumerated() {
            for b in instruments.dropFirst(place + 1) {
                let rows = try data.rows(seenBy: [a, b], split: .test).evenlySampled(limit)
                if rows.count > neighbours + 1 { pairs.append((a, b, rows)) }
            }
        }
        guard !pairs.isEmpty else {
            throw Diagnostic(
                data.url.path, field: "test",
                problem: "holds no \(neighbours + 2) stars seen by two instruments of the model",
                remedy: "give pairs with a test split, or fewer neighbours")
        }
        let embeddings = try models.map { try $0.model.sharedEmbeddings(data, split: .test).mapValues { unit($0) } }
        var read: [String: ReadLabels] = [:]
        for instrument in instruments {
            progress("labels from \(instrument.title) spectra")
            read[instrument.name] = try ReadLabels(instrument, first.model, data)
        }
        let catalogue = try ReadLabels.catalogue(data, .test)
        return AlignmentReport(
            tier: data.tier, neighbours: neighbours,
            pairs: try pairs.map { a, b, rows in
                progress("\(a.title) and \(b.title)")
                let index = Tensor(rows.map(Int64.init), shape: [rows.count])
                func part(_ all: Tensor) -> Tensor { all.indexSelect(0, index) }
                var matches: [(name: String, match: Match)] = []
                for (model, embeddings) in zip(models, embeddings) {
                    guard let ofA = embeddings[a.embeddingKey], let ofB = embeddings[b.embeddingKey] else { continue }
                    matches.append((model.name, Match(part(ofA), part(ofB), neighbours)))
                }
                if let ofA = read[a.name], let ofB = read[b.name] {
                    let scale = zip(ofA.errors, ofB.errors).map { hypot($0, $1) }
                    matches.append(
                        ("labels", Match(part(ofA.scaled(scale)), part(ofB.scaled(scale)), neighbours)))
                    let known = [ofA, ofB].map { one in
                        Match(
                            part(one.scaled(one.errors)), part(ReadLabels.scaled(catalogue, one.errors)), neighbours)
                    }
                    matches.append(("one side known", Match(mean: known)))
                }
                let labels = matches.first { $0.name == "labels" }?.match
                return AlignmentReport.Pair(
                    first: a.name, second: b.name, stars: rows.count,
                    together: try data.rows(seenBy: [a, b], split: .train).count,
                    chance: .init(
                        top1: 1 / Double(rows.count), top10: min(1, 10 / Double(rows.count)),
                        mutual: MutualNeighbours.chance(stars: rows.count, neighbours: neighbours)),
                    methods: matches.map { .init(name: $0.name, $0.match, beside: labels) })
            })
    }
}

/// Labels as an instrument's spectra tell them, of the test split.
private struct ReadLabels {
    /// `[N, 3]`, T_eff as log10; 0 for stars that the instrument has not seen.
    private let values: Tensor
    /// Robust σ of each against the catalogue, validation stars.
    let errors: [Double]

    init(_ instrument: Instrument, _ model: SpecCLIPModel, _ data: PairedDataSet) throws {
        let labels = AlignmentEvaluation.labels
        let names = labels.map(\.name)
        /// Features of the encoder alone, and the catalogue's labels, of stars that the instrument has seen.
        func part(_ split: Split) throws -> (features: Tensor, labels: [[Double]], seen: [Int]) {
            let rows = try model.rows(data, instrument, split)
            let seen = rows.seen
            guard !seen.isEmpty else {
                throw Diagnostic(
                    data.url.path, field: split.rawValue, problem: "holds no \(instrument.title) spectra",
                    remedy: "labels are learned from train and validation: give data that have both")
            }
            let inputs = model.inputs(of: instrument)
            let features = try model.features(seen.count, of: instrument) { places in
                try rows.batch(places.map { seen[$0] }, for: inputs)
            }
            let embedding =
                model.descriptionOfModel.embedding == nil
                ? 0 : model.descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)
            let known = try names.map { try data.labels($0, split: split) }
            return (
                features.narrow(1, start: embedding, length: features.size(1) - embedding),
                known.map { values in seen.map { values[$0] } }, seen
            )
        }
        let (training, validation, test) = (try part(.train), try part(.validation), try part(.test))
        var options = TrainingOptions()
        options.batch = min(256, max(8, training.seen.count / 4))
        // Forty epochs, within reason.
        let steps = max(300, min(4000, 40 * training.seen.count / options.batch))
        options.length = .steps(steps)
        options.learningRate = 1e-3
        options.warmup = min(100, steps / 10)
        options.weightDecay = 0.01
        options.validateEvery = max(1, steps / 20)
        options.patience = 20
        let network = try LabelNetwork(
            .init(training.features, labels: training.labels, names: names),
            validation: .init(validation.features, labels: validation.labels, names: names), hidden: [256, 128],
            dropout: 0.05, options: options, seed: 1)
        func learned(_ values: [[Double]]) -> [[Double]] { zip(labels, values).map { $1.map($0.learned) } }
        errors = zip(learned(try network.predict(validation.features)), learned(validation.labels)).map { read, known in
            max(1e-9, robustSigma(zip(read, known).map { $0 - $1 }.filter(\.isFinite), aboutZero: true))
        }
        let read = learned(try network.predict(test.features))
        var all = [Double](repeating: 0, count: data.count(.test) * labels.count)
        for (place, row) in test.seen.enumerated() {
            for label in labels.indices { all[row * labels.count + label] = read[label][place] }
        }
        values = Tensor(all, shape: [data.count(.test), labels.count])
    }

    /// In units of errors.
    func scaled(_ errors: [Double]) -> Tensor { Self.scaled(values, errors) }

    static func scaled(_ values: Tensor, _ errors: [Double]) -> Tensor {
        values / Tensor(errors, shape: [1, errors.count])
    }

    /// The labels of a catalogue, `[N, 3]`, as they are learned; of stars without, 0.
    static func catalogue(_ data: PairedDataSet, _ split: Split) throws -> Tensor {
        let labels = AlignmentEvaluation.labels
        let known = try labels.map { label in try data.labels(label.name, split: split).map(label.learned) }
        let rows = (0..<data.count(split)).flatMap { row in known.map { $0[row].isFinite ? $0[row] : 0 } }
        return Tensor(rows, shape: [data.count(split), labels.count])
    }
}

/// What became of each star when two instruments were compared.
struct Match {
    /// Per star, 1 or 0 in either direction, their mean: whether its partner comes first, and among the first ten.
    var top1: [Double], top10: [Double]
    /// Per star, the share of its neighbours that it has in both spaces.
    var mutual: [Double]

    /// - Parameters:
    ///   - a: `[N, E]`, a star a row, in the space of one instrument.
    ///   - b: `[N, E]`, in that of the other.
    ///   - neighbours: k of `mutual`.
    init(_ a: Tensor, _ b: Tensor, _ neighbours: Int) {
        let (there, back) = (partnerRanks(a, among: b), partnerRanks(b, among: a))
        func share(_ first: Double) -> [Double] {
            zip(there, back).map { (($0 < first ? 1 : 0) + ($1 < first ? 1 : 0)) / 2 }
        }
        (top1, top10) = (share(1), share(10))
        mutual = MutualNeighbours.overlaps(a, b, neighbours: neighbours)
    }

    /// The mean of several, star by star.
    init(mean parts: [Match]) {
        func mean(_ path: KeyPath<Match, [Double]>) -> [Double] {
            (parts.first?[keyPath: path].indices ?? 0..<0).map { star in
                parts.reduce(0) { $0 + $1[keyPath: path][star] } / Double(parts.count)
            }
        }
        (top1, top10, mutual) = (mean(\.top1), mean(\.top10), mean(\.mutual))
    }
}

/// How well the instruments of models agree, pair by pair.
public struct AlignmentReport: Codable, Sendable {
    /// Kind of data.
    public var tier: String
    /// k of the mutual neighbours.
    public var neighbours: Int
    /// Every pair of instruments.
    public var pairs: [Pair]

    /// Two instruments.
    public struct Pair: Codable, Sendable {
        /// Their names.
        public var first: String, second: String
        /// Held-out stars that both have seen: what is searched.
        public var stars: Int
        /// Training stars of the data that both have seen: 0 for a pair that was never seen together.
        public var together: Int
        /// What guessing gives.
        public var chance: Chance
        /// The models, then labels alone.
        public var methods: [Method]
    }

    /// What guessing gives.
    public struct Chance: Codable, Sendable {
        /// See ``Method``.
        public var top1: Double, top10: Double, mutual: Double
    }

    /// A mean over stars with its error.
    public struct Score: Codable, Sendable, Hashable {
        /// The mean.
        public var value: Double
        /// Standard deviation over resampled stars (bootstrap).
        public var error: Double

        /// - Parameters:
        ///   - values: one a star.
        ///   - resamples: bootstrap samples, drawn with replacement.
        ///   - seed: equal seeds give equal errors.
        public init(_ values: [Double], resamples: Int = 200, seed: UInt64 = 1) {
            let count = values.count
            func mean(_ sum: Double) -> Double { sum / Double(max(1, count)) }
            value = mean(values.reduce(0, +))
            var generator = SeededGenerator(seed: seed)
            let means = (0..<(count > 1 ? resamples : 0)).map { _ in
                mean((0..<count).reduce(0.0) { sum, _ in sum + values[Int(generator.next() % UInt64(count))] })
            }
            let centre = means.reduce(0, +) / Double(max(1, means.count))
            let squares = means.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
            error = means.count > 1 ? (squares / Double(means.count - 1)).squareRoot() : 0
        }
    }

    /// One way to compare stars.
    public struct Method: Codable, Sendable {
        /// The model's name; `labels`, or `one side known`.
        public var name: String
        /// Recall at 1 and 10: shares of stars whose partner comes first and among the first ten, mean over both directions.
        public var top1: Score, top10: Score
        /// Mean share of common neighbours.
        public var mutual: Score
        /// The same measures minus those of labels alone, star by star; nil for labels.
        public var gain: Gain?

        init(name: String, _ match: Match, beside labels: Match?) {
            self.name = name
            (top1, top10, mutual) = (Score(match.top1), Score(match.top10), Score(match.mutual))
            gain = name == "labels" ? nil : labels.map { Gain(match, minus: $0) }
        }
    }

    /// Differences from labels alone, star by star.
    public struct Gain: Codable, Sendable {
        /// See ``Method``.
        public var top1: Score, top10: Score, mutual: Score

        init(_ match: Match, minus labels: Match) {
            func difference(_ path: KeyPath<Match, [Double]>) -> Score {
                Score(zip(match[keyPath: path], labels[keyPath: path]).map { $0 - $1 })
            }
            (top1, top10, mutual) = (difference(\.top1), difference(\.top10), difference(\.mutual))
        }
    }
}
