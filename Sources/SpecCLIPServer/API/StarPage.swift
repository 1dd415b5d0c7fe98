import Figures
import Foundation
import Portraits
import Spectra
import StarReading
import Statistics
import Support
import Tables
import Torch

/// What the page shows of one star.
struct StarPage {
    private let star: Session.Star
    private let reader: StarReader
    private let known: KnownParts

    /// Look-alikes of each star.
    private static let top = 10

    init(_ star: Session.Star, _ reader: StarReader, _ known: KnownParts) {
        (self.star, self.reader, self.known) = (star, reader, known)
    }

    /// All of it. Computes: for the engine's thread.
    /// - Parameters:
    ///   - number: of the star in its session.
    ///   - others: numbers of the session's stars, by their source.
    func json(_ number: Int, others: [String: Int]) throws -> JSON {
        let (observation, labels) = (star.observation, star.labels)
        let maker = try CardMaker(observation, reader)
        let card = maker.card
        return .object([
            ("star", .integer(number)), ("name", .text(observation.name)),
            ("source_id", .text(orNull: observation.sourceID)),
            (
                "instrument",
                .object([
                    ("name", .text(observation.instrument.name)), ("title", .text(observation.instrument.title)),
                ])
            ),
            ("ra", .number(observation.raw?.ra)), ("dec", .number(observation.raw?.dec)),
            ("snr", .number(observation.prepared.snr)), ("row", .object(star.row)),
            ("observed", card.observed.map(Self.observed) ?? .null),
            ("model_input", card.modelInput.map(Self.modelInput) ?? .null),
            ("prediction", card.translation.map(prediction) ?? .null),
            ("rest_velocity_km_s", .number(velocity)),
            ("labels", .array(labels.estimates.map(Self.label))),
            ("flags", .array(Self.flags(labels))),
            (
                "look_alikes",
                .array(try lookAlikes(of: maker.embedding).enumerated().map { Self.lookAlike($0 + 1, $1, others) })
            ),
            ("outlier", try outlier()), ("notes", .texts(observation.prepared.notes)),
            ("provenance", ModelAnswer.provenance(reader)), ("citation", .texts(ModelAnswer.citation)),
        ])
    }

    // MARK: - Spectra

    private static func observed(_ part: Card.Observed) -> JSON {
        .object([
            ("wavelength", .numbers(part.wavelength)), ("flux", .numbers(part.flux)), ("bad", .bools(part.bad)),
            ("continuum", .numbers(part.continuum)), ("unit", .text(part.fluxUnit)),
        ])
    }

    private static func modelInput(_ part: Card.ModelInput) -> JSON {
        .object([
            ("wavelength", .numbers(part.wavelength)), ("flux", .floats(part.flux.map(Float.init))),
            ("reconstruction", part.reconstruction.map { .floats($0.map(Float.init)) } ?? .null),
            ("bad", .bools(part.bad)), ("normalisation", .text(part.normalisation)),
        ])
    }

    /// The other instrument's spectrum, with the band that holds it in 68 of 100 stars.
    private func prediction(_ part: Card.Translation) -> JSON {
        func moved(_ sign: Double) -> JSON {
            part.error.map { error in .floats(zip(part.flux, error).map { Float($0 + sign * $1) }) } ?? .null
        }
        return .object([
            ("instrument", .text(part.instrument)), ("wavelength", .numbers(part.wavelength)),
            ("flux", .floats(part.flux.map(Float.init))), ("lower", moved(-1)), ("upper", moved(1)),
            ("normalisation", .text(part.normalisation)),
        ])
    }

    /// What brings the observed spectrum to rest: what the model tells, and what it was told.
    private var velocity: Double? {
        star.labels.estimates.first { $0.label.name == "rv" }.map { $0.value + star.observation.options.radialVelocity }
    }

    // MARK: - Labels

    private static func label(_ estimate: LabelEstimate) -> JSON {
        ModelAnswer.label(
            estimate.label,
            [
                ("value", .number(estimate.value)), ("error", .number(estimate.error)),
                ("lower", .number(estimate.interval?.lowerBound)), ("upper", .number(estimate.interval?.upperBound)),
                ("digits", .integer(estimate.label.digits)),
            ])
    }

    private static func flags(_ labels: StarLabels) -> [JSON] {
        func told(_ flags: QualityFlags, of set: String?) -> [JSON] {
            QualityFlags.all.filter { flags.contains($0.flag) }.map { flag in
                .object([
                    ("name", .text(flag.name)),
                    ("meaning", .text(set.map { "\($0): \(flag.meaning)" } ?? flag.meaning)),
                ])
            }
        }
        return told(labels.flags, of: nil)
            + labels.adaptedFlags.sorted { $0.key < $1.key }.flatMap { told($0.value, of: $0.key) }
    }

    /// Calibrated draws of the joint posterior, some hundred.
    func posterior() throws -> JSON {
        if let scale = reader.scale {
            throw Diagnostic(
                "posterior", problem: "labels are told on the scale of \(scale), which moves values and not draws",
                remedy: "start the server without --scale")
        }
        guard let samples = try reader.samples([star.observation]).first else { return .null }
        let places = Array(0..<(samples.draws.first?.count ?? 0)).evenlySampled(500)
        return .object([
            ("labels", .array(samples.labels.map { ModelAnswer.label($0) })),
            (
                "samples",
                .array(samples.draws.map { draws in .floats(places.map { draws[$0] }) })
            ),
        ])
    }

    // MARK: - Other stars

    private func lookAlikes(of embedding: Tensor) throws -> [FoundStar] {
        guard reader.hasAtlas else { return [] }
        return try reader.lookAlikes().nearest(
            to: embedding, of: [star.observation], top: Self.top, excludingSelf: true
        ).first ?? []
    }

    private static func lookAlike(_ rank: Int, _ found: FoundStar, _ others: [String: Int]) -> JSON {
        .object([
            ("k", .integer(rank)), ("source_id", .text(found.sourceID)), ("instrument", .text(found.instrument.name)),
            ("similarity", .number(found.similarity)), ("teff", .number(found.labels["teff"])),
            ("logg", .number(found.labels["logg"])), ("fe_h", .number(found.labels["fe_h"])),
            ("star", others[found.sourceID].map(JSON.integer) ?? .null),
        ])
    }

    /// One of them, with the spectrum that its embedding stands for.
    /// - Parameter text: its number in the list, from 1.
    func lookAlike(_ text: String) throws -> JSON {
        let found = try lookAlikes(of: reader.embed([star.observation]))
        guard let rank = Int(text), found.indices.contains(rank - 1) else {
            throw Refusal.absent("look-alike \(text.prefix(20))", "is not in the list", "it has \(found.count)")
        }
        let own = found[rank - 1]
        let flux = try reader.reference().flatMap { reference in
            try? reader.reconstruction(
                of: reference.embeddings.narrow(0, start: own.row, length: 1), as: own.instrument)
        }
        return .object([
            ("source_id", .text(own.sourceID)), ("instrument", .text(own.instrument.name)),
            ("labels", .object(own.labels.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })),
            ("wavelength", .numbers(own.instrument.grid.wavelengths)),
            ("flux", flux.map(JSON.floats) ?? .null),
            ("normalisation", .text(reader.reconstructionScale(of: own.instrument))),
            ("how", .text("reconstructed by the model from the look-alike's embedding")),
        ])
    }

    private func outlier() throws -> JSON {
        guard let finder = try? known.outlierFinder().value,
            finder.calibrated.contains(where: { $0.instrument == star.observation.instrument }),
            let own = try finder.outliers([ObservedStar(star.observation)]).first, own.p.isFinite
        else { return .null }
        let kinds: [(String, Double)] = [
            ("density", own.density), ("spectrum", own.spectrum), ("instruments", own.instruments),
            ("repeats", own.repeats),
        ]
        return .object([
            // The rate of false discoveries is one of many stars.
            ("p", .number(threeDigits(own.p))), ("q", .null),
            (
                "kinds",
                .object(kinds.filter { $0.1.isFinite }.map { ($0.0, .number(threeDigits($0.1))) })
            ),
            ("reason", .text(own.reason)),
        ])
    }

    // MARK: - Pictures

    /// The star's card; ends are drawn by gnuplot, for a thread that may wait.
    func card() throws -> Card {
        var maker = try CardMaker(star.observation, reader)
        try maker.addNeighboursOfModel(top: 5)
        return maker.card
    }
}

/// Where known stars lie in the Kiel diagram.
enum KielDiagram {
    private static let most = 4000

    /// - Throws: `Diagnostic` where the model's stars cannot be read.
    static func json(_ reader: StarReader) throws -> JSON {
        let labels = try reader.reference()?.stars.labels ?? [:]
        let columns = ["teff", "logg", "fe_h"].map { labels[$0] ?? [] }
        let count = min(columns[0].count, columns[1].count)
        let places = (0..<count).filter { columns[0][$0] != nil && columns[1][$0] != nil }.evenlySampled(most)
        return .object(
            zip(["teff", "logg", "fe_h"], columns).map { name, values in
                (name, .numbers(places.map { values.indices.contains($0) ? values[$0] ?? .nan : .nan }))
            })
    }
}
