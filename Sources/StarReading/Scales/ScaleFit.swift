import Algorithms
import Datasets
import Foundation
import Statistics
import Support
import Torch

/// Learns what leads from one table's labels to another's, for stars like those that both have.
///
/// The form of each label's function (none, a constant, a polynomial of degree 1 to 3) is the simplest whose mean absolute residual
/// on stars of other groups is within one standard error of the best. All of this is done once more without a fifth of the groups at
/// a time: what is told of the corrected stars is of such as the function, and the choice of its form, had not seen.
public struct ScaleFit {
    /// Labels and what their functions are of.
    public struct Stars: Sendable {
        /// What is corrected, and second minus first, one a star; NaN where unknown.
        public var differences: [(label: StellarLabel, values: [Double], excess: Double?)]
        /// What the functions are of, as the first table has it.
        public var inputs: [(label: StellarLabel, values: [Double])]
        /// What is never parted, one a star.
        public var groups: [String]

        /// Stars of two tables.
        public init(
            differences: [(label: StellarLabel, values: [Double], excess: Double?)],
            inputs: [(label: StellarLabel, values: [Double])], groups: [String]
        ) {
            (self.differences, self.inputs, self.groups) = (differences, inputs, groups)
        }
    }

    /// What was learned.
    public let scale: LabelScale
    /// Per label, what is left of the differences, one a star, after a function that had not seen its group.
    public let heldOut: [[Double]]

    private static let folds = 5
    private static let resamples = 20
    /// Of more, the rest would tell nothing.
    private static let (mostStars, mostReferences) = (20_000, 256)
    private static let fewest = 30

    /// - Parameters:
    ///   - stars: to learn from.
    ///   - name: of the scale.
    ///   - instrument: that it holds for.
    ///   - first: what was compared.
    ///   - second: likewise.
    ///   - seed: of folds and resamples.
    /// - Throws: `Diagnostic` for fewer than 30 stars, or three groups.
    public init(
        _ stars: Stars, name: String, instrument: String, first: String, second: String, seed: UInt64 = 42
    ) throws {
        let known = stars.groups.indices.filter { star in
            stars.inputs.allSatisfy { $0.label.learned($0.values[star]).isFinite }
                && stars.differences.contains { $0.values[star].isFinite }
        }.evenlySampled(Self.mostStars)
        let groups = known.map { stars.groups[$0] }
        let parting = StarGroups(groups, seed: seed)
        guard known.count >= Self.fewest, parting.count >= 3 else {
            throw Diagnostic(
                second,
                problem: "\(known.count) stars in \(parting.count) groups have the labels that a correction is of",
                remedy: "give \(Self.fewest) or more in three groups, or leave the correction out")
        }
        let learned = stars.inputs.map { input in known.map { input.label.learned(input.values[$0]) } }
        let centre = learned.map(median)
        let spread = learned.map { max(robustSigma($0), 1e-9) }
        let places = known.indices.map { row in learned.indices.map { (learned[$0][row] - centre[$0]) / spread[$0] } }
        let (references, reach) = Self.domain(places)
        var random = SeededGenerator(seed: seed)
        var corrections: [LabelScale.Correction] = []
        var heldOut: [[Double]] = []
        for (label, values, excess) in stars.differences {
            let own = known.indices.filter { values[known[$0]].isFinite }
            let data = Points(
                places: own.map { places[$0] }, values: own.map { values[known[$0]] }, groups: own.map { groups[$0] })
            guard data.values.count >= Self.fewest else {
                throw Diagnostic(
                    second, field: label.name, problem: "\(data.values.count) stars have it in both tables",
                    remedy: "leave it out of --labels")
            }
            let form = data.form(seed: seed)
            var rest = [Double](repeating: .nan, count: stars.groups.count)
            for (training, held) in data.parted(Self.folds, seed: seed &+ 1) {
                let part = data.rows(training)
                let weights = part.fit(part.form(seed: seed &+ 2))
                for row in held { rest[known[own[row]]] = data.values[row] - weights.value(at: data.places[row]) }
            }
            heldOut.append(rest)
            let bootstrap = GroupBootstrap(data.groups)
            // A correction that was not needed may still be off by what the offset cannot be told better than.
            let isNone = form == .none
            let whole = data.fit(isNone ? .constant : form).coefficients
            let coefficients =
                [whole]
                + (0..<Self.resamples).map { _ in
                    data.rows(bootstrap.draw(using: &random)).fit(isNone ? .constant : form).coefficients
                }
            func score(_ values: [Double]) -> [Double] { [median(values), robustSigma(values)] }
            corrections.append(
                LabelScale.Correction(
                    label: label, form: form,
                    coefficients: isNone ? coefficients.map { zip($0, whole).map(-) } : coefficients,
                    excess: excess, before: score(data.values), after: score(rest.filter(\.isFinite)),
                    stars: data.values.count))
        }
        self.heldOut = heldOut
        scale = LabelScale(
            name: name, instrument: instrument, first: first, second: second, inputs: stars.inputs.map(\.label),
            centre: centre, spread: spread,
            ranges: stars.inputs.map { input in
                let values = known.map { input.values[$0] }.sorted()
                return values[0]...values[values.count - 1]
            }, references: references, reach: reach, stars: known.count, groups: parting.count,
            corrections: corrections)
    }

    /// Some of the stars, and within which distance of one of them nearly all others are.
    private static func domain(_ places: [[Double]]) -> (references: [[Double]], reach: Double) {
        /// From a star to the nearest other.
        func nearest(_ place: [Double], _ others: [[Double]]) -> Double {
            var least = Double.infinity
            for other in others {
                var square = 0.0
                for axis in place.indices { square += (place[axis] - other[axis]) * (place[axis] - other[axis]) }
                if square > 0 { least = min(least, square) }
            }
            return least.isFinite ? least.squareRoot() : 0
        }
        func quantile(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : ordered(values, at: min(values.count - 1, values.count * 98 / 100))
        }
        let some = places.evenlySampled(mostReferences)
        let own = some.map { nearest($0, some) }
        let limit = quantile(own)
        // Stars apart from all others would be islands that nothing supports.
        let kept = zip(some, own).filter { $1 <= limit }.map(\.0)
        let reach = quantile(places.evenlySampled(2000).map { nearest($0, kept) })
        return (kept, max(reach, 1e-6))
    }
}

/// Differences at places.
private struct Points {
    let places: [[Double]]
    let values: [Double]
    let groups: [String]

    func rows(_ rows: [Int]) -> Points {
        Points(places: rows.map { places[$0] }, values: rows.map { values[$0] }, groups: rows.map { groups[$0] })
    }

    /// Rows to learn from and to look at, fold by fold.
    func parted(_ count: Int, seed: UInt64) -> [(training: [Int], held: [Int])] {
        let parting = StarGroups(groups, seed: seed)
        let fold = parting.folds(min(count, parting.count))
        return (1...min(count, parting.count)).map { number in
            let held = groups.indices.filter { fold[groups[$0]] == number }
            return (groups.indices.filter { fold[groups[$0]] != number }, held)
        }
    }

    /// A function that was learned.
    struct Function {
        let degree: Int
        let coefficients: [Double]

        func value(at place: [Double]) -> Double {
            zip(LabelScale.terms(place, degree: degree), coefficients).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    func fit(_ form: LabelScale.Form) -> Function {
        switch form {
        case .none: return Function(degree: 0, coefficients: [0])
        case .constant: return Function(degree: 0, coefficients: [median(values)])
        case .linear, .quadratic, .cubic:
            let rows = places.map { LabelScale.terms($0, degree: form.degree).dropFirst() }
            let width = rows[0].count
            let features = Tensor(rows.flatMap { $0 }, shape: [rows.count, width])
            let ridge = RidgeRegression(
                features, labels: values, penalties: [1e-3, 1e-1, 1, 1e1, 1e2, 1e3], fit: .robust(rounds: 6),
                standardises: false, isLikeliest: true)
            let weights = ridge.weights.doubles()
            // What is quoted is the median: that is what is brought to 0.
            let function = Function(degree: form.degree, coefficients: [ridge.offset] + weights)
            let left = median(zip(values, places).map { $0 - function.value(at: $1) })
            return Function(degree: form.degree, coefficients: [ridge.offset + left] + weights)
        }
    }

    /// The simplest form that is as good as the best within one standard error.
    func form(seed: UInt64) -> LabelScale.Form {
        let folds = parted(5, seed: seed)
        let count = values.count
        let forms = LabelScale.Form.allCases.filter {
            10 * LabelScale.terms(places[0], degree: $0.degree).count <= count
        }
        let misses = forms.map { form in
            var missed = [Double](repeating: 0, count: count)
            for (training, held) in folds where !training.isEmpty {
                let function = rows(training).fit(form)
                for row in held { missed[row] = abs(values[row] - function.value(at: places[row])) }
            }
            return missed
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(count) }
        guard let best = misses.min(by: { mean($0) < mean($1) }) else { return .none }
        for (form, own) in zip(forms, misses) {
            let more = zip(own, best).map { $0 - $1 }
            let average = mean(more)
            // Stars of a group err together.
            var sums: [String: Double] = [:]
            for (group, value) in zip(groups, more) { sums[group, default: 0] += value - average }
            let error = sums.values.reduce(0) { $0 + $1 * $1 }.squareRoot() / Double(count)
            if average <= error { return form }
        }
        return .none
    }
}
