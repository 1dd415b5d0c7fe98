import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// What is known of labels that somebody taught a model, of one instrument: stored in the model file.
public struct AdaptationDescription: Codable, Sendable, Hashable {
    /// One label.
    public struct Label: Codable, Sendable, Hashable {
        /// Name, unit and digits.
        public var label: StellarLabel
        /// Mean and spread of the training stars, as the label is learned.
        var mean: Double, std: Double
        /// Between which values the labels of the training stars lie, in its unit.
        public var range: ClosedRange<Double>
        /// Stars that it is known of.
        public var stars: Int
        /// The ways whose mean is read.
        public var chosen: [AdaptationMethod]
        /// Robust σ of each way over stars that it had not seen, in the label's unit, by its name; and of what was chosen.
        public var scatter: [String: Double]
        /// By how much the scatter of the model's own labels is larger than that of what was chosen, and the bootstrap error of
        /// this, in the label's unit; nil where the model reads no labels.
        public var gain: Gain?
        var spread: SpreadModel
        var scores: FoldScores
    }

    /// A difference with its error.
    public struct Gain: Codable, Sendable, Hashable {
        /// In the label's unit.
        public var value: Double
        /// Bootstrap error, groups drawn anew.
        public var error: Double
    }

    /// What the labels are called together; the column `flag_` + name says when not to trust them.
    public var name: String
    /// Whose labels they are, such as `LASP`; nil where nobody said.
    public var scale: String?
    /// File of the catalogue.
    public var catalogue: String
    /// Stars that it learned from, and groups of these that were never parted.
    public var stars: Int, groups: Int
    /// Names of the stars, where they are not too many.
    public var identifiers: [String]?
    /// The labels.
    public var labels: [Label]
    /// The labels of the model that it builds on, and in which range they were, as they are learned.
    var known: [StellarLabel]
    var knownRanges: [ClosedRange<Double>]
    var folds: Int
    /// Ways that were given up after two folds, since they were worse for every label.
    public var givenUp: [AdaptationMethod]
    /// Numbers of the encoder's summary, and stars that functions of kernels are made about.
    var features: Int
    var places: Int
    var recipes: [String: PredictorRecipe]

    var isConsistent: Bool {
        !labels.isEmpty && (1...64).contains(folds) && known.count == knownRanges.count && features >= 0
            && (0...100_000).contains(places)
            && labels.allSatisfy { label in
                !label.chosen.isEmpty && label.chosen.allSatisfy { recipes[$0.rawValue] != nil } && label.mean.isFinite
                    && label.std > 0 && label.scores.folds.count == folds && label.scores.isConsistent
                    && label.spread.isConsistent(known: known.count)
            }
    }

    /// What somebody taught a model, each with the `embeddingKey` of the instrument.
    /// - Throws: `Diagnostic` for a file that contradicts itself.
    public static func all(in file: ModelFile) throws -> [(instrument: String, AdaptationDescription)] {
        try AdaptedLabels.descriptions(in: file).sorted { $0.key < $1.key }
            .map { (String($0.key.prefix { $0 != "/" }), $0.value) }
    }

    /// The places of the labels that a way has a part in.
    func places(readBy method: AdaptationMethod) -> [Int] {
        labels.indices.filter { labels[$0].chosen.contains(method) }
    }

    /// Ways that some label is read by, the cheapest first.
    var methods: [AdaptationMethod] {
        AdaptationMethod.allCases.filter { method in labels.contains { $0.chosen.contains(method) } }
    }
}

/// Labels that somebody taught a model, read from an instrument's spectra.
struct AdaptedLabels {
    let description: AdaptationDescription
    /// By method, one for each fold that it has not seen.
    let predictors: [AdaptationMethod: [any LabelPredictor]]
    /// What functions of kernels are made about; nil where no label is read by one.
    let places: KernelPlaces?
    /// Tells spectra that are unlike those it learned from; nil where they were too few to tell.
    let domain: TrainingDomain?

    /// Adds what is read of stars to what the model reads of them.
    func read(_ reading: LabelInference.Reading, snr: [Double], into stars: inout [StarLabels]) throws {
        let (input, velocities) = (
            AdaptationInput(reading, snr: snr, width: description.features), reading.velocities
        )
        let folds = description.folds
        let count = description.labels.count
        var read: [AdaptationMethod: [[Double]]] = [:]
        for (method, members) in predictors { read[method] = try members.map { try $0(input).doubles() } }
        var flags = try doubts(input)
        for (place, label) in description.labels.enumerated() {
            let spreads = label.spread(input)
            for star in 0..<input.count {
                let centres = (0..<folds).map { fold in
                    let values = label.chosen.map { read[$0]?[fold][star * count + place] ?? .nan }
                    return values.reduce(0, +) / Double(values.count)
                }
                let moved = label.label.movesWithStar ? velocities?[star] ?? 0 : 0
                func value(_ level: Double) -> Double {
                    let standard = label.scores.quantile(level, centres: centres, spread: spreads[star])
                    return label.label.value(learned: label.mean + label.std * standard) + moved
                }
                let (low, middle, high) = (value(0.1587), value(0.5), value(0.8413))
                guard low <= high else {
                    stars[star].estimates.append(LabelEstimate(label: label.label, value: .nan, error: .nan))
                    continue
                }
                stars[star].estimates.append(
                    LabelEstimate(label: label.label, value: middle, error: (high - low) / 2, interval: low...high))
                if !label.label.movesWithStar, low < label.range.lowerBound || high > label.range.upperBound {
                    flags[star].insert(.extrapolated)
                }
            }
        }
        for (star, doubts) in flags.enumerated() { stars[star].adaptedFlags[description.name] = doubts }
    }

    /// What speaks against reading these labels at all.
    private func doubts(_ input: AdaptationInput) throws -> [QualityFlags] {
        let (values, width) = (input.known.doubles(), description.known.count)
        let distances = try domain.map { domain in try catchingTorchErrors { domain.distances(input.features) } }
        return (0..<input.count).map { star in
            var flags: QualityFlags = []
            let isForeign = (0..<width).contains { place in
                let value = values[star * width + place]
                return value.isFinite && !description.knownRanges[place].contains(value)
            }
            if isForeign { flags.insert(.outsideDomain) }
            if let distance = distances?[star], !(distance <= 1) { flags.insert(.outsideDomain) }
            return flags
        }
    }
}

// MARK: - Files

extension AdaptedLabels {
    static let part = "adaptations"

    /// The name in a file: the instrument's `embeddingKey` and that of the set.
    static func key(_ instrument: Instrument, _ name: String) -> String { "\(instrument.embeddingKey)/\(name)" }

    /// All sets of a model file by their key.
    static func descriptions(in file: ModelFile) throws -> [String: AdaptationDescription] {
        guard let text = file.header(part) else { return [:] }
        do {
            let found = try JSONDecoder().decode([String: AdaptationDescription].self, from: Data(text.utf8))
            if let bad = found.first(where: { !$0.value.isConsistent }) {
                throw Diagnostic(
                    file.url, field: part, problem: "\(bad.key) contradicts itself: the file is damaged",
                    remedy: "get it anew")
            }
            return found
        } catch let error as Diagnostic {
            throw error
        } catch {
            throw Diagnostic(file.url, field: part, problem: "cannot be read", remedy: "get the file anew")
        }
    }

    /// The sets of a model by the instrument's `embeddingKey`, in the order of their names.
    static func all(in file: ModelFile, _ model: SpecCLIPModel) throws -> [String: [AdaptedLabels]] {
        try AdaptationDescription.all(in: file).reduce(into: [:]) { sets, found in
            guard let instrument = model.instruments.first(where: { $0.embeddingKey == found.instrument }) else {
                return
            }
            sets[found.instrument, default: []].append(try AdaptedLabels(file, model, instrument, found.1))
        }
    }

    private init(
        _ file: ModelFile, _ model: SpecCLIPModel, _ instrument: Instrument, _ description: AdaptationDescription
    ) throws {
        self.description = description
        let key = Self.key(instrument, description.name)
        let branch = try model.description(of: instrument)
        let own = try file.tensors("\(Self.part).\(key)")
        func tensors(_ prefix: String) -> [String: Tensor] {
            own.reduce(into: [:]) { found, entry in
                if entry.key.hasPrefix(prefix + ".") {
                    found[String(entry.key.dropFirst(prefix.count + 1))] = entry.value
                }
            }
        }
        var predictors: [AdaptationMethod: [any LabelPredictor]] = [:]
        let kept = tensors("places")
        let places: KernelPlaces?
        if kept.isEmpty {
            places = nil
        } else {
            let loaded = KernelPlaces(
                count: description.places, known: description.known.count, features: description.features)
            try loaded.load(kept)
            places = loaded
        }
        for method in description.methods {
            guard let recipe = description.recipes[method.rawValue] else { continue }
            predictors[method] = try (0..<description.folds).map { fold in
                do {
                    return try Self.predictor(
                        recipe, tensors("\(method.rawValue).\(fold)"), description, method, places, branch,
                        model.branch(instrument).backbone)
                } catch {
                    throw Diagnostic(file.url, field: "\(Self.part).\(key)", problem: "\(error)", remedy: "get it anew")
                }
            }
        }
        (self.predictors, self.places) = (predictors, places)
        let domain = tensors("domain")
        if let projection = domain["projection"], let reference = domain["reference"] {
            let loaded = TrainingDomain(
                features: projection.shape[0], components: projection.shape[1], references: reference.shape[0])
            try loaded.load(domain)
            self.domain = loaded
        } else {
            self.domain = nil
        }
    }

    private static func predictor(
        _ recipe: PredictorRecipe, _ tensors: [String: Tensor], _ description: AdaptationDescription,
        _ method: AdaptationMethod, _ places: KernelPlaces?, _ branch: BranchDescription, _ encoder: any Encoder
    ) throws -> any LabelPredictor {
        let labels = description.labels.count
        guard let kernel = recipe.kernel else {
            return try EncoderPredictor(recipe, tensors, labels: labels, branch, encoder)
        }
        guard let places else { throw Diagnostic(problem: "holds no places of its kernels") }
        let predictor = KernelPredictor(places, kernel, labels: labels)
        try predictor.load(tensors, of: description.places(readBy: method))
        return predictor
    }

    /// The tensors that a file keeps.
    func keptTensors() -> [(String, Tensor)] {
        var kept: [(String, Tensor)] = []
        for method in description.methods {
            for (fold, predictor) in (predictors[method] ?? []).enumerated() {
                kept += predictor.keptTensors(for: description.places(readBy: method)).map {
                    ("\(method.rawValue).\(fold).\($0.0)", $0.1)
                }
            }
        }
        if description.methods.contains(where: { description.recipes[$0.rawValue]?.kernel != nil }), let places {
            kept += places.keptTensors().map { ("places.\($0.0)", $0.1) }
        }
        // How far from stars another is needs no more digits than half precision has.
        return kept
            + (domain?.stateDictionary() ?? []).map { name, tensor in
                ("domain.\(name)", name == "reference" ? tensor.to(.float16) : tensor)
            }
    }
}

extension StellarLabel {
    /// Whether it is a velocity, which is removed from spectra before they are read.
    var movesWithStar: Bool { name == RadialVelocity.label || name.hasPrefix(RadialVelocity.label + "_") }
}
