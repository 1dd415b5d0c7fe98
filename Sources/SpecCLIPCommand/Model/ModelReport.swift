import Foundation
import SpecCLIP
import Spectra
import StarReading
import Tables
import Torch

/// What there is to say about a model file.
struct ModelReport: Encodable {
    /// The part of one instrument.
    struct Branch: Encodable {
        var instrument: Instrument
        var encoder: EncoderConfiguration
        var projection: ProjectionConfiguration?
        var decoder: DecoderConfiguration?
        var crossDecoder: DecoderConfiguration?
        var reconstruction: ReconstructionTarget
        var encoderParameters: Int
        var parameters: Int
        var labels: [LabelHeadDescription]
        /// What somebody taught it.
        var taught: [AdaptationDescription] = []
    }

    var file: String
    var bytes: Int
    var embedding: Int?
    var privateEmbedding: Int?
    var parameters: Int
    var branches: [Branch]
    var provenance: [String: String]
    /// Known stars that the file brings, in words.
    var atlas: String?
    /// What leads from its labels to those of others.
    var scales: [LabelScale] = []

    /// - Parameter shown: the path as the user wrote it.
    init(_ file: ModelFile, shown: String) throws {
        let labels = file.header("labels") == nil ? nil : try LabelReader(file)
        try self.init(try file.model(), labels: labels, url: file.url, shown: shown)
        let taught = try AdaptationDescription.all(in: file)
        for place in branches.indices {
            branches[place].taught = taught.filter { $0.instrument == branches[place].instrument.embeddingKey }.map(\.1)
        }
        scales = try LabelScale.all(in: file)
        atlas = try ReferenceAtlas(file).map { reference in
            let stars = reference.stars
            return "\(grouped(stars.sourceIDs.count)) stars of \(stars.tier), \(stars.split)"
        }
    }

    /// - Parameters:
    ///   - url: the file the model was read from.
    ///   - shown: its path as the user wrote it.
    init(_ model: SpecCLIPModel, labels: LabelReader?, url: URL, shown: String) throws {
        let description = model.descriptionOfModel
        file = shown
        bytes = (try? url.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
        embedding = description.embedding
        privateEmbedding = description.privateEmbedding
        parameters = model.parameterCount
        branches = try description.branches.map { branch in
            let part = try model.branch(branch.instrument)
            return Branch(
                instrument: branch.instrument, encoder: branch.encoder, projection: branch.projection,
                decoder: branch.decoder, crossDecoder: branch.crossDecoder, reconstruction: branch.reconstruction,
                encoderParameters: part.backbone.parameterCount, parameters: part.parameterCount,
                labels: (try? labels?.descriptions(for: branch.instrument)) ?? [])
        }
        provenance = description.provenance
    }

    /// For people, 80 columns.
    var text: String {
        var facts = [
            ("Model", "\(file) (\(readableSize(bytes)))"),
            ("Embedding", embeddingText),
            ("Parameters", grouped(parameters)),
        ]
        if let atlas { facts.append(("Atlas", atlas)) }
        let sorted = provenance.sorted { $0.key < $1.key }
        facts += sorted.filter { !$0.key.contains(".") }.map { ($0.key.capitalized, $0.value) }
        var lines = facts.map { padded($0.0, 15) + $0.1 }
        for branch in branches { lines += [""] + Self.lines(branch) }
        if !scales.isEmpty { lines += ["", "Scales ('specclip predict --scale NAME')"] }
        for scale in scales { lines += Self.lines(scale) }
        return lines.joined(separator: "\n")
    }

    private var embeddingText: String {
        guard let embedding else { return "none: not aligned yet" }
        return "\(embedding) numbers, shared by all instruments"
            + (privateEmbedding.map { "; \($0) more of each one's own" } ?? "")
    }

    private static func lines(_ branch: Branch) -> [String] {
        let lines = [
            "\(branch.instrument.title) (\(branch.instrument.name))",
            "  Grid        \(branch.instrument.grid.text)",
            "  Flux        " + branch.instrument.normalisation.text,
            "  Encoder     \(branch.encoder.sizes.text)",
            "              "
                + [branch.encoder.sizes.details, "\(grouped(branch.encoderParameters)) parameters"]
                .filter { !$0.isEmpty }.joined(separator: "; "),
            "  Projection  " + (branch.projection?.text ?? "none"),
            "  Decoder     "
                + (branch.decoder.map { $0.text + ", gives flux " + branch.reconstruction.text } ?? "none"),
            "  Cross       " + (branch.crossDecoder.map { $0.text + ", reads other instruments" } ?? "none"),
            "  Parameters  \(grouped(branch.parameters))",
        ]
        return lines + (branch.labels.isEmpty ? ["  Labels      none"] : branch.labels.flatMap(Self.lines))
            + branch.taught.flatMap(Self.lines)
    }

    private static func lines(_ set: AdaptationDescription) -> [String] {
        let known =
            set.identifiers.map { stars in
                [Self.some(stars)]
            } ?? []
        let head =
            "  Taught      \(set.name): \(grouped(set.stars)) spectra in \(grouped(set.groups)) groups, \(set.catalogue)"
        let rows = set.labels.map { label in
            let name = label.label.nameWithUnit
            let (low, high) = (
                fixed(label.range.lowerBound, label.label.digits), fixed(label.range.upperBound, label.label.digits)
            )
            let sigma = label.scatter[label.chosen.key].map { ", σ \(fixed($0, label.label.digits + 1))" } ?? ""
            return padded(name, 16) + "\(low) to \(high)\(sigma) by \(label.chosen.key)"
        }
        let gains = AdaptationText.gains(set).trimmingCharacters(in: .newlines)
        return [head]
            + ((set.scale.map { ["on the scale of \($0)"] } ?? []) + known + rows + (gains.isEmpty ? [] : [gains]))
            .map { "              " + $0 }
    }

    private static func lines(_ scale: LabelScale) -> [String] {
        let ranges = zip(scale.inputs, scale.ranges).map { label, range in
            "\(label.name) \(fixed(range.lowerBound, label.digits)) to \(fixed(range.upperBound, label.digits))"
        }
        let head = [
            "  " + padded(scale.name, 12) + "from \(scale.instrument), \(grouped(scale.stars)) stars in "
                + "\(grouped(scale.groups)) groups",
            "              \(scale.first) to \(scale.second)",
            "              of " + ranges.joined(separator: ", "),
        ]
        return head
            + scale.corrections.map { own in
                let digits = own.label.digits + 1
                let excess = own.excess.map { $0 > 0 ? ", errors + \(fixed($0, digits))" : "" } ?? ""
                return "              " + padded(own.label.nameWithUnit, 14)
                    + "\(own.form.rawValue): off by \(fixed(own.before[0], digits)) ± \(fixed(own.before[1], digits)), then "
                    + "\(fixed(own.after[0], digits)) ± \(fixed(own.after[1], digits))" + excess
            }
    }

    private static func some(_ stars: [String]) -> String {
        "which: \(stars.prefix(3).joined(separator: ", "))\(stars.count > 3 ? ", …; all with --json" : "")"
    }

    private static func lines(_ head: LabelHeadDescription) -> [String] {
        let stars = head.trainingStars.map { "trained on \(grouped($0)) stars, " } ?? ""
        let form = head.posterior.map { flow in
            "; posterior: \(grouped(head.members ?? 1)) \(flow.kind.rawValue) flows"
        }
        let basis = head.posterior == nil ? [] : head.calibration?.basis ?? ["not calibrated"]
        let scale = head.scale.map { ["on the scale of \($0)"] } ?? []
        let known =
            head.stars.map { stars in
                [Self.some(stars)]
            } ?? []
        let prior =
            head.prior.map {
                ["prior: density of the training labels, \($0.count) Gaussian\($0.count == 1 ? "" : "s")"]
            }
            ?? (head.posterior == nil ? [] : ["prior: not known, see 'specclip labels calibrate'"])
        return [
            "  Labels      " + stars + head.tier + (form ?? (head.givesErrors ? "" : "; values without errors"))
        ]
            + (scale + known + basis + prior).map { "              " + $0 }
            + head.labels.indices.map { i in
                let label = head.labels[i]
                let name = label.nameWithUnit
                guard head.trainingStars != nil else { return "              " + name }
                if let range = head.ranges?[i] {
                    let (low, high) = (fixed(range.lowerBound, label.digits), fixed(range.upperBound, label.digits))
                    return "              " + padded(name, 14) + "\(low) to \(high)"
                }
                return "              " + padded(name, 14)
                    + "mean \(fixed(head.mean[i], label.digits)), spread \(fixed(head.std[i], label.digits))"
            }
    }
}

extension StellarLabel {
    /// `teff [K]`.
    var nameWithUnit: String { unit.isEmpty ? name : "\(name) [\(unit)]" }
}

/// `text` with spaces up to `width`.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

/// 43018752 as "43,018,752".
func grouped(_ number: Int) -> String {
    var text = ""
    for (i, digit) in String(abs(number)).reversed().enumerated() {
        if i > 0 && i % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}

extension ProjectionConfiguration {
    /// Family and sizes.
    var text: String {
        switch kind {
        case .crossAttention: "cross-attention, \(heads) heads"
        case .mlp: "mlp, \(hidden) inside"
        }
    }
}

extension DecoderConfiguration {
    /// Family and sizes.
    var text: String {
        switch kind {
        case .mlp: "mlp " + hidden.map(String.init).joined(separator: ", ")
        case .split: "split: shared and private, merged"
        }
    }
}

extension ReconstructionTarget {
    /// In words.
    var text: String { self == .standardised ? "standardised" : "as prepared" }
}
