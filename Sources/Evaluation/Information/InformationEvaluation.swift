import Datasets
import Foundation
import OrderedBottleneck
import SpecCLIP
import Spectra
import StarReading
import Support
import Torch

/// How much the spectra, features and embeddings of two instruments tell of each other, in nats, and along how many directions.
public struct InformationReport: Codable, Sendable {
    /// A number with its error.
    public typealias Score = AlignmentReport.Score

    /// Two things that are compared.
    public struct Row: Codable, Sendable {
        /// What they are.
        public var first: String, second: String
        /// Numbers of each.
        public var widths: [Int]
        /// Held-out stars that a partner is looked for among; log of it is the most that `lower` can be.
        public var stars: Int
        /// InfoNCE: not above the mutual information.
        public var lower: Score
        /// Leave-one-out, and CLUB: not below it if a network told the second given the first exactly.
        public var upper: Score, club: Score
        /// Nearest neighbours along the canonical directions.
        public var neighbours: NearestNeighbourInformation
        /// What the canonical correlations stand for if all were Gaussian.
        public var gaussian: Double
        /// Canonical correlations on held-out stars, and how many of them chance does not make.
        public var correlations: [Double], dimension: Int
        /// Singular values of the critic.
        public var spectrum: CriticSpectrum
        /// (Σ s²)² / Σ s⁴ of these.
        public var participation: Double

        /// Whether `upper` can be one: a density that is too simple for many numbers that hang together falls below what there is
        /// at least, and then tells nothing.
        public var hasUpper: Bool { upper.value + 3 * hypot(upper.error, lower.error) > lower.value }

        /// log N, the ceiling of `lower`.
        public var ceiling: Double { Foundation.log(Double(stars)) }
    }

    /// Dimension of a set of embeddings by their neighbours.
    public struct Dimension: Codable, Sendable {
        /// Of which instrument.
        public var instrument: String
        /// TwoNN and maximum likelihood over 20 neighbours; nil where there is no answer.
        public var twoNN: Double?, maximumLikelihood: Double
    }

    /// Kind of data, and the model's file.
    public var tier: String
    /// The instruments.
    public var first: String, second: String
    /// Stars that networks learned from, and held-out stars.
    public var training: Int, heldOut: Int
    /// What was compared.
    public var rows: [Row]
    /// Of the embeddings.
    public var dimensions: [Dimension]
}

/// Measures ``InformationReport``: networks learn from the training split, stop by the validation split, and are judged on the test
/// split of pairs.
public struct InformationEvaluation {
    /// What can be chosen.
    public struct Options: Sendable {
        /// Steps and rows a step of each network.
        public var steps = 1000, batch = 512
        /// Principal components that stand for a spectrum.
        public var components = 32
        /// Stars of each split, at most, evenly sampled.
        public var training = 12_000, heldOut = 4096
        /// Canonical directions of the nearest neighbours.
        public var directions = 3
        /// Canonical directions of the second side that its density is of, at most.
        public var related = 24
        /// Seed of weights and batches.
        public var seed: UInt64 = 1

        /// The defaults.
        public init() {}
    }

    private let model: SpecCLIPModel
    private let data: PairedDataSet
    private let options: Options

    /// - Parameters:
    ///   - model: aligned.
    ///   - data: pairs.
    ///   - options: how long, how many.
    public init(_ model: SpecCLIPModel, _ data: PairedDataSet, options: Options = Options()) {
        (self.model, self.data, self.options) = (model, data, options)
    }

    /// What is known of the stars of a split that both instruments have seen.
    private struct Views {
        /// `[N, …]`, by name.
        var rows: [(name: String, values: Tensor)] = []
    }

    /// - Parameter progress: told what is done.
    /// - Throws: `Diagnostic` where model and data share no two instruments, or stars are too few.
    public func run(_ progress: (String) -> Void = { _ in }) throws -> InformationReport {
        let shared = model.instruments.filter(data.has)
        guard shared.count >= 2 else {
            throw Diagnostic(
                data.url.path, field: "instruments",
                problem: "shares \(shared.map(\.name).joined(separator: ", ")) with the model: two are compared",
                remedy: "give pairs of two instruments that the model reads: "
                    + model.instruments.map(\.name).joined(separator: ", "))
        }
        let pair = Array(shared.prefix(2))
        let splits: [(Split, Int)] = [
            (.train, options.training), (.validation, 2048), (.test, options.heldOut),
        ]
        let chosen = try splits.map { split, limit in
            try data.rows(seenBy: pair, split: split).evenlySampled(limit)
        }
        for ((split, _), rows) in zip(splits, chosen) where rows.count < 50 {
            throw Diagnostic(
                data.url.path, field: split.rawValue, problem: "holds \(rows.count) stars seen by both instruments",
                remedy: "give 50 or more in each of train, validation and test")
        }
        var views = [[(name: String, values: Tensor)]](repeating: [], count: splits.count)
        for instrument in pair {
            progress("\(instrument.title) spectra")
            for (place, own) in try represented(instrument, splits.map(\.0), chosen).enumerated() {
                views[place] += own
            }
        }
        let labels = try labels(splits.map(\.0), chosen)
        let (a, b) = (pair[0].name, pair[1].name)
        var wanted = [
            ("spectrum \(a)", "spectrum \(b)"), ("features \(a)", "features \(b)"),
            ("embedding \(a)", "embedding \(b)"),
            ("embedding \(a)", "spectrum \(b)"), ("embedding \(b)", "spectrum \(a)"),
        ]
        if let labels {
            for place in views.indices { views[place].append(("labels", labels[place])) }
            wanted += [a, b].flatMap { [("spectrum \($0)", "labels"), ("embedding \($0)", "labels")] }
        }
        var rows: [InformationReport.Row] = []
        for (first, second) in wanted {
            progress("\(first), \(second)")
            let parts = views.map { view -> PairedRows? in
                guard let x = view.first(where: { $0.name == first }), let y = view.first(where: { $0.name == second })
                else { return nil }
                return PairedRows(x.values, y.values)
            }
            guard let training = parts[0], let validation = parts[1], let test = parts[2] else { continue }
            rows.append(try Self.measure(first, second, training, validation, test, options))
        }
        return InformationReport(
            tier: data.tier, first: a, second: b, training: chosen[0].count, heldOut: chosen[2].count, rows: rows,
            dimensions: pair.compactMap { instrument in
                views[2].first { $0.name == "embedding \(instrument.name)" }.map { view in
                    let found = NeighbourDimension(view.values)
                    return .init(
                        instrument: instrument.name, twoNN: found.twoNN, maximumLikelihood: found.maximumLikelihood)
                }
            })
    }

    /// All estimates of what two sets of numbers of the same stars tell of each other.
    /// - Parameters:
    ///   - first: what they are called.
    ///   - second: likewise.
    ///   - training: to learn from.
    ///   - validation: decides which weights are kept.
    ///   - test: is judged.
    public static func measure(
        _ first: String, _ second: String, _ training: PairedRows, _ validation: PairedRows, _ test: PairedRows,
        _ options: Options = Options()
    ) throws -> InformationReport.Row {
        let critic = try InformationCritic.fitted(
            training, validation: validation, steps: options.steps, batch: options.batch, seed: options.seed)
        // A density of all numbers would be lost in those that the other side tells nothing of: it is of those that go along with
        // it, as validation stars say.
        let related = CanonicalCorrelations(training, heldOut: validation)
        let kept = max(1, min(related.count, options.related))
        func along(_ rows: PairedRows) -> PairedRows { PairedRows(rows.x, related.projected(rows, count: kept).y) }
        let density = try ConditionalDensity.fitted(
            along(training), validation: along(validation), steps: options.steps, batch: options.batch,
            seed: options.seed)
        return try catchingTorchErrors {
            withoutGradient {
                let (f, g) = critic.sides(test)
                let spectrum = CriticSpectrum(f, g)
                // All pairs of more would not fit into memory.
                let bounds = density.bounds(along(test).prefix(1024))
                let canonical = CanonicalCorrelations(training, heldOut: test)
                let near = canonical.projected(test.prefix(3000), count: options.directions)
                return InformationReport.Row(
                    first: first, second: second, widths: [test.x.size(1), test.y.size(1)], stars: test.count,
                    lower: .init(critic.bound(test).doubles()), upper: .init(bounds.leaveOneOut),
                    club: .init(bounds.club), neighbours: NearestNeighbourInformation(near.x, near.y),
                    gaussian: canonical.gaussianInformation, correlations: canonical.correlations,
                    dimension: canonical.count, spectrum: spectrum, participation: spectrum.participation)
            }
        }
    }

    // MARK: - What is compared

    /// Spectra as their principal components, features of the encoder alone, and embeddings, per split; each uncorrelated and of
    /// unit variance on the training split.
    private func represented(
        _ instrument: Instrument, _ splits: [Split], _ chosen: [[Int]]
    ) throws -> [[(name: String, values: Tensor)]] {
        let inputs = model.inputs(of: instrument)
        let width = model.descriptionOfModel.embedding ?? 0
        let start = model.descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)
        let parts = try zip(splits, chosen).map { split, places -> (flux: Tensor, features: Tensor) in
            let rows = try model.rows(data, instrument, split)
            var flux: [Tensor] = []
            let features = try model.features(places.count, of: instrument) { wanted in
                let batch = try rows.batch(wanted.map { places[$0] }, for: inputs)
                flux.append(Self.thinned(batch.flux))
                return batch
            }
            return (Tensor.cat(flux, dim: 0), features)
        }
        func whitened(_ all: [Tensor], _ count: Int) -> [Tensor] {
            let components = PrincipalComponents(all[0], count: min(count, all[0].size(1)))
            let most = components.variances.first ?? 1
            // What hardly varies is rounding.
            let kept = max(1, components.variances.count { $0 > 1e-8 * most })
            let scale = Tensor(components.variances.prefix(kept).map { Float(1 / $0.squareRoot()) }, shape: [1, kept])
            return all.map { components.project($0).narrow(1, start: 0, length: kept) * scale }
        }
        let spectra = whitened(parts.map(\.flux), options.components)
        let embeddings = whitened(parts.map { $0.features.narrow(1, start: 0, length: width) }, width)
        let own = parts.map { $0.features.narrow(1, start: start, length: $0.features.size(1) - start) }
        let features = whitened(own, own[0].size(1))
        return splits.indices.map { place in
            [
                ("spectrum \(instrument.name)", spectra[place]), ("features \(instrument.name)", features[place]),
                ("embedding \(instrument.name)", embeddings[place]),
            ]
        }
    }

    /// Neighbouring pixels averaged to at most 1024: principal components of more would take minutes.
    private static func thinned(_ flux: Tensor) -> Tensor {
        let factor = (flux.size(1) + 1023) / 1024
        guard factor > 1 else { return flux }
        let kept = flux.size(1) / factor
        return flux.narrow(1, start: 0, length: kept * factor).reshaped([flux.size(0), kept, factor]).mean(dims: [2])
    }

    /// Teff, log g and [Fe/H] as they are learned, in units of their spread; nil where not all stars have them.
    private func labels(_ splits: [Split], _ chosen: [[Int]]) throws -> [Tensor]? {
        let names = ["teff", "logg", "fe_h"].filter(data.labelNames.contains)
        guard !names.isEmpty else { return nil }
        let values = try zip(splits, chosen).map { split, places in
            try names.map { name in
                let all = try data.labels(name, split: split)
                return places.map { StellarLabel(named: name).learned(all[$0]) }
            }
        }
        guard values.allSatisfy({ $0.allSatisfy { $0.allSatisfy(\.isFinite) } }) else { return nil }
        let (means, spreads) = (
            values[0].map { $0.reduce(0, +) / Double($0.count) }, values[0].map { max(1e-9, spread($0)) }
        )
        return values.map { columns in
            let count = columns[0].count
            let rows = (0..<count).flatMap { row in
                columns.indices.map { Float((columns[$0][row] - means[$0]) / spreads[$0]) }
            }
            return Tensor(rows, shape: [count, columns.count])
        }
    }

    private func spread(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }
}
