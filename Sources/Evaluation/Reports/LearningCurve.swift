import Datasets
import Foundation
import SpecCLIP
import Spectra
import StarReading
import Support
import Torch
import Training

/// How good labels get with the number of labelled stars: from the spectra themselves, from the features of an encoder that
/// learned from spectra alone, and from that encoder fine-tuned.
public struct LearningCurve: Codable, Sendable {
    /// Of which instrument and data.
    public let instrument: String, tier: String
    /// Stars that it was measured on.
    public let stars: Int
    /// From few labelled stars to many.
    public private(set) var points: [Point] = []

    /// What was reached with one number of stars.
    public struct Point: Codable, Sendable {
        /// Labelled stars.
        public let labelled: Int
        /// Residuals by method and label.
        public let methods: [String: [String: ResidualStatistics]]
        /// What was read from each of ``LearningCurve/sources``, by method and label, where it was asked for.
        public var predictions: [String: [String: [Double]]]?
    }

    /// Identifiers of the stars that it was measured on, where their predictions were asked for.
    public private(set) var sources: [String]?

    /// Names of the methods, the baseline first.
    public static let methods = ["MLP on flux", "frozen encoder", "fine-tuned encoder"]

    /// Measures the curve.
    /// - Parameters:
    ///   - encoder: the file of a pre-trained encoder that has seen no labels.
    ///   - configuration: names of the labels, augmentation, and training with all stars.
    ///   - sizes: numbers of labelled stars; those beyond what there is stand for all.
    ///   - isAlone: whether to leave out the simpler methods.
    ///   - keepsPredictions: whether to keep what was read from each star.
    ///   - progress: told of each fit.
    public init(
        _ encoder: ModelFile, _ instrument: Instrument, _ configuration: FineTuneConfiguration, _ data: PairedDataSet,
        sizes: [Int], seed: UInt64, isAlone: Bool = false, keepsPredictions: Bool = false,
        progress: (String) -> Void = { _ in }
    ) throws {
        self.instrument = instrument.name
        tier = data.tier
        let names = configuration.names
        let model = try encoder.model()
        func split(_ split: Split) throws -> (
            rows: SpectrumRows, seen: [Int], flux: Tensor, features: Tensor, labels: [[Double]]
        ) {
            let rows = try model.rows(data, instrument, split)
            return (
                rows, rows.seen, try rows.tensor(rows.seen), try model.embed(rows, of: instrument),
                try names.map { name in
                    let all = try data.labels(name, split: split)
                    return rows.seen.map { all[$0] }
                }
            )
        }
        let (training, validation, test) = (try split(.train), try split(.validation), try split(.test))
        let shown = try test.rows.batch(test.seen, for: model.inputs(of: instrument))
        stars = shown.count
        if keepsPredictions {
            let ids = try data.sourceIDs(.test)
            sources = test.seen.map { ids[$0] }
        }
        var random = SeededGenerator(seed: seed)
        // A star that lacks most labels says little: the same stars for all methods, each with its first label.
        let order = (0..<training.flux.shape[0]).filter { training.labels[0][$0].isFinite }.shuffled(using: &random)
        for size in Set(sizes.map { min($0, order.count) }).sorted() {
            let chosen = Array(order.prefix(size))
            // As many stars to stop by as a person with so few would set aside, evenly spread: libraries are sorted.
            let held = (0..<validation.flux.shape[0]).evenlySampled(max(50, size / 4))
            let index = { (rows: [Int]) in Tensor(rows.map(Int64.init), shape: [rows.count]) }
            func rows(_ inputs: Tensor, _ labels: [[Double]], _ rows: [Int]) -> LabelNetwork.Rows {
                LabelNetwork.Rows(
                    inputs.indexSelect(0, index(rows)), labels: labels.map { values in rows.map { values[$0] } },
                    names: names)
            }
            let options = Self.options(configuration.training, stars: size, held: held.count)
            var methods: [String: [String: ResidualStatistics]] = [:]
            var predictions: [String: [String: [Double]]] = [:]
            func add(_ method: String, _ predicted: [[Double]]) {
                predictions[method] = Dictionary(uniqueKeysWithValues: zip(names, predicted))
                methods[method] = Dictionary(
                    uniqueKeysWithValues: names.enumerated().map { i, name in
                        (name, ResidualStatistics(zip(predicted[i], test.labels[i]).map { $0 - $1 }))
                    })
            }
            let inputs: [(String, (Tensor, [[Double]]), (Tensor, [[Double]]), Tensor)] = [
                (
                    Self.methods[0], (instrument.asinhScaled(training.flux), training.labels),
                    (instrument.asinhScaled(validation.flux), validation.labels),
                    instrument.asinhScaled(test.flux)
                ),
                (
                    Self.methods[1], (training.features, training.labels), (validation.features, validation.labels),
                    test.features
                ),
            ]
            for (method, own, other, asked) in inputs where !isAlone {
                progress("\(size) stars: \(method)")
                let network = try LabelNetwork(
                    rows(own.0, own.1, chosen), validation: rows(other.0, other.1, held),
                    hidden: method == Self.methods[0] ? [512, 256, 128] : [256, 128], dropout: 0.05, options: options,
                    seed: seed)
                add(method, try network.predict(asked))
            }
            progress("\(size) stars: \(Self.methods[2])")
            var tuned = configuration
            tuned.training = options
            // An encoder knows more of spectra than a hundred labels do: they may move it little. (Networks that start from
            // nothing need the whole rate: at a fifth of it, 100 labels give them 570 K instead of 351 K.)
            if configuration.encoderRate == nil {
                tuned.training.learningRate *= min(1, max(0.2, pow(Double(size) / 10_000, 0.35)))
            }
            let network = try FineTunedNetwork(
                try encoder.model(), instrument, tuned, data: data, chosen: chosen.map { training.seen[$0] }, seed: seed
            )
            add(Self.methods[2], try network.predict(shown))
            points.append(
                Point(labelled: size, methods: methods, predictions: keepsPredictions ? predictions : nil))
        }
    }

    /// The training of all stars, shortened where there are few.
    private static func options(_ all: TrainingOptions, stars: Int, held: Int) -> TrainingOptions {
        var options = all
        options.batch = min(all.batch, max(16, stars / 4))
        let steps = options.limit(steps: max(600, 150 * stars / options.batch))
        options.warmup = min(all.warmup, steps / 10)
        options.validateEvery = max(1, steps / 40)
        options.validationRows = held
        options.patience = 40
        return options
    }
}
