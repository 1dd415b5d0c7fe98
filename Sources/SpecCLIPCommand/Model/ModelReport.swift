import Foundation
import SpecCLIP
import Spectra
import StellarLabels

/// What there is to say about a model file.
struct ModelReport: Encodable {
    /// The part of one instrument.
    struct Branch: Encodable {
        var instrument: Instrument
        var encoder: EncoderConfiguration
        var projection: ProjectionConfiguration?
        var parameters: Int
        var isReconstructed: Bool
        var isPredicted: Bool
        var labels: [LabelHeadDescription]
    }

    var file: String
    var bytes: Int
    var embedding: Int?
    var parameters: Int
    var branches: [Branch]
    var provenance: [String: String]

    /// - Parameter shown: the path as the user wrote it.
    init(_ file: ModelFile, shown: String) throws {
        let model = try file.model()
        let labels = file.header("labels") == nil ? nil : try LabelReader(file)
        self.file = shown
        bytes = (try? file.url.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
        embedding = file.description.embedding
        parameters = model.parameterCount
        branches = try file.description.branches.map { branch in
            Branch(
                instrument: branch.instrument, encoder: branch.encoder, projection: branch.projection,
                parameters: try model.branch(branch.instrument).parameterCount,
                isReconstructed: branch.decoder != nil, isPredicted: branch.crossDecoder != nil,
                labels: (try? labels?.descriptions(for: branch.instrument)) ?? [])
        }
        provenance = file.description.provenance
    }

    /// For people, 80 columns.
    var text: String {
        var facts = [
            ("Model", "\(file) (\(readableSize(bytes)))"),
            ("Embedding", embedding.map { "\($0) numbers, shared by all instruments" } ?? "none: not aligned yet"),
            ("Parameters", grouped(parameters)),
        ]
        facts += provenance.sorted { $0.key < $1.key }.map { ($0.key.capitalized, $0.value) }
        var lines = facts.map { padded($0.0, 15) + $0.1 }
        for branch in branches { lines += [""] + Self.lines(branch) }
        return lines.joined(separator: "\n")
    }

    private static func lines(_ branch: Branch) -> [String] {
        let grid = branch.instrument.grid
        let decoded = [
            branch.isReconstructed ? "reconstructed" : nil,
            branch.isPredicted ? "predicted from other instruments" : nil,
        ].compactMap { $0 }
        let range = String(format: "%.1f to %.1f Å (vacuum)", grid.range.lowerBound, grid.range.upperBound)
        let lines = [
            "\(branch.instrument.title) (\(branch.instrument.name))",
            "  Grid        \(grid.count) pixels, \(range), \(grid.stepText)",
            "  Flux        " + branch.instrument.normalisation.text,
            "  Encoder     \(branch.encoder.text)",
            "  Projection  " + (branch.projection?.kind.rawValue ?? "none"),
            "  Parameters  \(grouped(branch.parameters))",
            "  Spectra     " + (decoded.isEmpty ? "not decoded" : decoded.joined(separator: "; ")),
        ]
        return lines + (branch.labels.isEmpty ? ["  Labels      none"] : branch.labels.flatMap(Self.lines))
    }

    private static func lines(_ head: LabelHeadDescription) -> [String] {
        let stars = head.trainingStars.map { "trained on \(grouped($0)) stars, " } ?? ""
        return ["  Labels      " + stars + head.tier + (head.givesErrors ? "" : "; values without errors")]
            + head.labels.indices.map { i in
                let label = head.labels[i]
                let name = label.unit.isEmpty ? label.name : "\(label.name) [\(label.unit)]"
                guard head.trainingStars != nil else { return "              " + name }
                return "              " + padded(name, 14)
                    + "mean \(fixed(head.mean[i], label.digits)), spread \(fixed(head.std[i], label.digits))"
            }
    }
}

/// `text` with spaces up to `width`.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

/// 43018752 as "43 018 752".
func grouped(_ number: Int) -> String {
    var text = ""
    for (i, digit) in String(abs(number)).reversed().enumerated() {
        if i > 0 && i % 3 == 0 { text.append(" ") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}
