import Datasets
import Foundation
import Spectra
import StarReading
import Statistics
import Support
import Tables

/// What is asked of stars, whichever way they come: what `predict`, `embed`, `translate`, `search` and `outliers` do.
struct StarQuestion: Sendable {
    /// What stands before the stars.
    var head: [(String, JSON)] = []
    /// Whether a missing band is drawn, as the command does where it does.
    var drawsBands = true
    /// Spectra at once.
    var size = 64
    /// The rows of some observations, one each.
    var rows: @Sendable ([Observation], Ticket) throws -> [[(String, JSON)]]
    /// What is known when all rows are.
    var completed: @Sendable ([[(String, JSON)]]) -> [[(String, JSON)]] = { $0 }
}

extension JSON {
    /// A row of a table, with the observation's number in its file after the file's name.
    static func fields(_ table: Table, _ row: Int, _ observation: Observation) -> [(String, JSON)] {
        var fields = table.jsonFields(row).map { ($0.name, JSON.written($0.value)) }
        fields.insert(("row", .integer(observation.position.row + 1)), at: min(1, fields.count))
        return fields
    }
}

extension StarService {
    /// Labels: the columns of `predict`, and what the flags mean.
    func labelsQuestion() throws -> StarQuestion {
        let catalogue = try catalogue()
        return StarQuestion { [self, engine] observations, ticket in
            let found = try workers.waiting { try engine.labels(of: observations, ticket) }
            return catalogue.rows(observations, found)
        }
    }

    /// The same, of stars that a session keeps.
    func labelsQuestion(keptIn session: Session) throws -> StarQuestion {
        let catalogue = try catalogue()
        return StarQuestion { [self, engine] observations, ticket in
            let found = try workers.waiting { try engine.labels(of: observations, ticket) }
            return try session.add(observations, found, catalogue.rows(observations, found))
        }
    }

    /// Embeddings.
    func embeddingQuestion() -> StarQuestion {
        let width = reader.model.truncatedWidth ?? reader.embeddingWidth
        return StarQuestion { [self] observations, ticket in
            let values = try perform(ticket) { reader in
                try reader.embed(observations).narrow(1, start: 0, length: width).floats()
            }
            let table = StarCatalogue.vectors("embedding", observations, values, width: width)
            return observations.indices.map { JSON.fields(table, $0, observations[$0]) }
        }
    }

    /// The spectrum that another instrument would see.
    func translationQuestion(to name: String, samples: Int) throws -> StarQuestion {
        let target = try reader.instrument(named: name, option: "to")
        let generator = try known.generator(of: target)
        if generator == nil, samples > 0 {
            throw Diagnostic(
                "samples \(samples)", problem: "the model draws no spectra of \(target.title) as distributions",
                remedy: "leave it out")
        }
        let head: [(String, JSON)] = [
            ("instrument", .text(target.name)), ("wavelength", .numbers(target.grid.wavelengths)),
            ("normalisation", .text(target.normalisation.divisor)),
        ]
        return StarQuestion(head: head, drawsBands: false, size: generator == nil ? 64 : 32) {
            [self] observations, ticket in
            let columns = try perform(ticket) { reader in
                try reader.translation(observations, to: target, by: generator, samples: samples)
            }
            let table = StarCatalogue.vectors(columns, observations, width: target.grid.count)
            return observations.indices.map { JSON.fields(table, $0, observations[$0]) }
        }
    }

    /// Known stars that look alike, of those whose labels meet the conditions.
    func searchQuestion(top: Int, among: String, where conditions: [LabelCondition]) throws -> StarQuestion {
        let stars = try reader.lookAlikes(among: among, filter: AtlasFilter(conditions))
        let labels = stars.labelNames.map { StellarLabel(named: $0) }
        return StarQuestion { [self] observations, ticket in
            let found = try perform(ticket) { reader in
                try stars.nearest(to: reader.embed(observations), of: observations, top: top)
            }
            return zip(observations, found).map { observation, own in
                let table = StarCatalogue.neighbours([observation], [own], labels).without("file", "query_source_id")
                let alike = (0..<table.rowCount).map { row in
                    JSON.object(table.jsonFields(row).map { ($0.name, .written($0.value)) })
                }
                return [
                    ("file", .text(observation.name)), ("row", .integer(observation.position.row + 1)),
                    ("source_id", .text(orNull: observation.sourceID)),
                    ("instrument", .text(observation.instrument.name)), ("look_alikes", .array(alike)),
                ]
            }
        }
    }

    /// How odd spectra are.
    func outliersQuestion() throws -> StarQuestion {
        let finder = try known.outlierFinder()
        var question = StarQuestion(drawsBands: false) { [self] observations, ticket in
            let found = try perform(ticket) { _ in
                try finder.value.outliers(ObservedStar.apart(observations))
            }
            let table = StarCatalogue.outliers(observations, found)
            return observations.indices.map { row in
                JSON.fields(table, row, observations[row]) + [(Self.probability, .number(found[row].p))]
            }
        }
        // The rate of false discoveries is one of all stars.
        question.completed = { rows in
            let p = rows.map { row in
                if case .number(let value)? = row.first(where: { $0.0 == Self.probability })?.1 {
                    value
                } else {
                    Double.nan
                }
            }
            return zip(rows, falseDiscoveryRates(p)).map { row, rate in
                row.compactMap { field in
                    switch field.0 {
                    case Self.probability: nil
                    case "q": ("q", .number(threeDigits(rate)))
                    default: field
                    }
                }
            }
        }
        return question
    }

    /// Carries the p-value itself to where rates are worked out: rows have three digits of it.
    private static let probability = ""

    /// What `body` finds with the reader, while other threads read files.
    func perform<Value>(_ ticket: Ticket, _ body: @escaping (StarReader) throws -> Value) throws -> Value {
        try workers.waiting { try engine.perform(ticket, body) }
    }
}

/// Rows of labels as `predict` has them.
struct LabelRows: Sendable {
    private let labels: [StellarLabel]
    private let sets: [String]
    private let scale: (name: String, labels: Set<String>)?

    /// - Throws: `Diagnostic` where the model reads no labels.
    init(_ reader: StarReader) throws {
        (labels, sets) = (try reader.catalogueLabels(), reader.adaptationNames)
        scale = reader.scale.map { ($0, reader.scaledLabels) }
    }

    /// The table that the command writes.
    func table(_ observations: [Observation], _ found: [StarLabels]) -> Table {
        StarCatalogue.labels(labels, ObservedStar.apart(observations), found, sets: sets, scale: scale)
    }

    func rows(_ observations: [Observation], _ found: [StarLabels]) -> [[(String, JSON)]] {
        let table = table(observations, found)
        return observations.indices.map { row in
            JSON.fields(table, row, observations[row]) + [("flags", .texts(found[row].flags.names))]
        }
    }
}
