import Datasets
import Foundation
import SpecCLIP
import Spectra
import Statistics
import Support
import Torch
import Training

/// Learns labels from the spectra of one instrument, without each fold at a time, and chooses how each is read.
final class AdaptationFit {
    private let stars: AdaptationStars
    private let reader: StarReader
    private let labels: [StellarLabel]
    private let catalogue: String
    private let options: Adaptation.Options
    private let groups: [String]
    private let folder: URL
    private let progress: any ProgressSink

    private let data: PairedDataSet
    private let features: Tensor, known: Tensor
    private let snr: [Double]
    /// Per label, per spectrum, as it is learned; NaN where missing. In units of the spread in `standard`.
    private let learned: [[Double]], standard: [[Double]]
    private let mean: [Double], std: [Double]
    /// What each counts, by its error.
    private let weights: [[Double]]
    /// From 0.
    private let folds: [Int]
    private let foldCount: Int
    private var opened: SpectrumRows?

    init(
        _ stars: AdaptationStars, _ reader: StarReader, labels: [StellarLabel], catalogue: String,
        _ options: Adaptation.Options, groups: [String], errors: [[Double]], folder: URL, progress: any ProgressSink
    ) throws {
        (self.stars, self.reader, self.labels, self.catalogue) = (stars, reader, labels, catalogue)
        (self.options, self.groups, self.folder, self.progress) = (options, groups, folder, progress)
        (data, features, known, snr) = try stars.finished()
        let stored = data
        let learned = try labels.map { label in try stored.labels(label.name, split: .train).map(label.learned) }
        self.learned = learned
        (mean, std) = try StandardisedLabels.statistics(
            learned, names: labels.map(\.name), minimumStars: Self.leastStars, dataName: catalogue)
        let scales = (mean, std)
        standard = learned.enumerated().map { place, values in
            values.map { ($0 - scales.0[place]) / scales.1[place] }
        }
        weights = labels.indices.map { place in
            zip(learned[place], errors[place]).map { value, error in
                guard value.isFinite, error.isFinite else { return 1 }
                let own = error * labels[place].slope(at: labels[place].value(learned: value))
                let pull = own / (StandardisedLabels.tellable * scales.1[place])
                return 1 / (1 + pull * pull)
            }
        }
        let parted = StarGroups(groups, seed: options.seed)
        foldCount = min(options.folds, parted.count)
        guard foldCount >= 3 else {
            throw Diagnostic(
                catalogue, field: "groups", problem: "the stars are of \(parted.count) groups, which are never parted",
                remedy: "at least 3 are needed: choose another --group")
        }
        let places = parted.folds(foldCount)
        folds = groups.map { (places[$0] ?? 1) - 1 }
    }

    /// Stars that a label must be known of.
    private static let leastStars = 20

    private func input(_ rows: [Int]) throws -> AdaptationInput {
        let index = Tensor(rows.map(Int64.init), shape: [rows.count])
        return AdaptationInput(
            spectra: SpectrumBatch(Tensor.zeros([rows.count, 0])), features: features.indexSelect(0, index),
            known: known.indexSelect(0, index), snr: rows.map { snr[$0] })
    }

    private func rows(_ fold: Int, inside: Bool) -> [Int] { folds.indices.filter { (folds[$0] == fold) == inside } }

    // MARK: - The whole way

    func run() throws -> AdaptedLabels {
        let places = KernelPlaces(try input(Array(0..<stars.count)), seed: options.seed)
        var predictors: [AdaptationMethod: [any LabelPredictor]] = [:]
        var read: [AdaptationMethod: [[Double]]] = [:]
        let methods = options.methods.filter { $0 != .labels || !stars.known.isEmpty }
        guard !methods.isEmpty else {
            throw Diagnostic(
                "--methods", problem: "the model reads no labels of \(stars.instrument.name)",
                remedy: "leave --methods out")
        }
        var givenUp: [AdaptationMethod] = []
        for method in methods {
            var members: [any LabelPredictor] = []
            var values = labels.map { _ in [Double](repeating: .nan, count: stars.count) }
            var kernel: KernelPlaces.Kernel?
            for fold in 0..<foldCount {
                if fold == Self.trial, isHopeless(method, values, beside: read, folds: fold) {
                    givenUp.append(method)
                    progress.note("\(method.title): worse for every label after \(fold) folds, left out")
                    break
                }
                progress.note("\(method.title): without fold \(fold + 1) of \(foldCount)")
                let predictor = try predictor(method, without: fold, places, &kernel)
                let held = rows(fold, inside: true)
                for (row, found) in zip(held, try predicted(predictor, held)) {
                    for label in labels.indices { values[label][row] = found[label] }
                }
                members.append(predictor)
            }
            predictors[method] = members
            read[method] = values
        }
        return try chosen(predictors, read, places, givenUp)
    }

    /// Folds after which a costly way is given up where it is worse for every label, alone and together with others.
    private static let trial = 2
    /// So much worse.
    private static let hopeless = 1.05

    private func isHopeless(
        _ method: AdaptationMethod, _ values: [[Double]], beside read: [AdaptationMethod: [[Double]]], folds count: Int
    ) -> Bool {
        guard !read.isEmpty, method != .labels, method != .features else { return false }
        let rows = folds.indices.filter { folds[$0] < count }
        let all = read.merging([method: values]) { $1 }
        let choices = AdaptationMethod.choices(among: AdaptationMethod.allCases.filter { all[$0] != nil })
        return labels.indices.allSatisfy { label in
            func best(_ chosen: [[AdaptationMethod]]) -> Double {
                chosen.map { methods in
                    let residuals = residuals(label, methods, all)
                    return Self.off(rows.map { residuals[$0] })
                }.min() ?? .infinity
            }
            return best(choices.filter { $0.contains(method) })
                > Self.hopeless * best(choices.filter { !$0.contains(method) })
        }
    }

    /// How far off a label is read, per star, in units of its spread.
    private func residuals(
        _ label: Int, _ methods: [AdaptationMethod], _ read: [AdaptationMethod: [[Double]]]
    ) -> [Double] {
        (0..<stars.count).map { row in
            standard[label][row]
                - methods.reduce(0) { $0 + (read[$1]?[label][row] ?? .nan) } / Double(methods.count)
        }
    }

    private func predictor(
        _ method: AdaptationMethod, without fold: Int, _ places: KernelPlaces, _ kernel: inout KernelPlaces.Kernel?
    ) throws -> any LabelPredictor {
        let rows = rows(fold, inside: false)
        switch method {
        case .labels, .features:
            let input = try input(rows)
            let (own, counts) = (
                standard.map { column in rows.map { column[$0] } }, weights.map { column in rows.map { column[$0] } }
            )
            let kernels = kernel.map { [$0] } ?? Self.kernels(method, knowsLabels: !stars.known.isEmpty)
            let candidates = try kernels.map {
                try KernelPredictor(places, $0, input, labels: own, starWeights: counts)
            }
            guard let best = candidates.min(by: { $0.unlikelihood < $1.unlikelihood }) else {
                throw Diagnostic(catalogue, problem: "holds nothing to learn from")
            }
            kernel = best.kernel
            return best
        case .lowRank, .full, .flux:
            let learning: EncoderPredictor.Learning =
                switch method {
                case .lowRank: .lowRank(EncoderPredictor.rank)
                case .full: .all
                default: .fromNothing
                }
            let branch = try reader.model.description(of: stars.instrument)
            let encoder = try reader.model.branch(stars.instrument).backbone
            let url = folder.appending(path: "\(stars.instrument.name)-\(method.rawValue)-\(fold).safetensors")
            if let before = try finished(url, branch, encoder) { return before }
            let predictor = try EncoderPredictor.learned(
                learning, branch, encoder, data: data, names: labels.map(\.name), scales: (mean, std), rows: rows,
                seed: options.seed &+ UInt64(fold), device: reader.device, progress: StepsAlone(of: progress))
            let recipe = String(decoding: try JSONEncoder().encode(predictor.recipe), as: UTF8.self)
            try SafetensorsFile.write(
                predictor.keptTensors, metadata: ["settings": settings, "recipe": recipe], to: url)
            return predictor
        }
    }

    /// What an interrupted run has learned already.
    private func finished(
        _ url: URL, _ branch: BranchDescription, _ encoder: any Encoder
    ) throws -> EncoderPredictor? {
        guard FileManager.default.fileExists(atPath: url.path), let file = try? SafetensorsFile(contentsOf: url),
            file.metadata["settings"] == settings, let text = file.metadata["recipe"],
            let recipe = try? JSONDecoder().decode(PredictorRecipe.self, from: Data(text.utf8))
        else { return nil }
        let tensors = try file.names.reduce(into: [String: Tensor]()) { $0[$1] = try file.tensor($1).clone() }
        return try EncoderPredictor(
            recipe, tensors, labels: labels.count, branch, encoder, device: reader.device)
    }

    /// What decides what is learned: an interrupted run goes on only under the same.
    private lazy var settings: String = {
        let values = standard.map { column in column.map { "\($0)" }.joined(separator: " ") }.joined(separator: "\n")
        let stars = zip(self.stars.names, folds).map { "\($0) \($1)" }.joined(separator: "\n")
        return ContentHash.of(
            [ContentHash.of(reader.file.url), values, stars, "\(options.seed) \(labels.map(\.name))"]
                .joined(separator: "\n"))
    }()

    /// What a kernel may be; the stars tell which they like best.
    private static func kernels(_ method: AdaptationMethod, knowsLabels: Bool) -> [KernelPlaces.Kernel] {
        if method == .labels { return [KernelPlaces.Kernel(cubic: 10, features: 0, length: 1)] }
        return (knowsLabels ? [1.0, 10] : [0]).flatMap { cubic in
            [0.7, 1.4].map { KernelPlaces.Kernel(cubic: cubic, features: 1, length: $0) }
        }
    }

    /// The spectra, read when an encoder first asks for them.
    private func spectra() throws -> SpectrumRows {
        let found = try opened ?? SpectrumRows(data, stars.instrument, .train, withErrors: true)
        opened = found
        return found
    }

    /// Per row, per label, in units of the spread.
    private func predicted(_ predictor: any LabelPredictor, _ rows: [Int]) throws -> [[Double]] {
        var found: [[Double]] = []
        let inputs = (predictor as? EncoderPredictor)?.inputs
        for start in stride(from: 0, to: rows.count, by: 512) {
            try Interruption.check()
            let part = Array(rows[start..<min(start + 512, rows.count)])
            var input = try input(part)
            if let inputs { input.spectra = try spectra().batch(part, for: inputs) }
            let values = try predictor(input).doubles()
            found += part.indices.map { Array(values[$0 * labels.count..<($0 + 1) * labels.count]) }
        }
        return found
    }

    // MARK: - The choice

    private func chosen(
        _ predictors: [AdaptationMethod: [any LabelPredictor]], _ read: [AdaptationMethod: [[Double]]],
        _ places: KernelPlaces, _ givenUp: [AdaptationMethod]
    ) throws -> AdaptedLabels {
        let known = AdaptationMethod.allCases.filter { read[$0] != nil && !givenUp.contains($0) }
        let choices = AdaptationMethod.choices(among: known)
        let input = try input(Array(0..<stars.count))
        let found = try labels.indices.map { label -> AdaptationDescription.Label in
            let all = choices.map { residuals(label, $0, read) }
            let offs = all.map { Self.off($0) }
            let least = offs.min() ?? 0
            let place = offs.firstIndex { $0 <= least * (1 + Self.indifferent) } ?? 0
            var found = try described(label, choices, all, place, input)
            for method in givenUp {
                let own = residuals(label, [method], read)
                found.scatter[method.rawValue] = robustSigma(
                    inUnits(own, label, own.indices.filter { own[$0].isFinite }))
            }
            return found
        }
        let used = Set(found.flatMap(\.chosen))
        let description = AdaptationDescription(
            name: options.name, scale: options.scale, catalogue: URL(fileURLWithPath: catalogue).lastPathComponent,
            stars: stars.count,
            groups: Set(groups).count, identifiers: stars.count <= Self.mostNames ? stars.names : nil, labels: found,
            known: stars.known, knownRanges: knownRanges(), folds: foldCount, givenUp: givenUp,
            features: features.shape[1],
            places: places.count,
            recipes: predictors.filter { used.contains($0.key) }.reduce(into: [:]) { recipes, entry in
                recipes[entry.key.rawValue] = entry.value.first?.recipe
            })
        return AdaptedLabels(
            description: description, predictors: predictors.filter { used.contains($0.key) }, places: places,
            domain: domain())
    }

    /// A costlier way must be better by so much.
    private static let indifferent = 0.01
    /// Names of more stars are not kept.
    private static let mostNames = 10_000

    /// How far off a label is read: the mean of what residuals are, those beyond 3 robust σ taken as such.
    private static func off(_ residuals: [Double]) -> Double {
        let sizes = residuals.filter(\.isFinite).map { abs($0) }
        guard !sizes.isEmpty else { return .infinity }
        let limit = 3 * median(sizes) / 0.6745
        return sizes.reduce(0) { $0 + min($1, limit) } / Double(sizes.count)
    }

    private func described(
        _ label: Int, _ choices: [[AdaptationMethod]], _ residuals: [[Double]], _ place: Int, _ all: AdaptationInput
    ) throws -> AdaptationDescription.Label {
        let own = residuals[place]
        let rows = own.indices.filter { own[$0].isFinite }
        let spread = SpreadModel(own, all)
        let spreads = spread(all)
        let scores = FoldScores(
            (0..<foldCount).map { fold in rows.filter { folds[$0] == fold }.map { own[$0] / spreads[$0] } })
        let values = rows.map { labels[label].value(learned: learned[label][$0]) }
        var scatter: [String: Double] = [:]
        for (methods, residuals) in zip(choices, residuals) where methods.count == 1 || methods == choices[place] {
            scatter[methods.key] = robustSigma(inUnits(residuals, label, rows))
        }
        return AdaptationDescription.Label(
            label: labels[label], mean: mean[label], std: std[label],
            range: (values.min() ?? 0)...(values.max() ?? 0), stars: rows.count, chosen: choices[place],
            scatter: scatter,
            gain: choices.firstIndex(of: [.labels]).map { plain in
                gain(inUnits(residuals[plain], label, rows), inUnits(own, label, rows), rows)
            }, spread: spread, scores: scores)
    }

    /// Residuals in the label's unit.
    private func inUnits(_ residuals: [Double], _ label: Int, _ rows: [Int]) -> [Double] {
        rows.map { row in
            let truth = learned[label][row]
            return labels[label].value(learned: truth)
                - labels[label].value(learned: truth - residuals[row] * std[label])
        }
    }

    private static let resamples = 200

    private func gain(_ plain: [Double], _ own: [Double], _ rows: [Int]) -> AdaptationDescription.Gain {
        let members = Dictionary(grouping: rows.indices) { groups[rows[$0]] }.sorted { $0.key < $1.key }.map(\.value)
        var random = SeededGenerator(seed: options.seed)
        let draws = (0..<Self.resamples).map { _ -> Double in
            let drawn = members.indices.flatMap { _ in members[Int.random(in: 0..<members.count, using: &random)] }
            return robustSigma(drawn.map { plain[$0] }) - robustSigma(drawn.map { own[$0] })
        }
        let centre = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(draws.count - 1)
        return .init(value: robustSigma(plain) - robustSigma(own), error: variance.squareRoot())
    }

    /// Between which values nearly all stars have the labels that the model reads, a twentieth more on both sides.
    private func knownRanges() -> [ClosedRange<Double>] {
        let (values, width) = (known.doubles(), stars.known.count)
        return (0..<width).map { place in
            let sorted = (0..<stars.count).map { values[$0 * width + place] }.filter(\.isFinite).sorted()
            guard !sorted.isEmpty else { return -.greatestFiniteMagnitude ... .greatestFiniteMagnitude }
            // One star in two hundred may be misread itself.
            let few = sorted.count / 200
            let (low, high) = (sorted[few], sorted[sorted.count - 1 - few])
            let margin = 0.05 * (high - low)
            return low - margin...high + margin
        }
    }

    /// Stars without which nothing is known of the region that they fill.
    private static let fewestOfDomain = 100

    private func domain() -> TrainingDomain? {
        guard stars.count >= Self.fewestOfDomain else { return nil }
        func part(_ inside: Bool) -> Tensor {
            let rows = rows(0, inside: inside)
            return features.indexSelect(0, Tensor(rows.map(Int64.init), shape: [rows.count]))
        }
        return withoutGradient { TrainingDomain(part(false), heldOut: part(true)) }
    }
}

/// Tells how far a training has come, without a word of its own: there are dozens of them.
private struct StepsAlone: ProgressSink {
    private let sink: any ProgressSink

    init(of sink: any ProgressSink) { self.sink = sink }

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {
        sink.report(row, of: steps, secondsLeft: secondsLeft)
    }

    func note(_ text: String) {}
}
