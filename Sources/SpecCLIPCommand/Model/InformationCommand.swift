import ArgumentParser
import Datasets
import Evaluation
import Figures
import Foundation
import SpecCLIP
import StarReading
import Support
import Tables
import Torch

/// `specclip information`.
struct InformationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "information",
        abstract: "How much two instruments share: mutual information, and its dimension.",
        usage: "specclip information <pairs.h5> -m <model> [-o <folder>] [<options>]",
        discussion: """
            Of held-out stars that both instruments have seen, in nats (1 nat = 1.44 bit), for spectra (their first \
            principal components), features of the encoders, embeddings, and labels where the data have them:

              not less   InfoNCE of a separable critic; it cannot exceed log N, N being the stars that a partner is \
            looked for among
              not more   leave-one-out, and CLUB, of a network's density: bounds if that is right, else estimates
              neighbours Kraskov's estimator along the first canonical directions
              Gaussian   what the canonical correlations would mean of Gaussians

            and the dimension of what is shared: canonical correlations that chance does not make, and the \
            participation ratio of the critic's singular values. Networks learn from the split train, stop by \
            validation, and are judged on test. Errors are of resampled stars.

            With -o a folder is written: information.json, information.csv, information.png, dimension.png.

            EXAMPLE
              specclip information pairs.h5 -m model.safetensors -o information
            """)

    @Argument(help: ArgumentHelp("The data set (HDF5).", valueName: "pairs.h5")) var data: String
    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(help: ArgumentHelp("Steps of each network.", valueName: "n")) var steps = 1000
    @Option(help: ArgumentHelp("Principal components that stand for a spectrum.", valueName: "n")) var components = 32
    @Option(help: ArgumentHelp("Held-out stars, at most.", valueName: "n")) var stars = 4096
    @Option(help: "Seed of weights and batches.") var seed: UInt64 = 1
    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "folder")) var output: String?
    @Flag(name: [.short, .long], help: "Replace files that exist.") var force = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (10...1_000_000).contains(steps) else { throw ValidationError("--steps \(steps): give 10 or more") }
        guard (1...512).contains(components) else { throw ValidationError("--components \(components): give 1 to 512") }
        guard (100...16_384).contains(stars) else { throw ValidationError("--stars \(stars): give 100 to 16384") }
    }

    func run() throws {
        let folder = output.map { URL(fileURLWithPath: $0, isDirectory: true) }
        if let file = folder?.appending(path: "information.json"), !force,
            FileManager.default.fileExists(atPath: file.path)
        {
            throw Diagnostic(
                file.path, problem: "exists already", remedy: "choose another folder, or replace it with --force")
        }
        let file = try ModelFile(contentsOf: model.url())
        guard file.description.embedding != nil else {
            throw Diagnostic(
                file.url.path, problem: "is not aligned: it has no embeddings to compare",
                remedy: "run 'specclip align' first")
        }
        let device = try compute.prepare()
        let aligned = try catchingTorchErrors { try file.model(on: device) }
        var options = InformationEvaluation.Options()
        (options.steps, options.components, options.heldOut, options.seed) = (steps, components, stars, seed)
        let report = try InformationEvaluation(
            aligned, PairedDataSet(opening: URL(fileURLWithPath: data)), options: options
        ).run { Program.progress($0) }
        let encoded = try JSONText.encode(report)
        if let folder { try write(report, encoded, into: folder) }
        print(json ? encoded : report.text)
    }

    private func write(_ report: InformationReport, _ encoded: String, into folder: URL) throws {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw Diagnostic(folder.path, problem: "cannot be made", remedy: "choose another folder")
        }
        try AtomicFile.write(encoded + "\n", to: folder.appending(path: "information.json"))
        try TableFile.write(report.table, to: folder.appending(path: "information.csv"))
        try InformationFigure(
            title: "What \(report.first) and \(report.second) share", tier: "\(report.tier), \(report.heldOut) stars",
            rows: report.rows.map { row in
                .init(
                    name: "\(row.first), \(row.second)", lower: (row.lower.value, row.lower.error),
                    upper: (row.hasUpper ? row.upper.value : .nan, row.upper.error),
                    neighbours: (row.neighbours.value, row.neighbours.error),
                    ceiling: row.ceiling)
            }
        ).write(to: folder.appending(path: "information.png"), force: true)
        func curve(_ row: InformationReport.Row, _ values: [Double]) -> WidthFigure.Curve {
            // Spectra, features, embeddings: of both, as the title says.
            let name = row.first.split(separator: " ").first.map(String.init) ?? row.first
            return .init(name: name, widths: values.indices.map { $0 + 1 }, values: values)
        }
        let chance = 3 / Double(report.heldOut).squareRoot()
        let three = report.rows.prefix(3)
        try WidthFigure(
            title: "Directions that \(report.first) and \(report.second) share",
            panels: [
                .init(
                    name: "Canonical correlation",
                    curves: three.map { curve($0, $0.correlations.prefix(64).map { $0 > chance ? $0 : .nan }) }),
                .init(
                    name: "Singular value of the critic",
                    curves: three.map { row in
                        let most = row.spectrum.singularValues.first ?? 1
                        return curve(row, row.spectrum.singularValues.map { $0 > 1e-3 * most ? $0 / most : .nan })
                    }),
            ], xLabel: "Direction"
        ).write(to: folder.appending(path: "dimension.png"), force: true)
    }
}

extension InformationReport {
    /// A row a pair.
    fileprivate var table: Table {
        func numbers(_ name: String, _ value: (Row) -> Double) -> Column {
            Column(name, unit: "", .numbers(rows.map(value)))
        }
        return Table([
            Column("first", .text(rows.map(\.first))), Column("second", .text(rows.map(\.second))),
            Column("stars", .integers(rows.map(\.stars))), numbers("lower", \.lower.value),
            numbers("e_lower", \.lower.error), numbers("ceiling", \.ceiling), numbers("upper", \.upper.value),
            numbers("e_upper", \.upper.error), numbers("club", \.club.value), numbers("e_club", \.club.error),
            numbers("neighbours", \.neighbours.value), numbers("e_neighbours", \.neighbours.error),
            numbers("gaussian", \.gaussian), Column("dimension", .integers(rows.map(\.dimension))),
            numbers("participation", \.participation),
        ])
    }

    /// For people.
    fileprivate var text: String {
        func told(_ score: Score) -> String { "\(fixed(score.value, 2))±\(fixed(score.error, 2))" }
        let table = Table([
            Column("nats", .text(rows.map(\.first))), Column("and", .text(rows.map(\.second))),
            Column("not less", .text(rows.map { told($0.lower) })),
            Column("not more", .text(rows.map { $0.hasUpper ? told($0.upper) : "fails" })),
            Column("CLUB", .text(rows.map { $0.hasUpper ? told($0.club) : "fails" }), canYield: true),
            Column(
                "neighbours",
                .text(rows.map { "\(fixed($0.neighbours.value, 2))±\(fixed($0.neighbours.error, 2))" })),
            Column("Gaussian", .text(rows.map { fixed($0.gaussian, 2) })),
            Column("directions", .text(rows.map { "\($0.dimension)" })),
            Column("critic's", .text(rows.map { fixed($0.participation, 1) })),
        ])
        let ceiling = rows.first.map { fixed($0.ceiling, 2) } ?? ""
        let own = dimensions.map { part in
            "\(part.instrument): "
                + (part.twoNN.map { "TwoNN \(fixed($0, 1)), " } ?? "")
                + "neighbours \(fixed(part.maximumLikelihood, 1))"
        }
        return
            "\(tier): \(heldOut) held-out stars, learned from \(training); 'not less' cannot exceed log N = \(ceiling)\n"
            + table.text(.table) + "dimension of embeddings: " + own.joined(separator: "; ")
    }
}
