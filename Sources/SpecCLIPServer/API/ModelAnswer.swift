import Foundation
import SpecCLIP
import Spectra
import StarReading
import Support

/// What `GET /v1/model` says of the model.
struct ModelAnswer {
    let json: JSON

    /// Works of which results made with the program should tell.
    static let citation = [
        "Zhao, X., Huang, Y., Xue, G., et al. 2025, SpecCLIP: Aligning and Translating Spectroscopic Measurements for Stars, "
            + "arXiv:2507.01939",
        "swift-specclip \(Release.version) (CITATION.cff)",
    ]

    /// What a model says of where it comes from.
    static func provenance(_ reader: StarReader) -> JSON {
        .object(reader.file.description.provenance.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) })
    }

    /// - Throws: `Diagnostic` where parts of the model cannot be read.
    init(_ reader: StarReader, _ known: KnownParts, _ options: ServerOptions) throws {
        let labels = reader.readsLabels ? try reader.catalogueLabels() : []
        let heads = reader.instruments.flatMap { (try? reader.labels().descriptions(for: $0)) ?? [] }
        let branches = reader.model.descriptionOfModel.branches
        let translations = branches.flatMap { target in
            branches.filter { $0.instrument != target.instrument && target.crossDecoder != nil }.map {
                JSON.object([("from", .text($0.instrument.name)), ("to", .text(target.instrument.name))])
            }
        }
        let hasSpectra = try reader.instruments.contains { try known.generator(of: $0) != nil }
        json = .object([
            ("name", .text(reader.file.url.deletingPathExtension().lastPathComponent)),
            ("version", .text(Release.version)),
            ("tier", .text(orNull: reader.file.description.provenance["tier"])),
            ("embedding_width", .integer(reader.model.truncatedWidth ?? reader.embeddingWidth)),
            ("draws", .integer((try? reader.labels().draws) ?? 0)),
            ("has_atlas", .bool(reader.hasAtlas)),
            ("has_outliers", .bool((try? known.outlierFinder()) != nil)), ("has_spectra", .bool(hasSpectra)),
            ("instruments", .array(reader.instruments.map(Self.instrument))),
            (
                "labels",
                .array(
                    labels.map { label in
                        Self.label(
                            label,
                            [
                                ("title", .text(label.title)), ("digits", .integer(label.digits)),
                                ("scale", .text(orNull: heads.first { $0.labels.contains(label) }?.scale)),
                            ])
                    })
            ),
            (
                "flags",
                .array(
                    QualityFlags.all.map {
                        .object([
                            ("value", .integer($0.flag.rawValue)), ("name", .text($0.name)),
                            ("meaning", .text($0.meaning)),
                        ])
                    })
            ),
            ("translations", .array(translations)), ("provenance", Self.provenance(reader)),
            ("citation", .texts(Self.citation)),
            (
                "limits",
                .object([
                    ("upload_bytes", .integer(options.uploadBytes)), ("files", .integer(options.files)),
                    ("spectra", .integer(options.spectra)),
                ])
            ),
        ])
    }

    /// A label with its name, symbol and unit.
    static func label(_ label: StellarLabel, _ more: [(String, JSON)] = []) -> JSON {
        .object(
            [("name", .text(label.name)), ("symbol", .text(label.symbol)), ("unit", .text(label.unit))] + more)
    }

    private static func instrument(_ instrument: Instrument) -> JSON {
        .object([
            ("name", .text(instrument.name)), ("title", .text(instrument.title)),
            ("pixels", .integer(instrument.grid.count)), ("first", .number(instrument.grid.range.lowerBound)),
            ("last", .number(instrument.grid.range.upperBound)),
        ])
    }
}
