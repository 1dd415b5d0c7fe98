import ArgumentParser
import Datasets
import Evaluation
import Figures
import Foundation
import StarReading
import Support
import Tables

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare the labels of two tables of the same stars, and learn what leads from one to the other.",
        usage: "specclip compare <A> <B> [-o <folder>] [<options>]",
        discussion: """
            A and B are tables (CSV, ECSV, FITS, VOTable, Parquet, ...), such as a catalogue of 'specclip predict' \
            and a survey's. Rows are matched by file name, identifier or position. Differences are B - A: median \
            and robust sigma with bootstrap errors (groups drawn anew), the scatter that the stated errors (e_NAME, \
            NAME_err) do not explain, the share beyond 3 sigma; of all stars, and in bins of Teff, log g, [Fe/H], \
            S/N and stated error.

            A correction of A is learned as well: for each label nothing, a constant, or a polynomial in Teff, log g \
            and [Fe/H], whichever is simplest and as good as the best on stars of other groups. What is told of it is \
            of stars that it had not seen. It goes no further than the stars: others are corrected as the nearest.

            With -o a folder is written: compare.json, compare.csv, one-to-one.png, offsets.png, corrected.png. With \
            --save the correction becomes part of a model: 'specclip predict --scale NAME' then tells labels as B \
            would. Another comparison of the same name and instrument replaces it, others are added.

            EXAMPLES
              specclip compare mine.csv survey.fits
              specclip compare predicted.csv labels.csv --labels teff,logg,fe_h=feh \\
                  --group planid --where 'snrg>20' -o lasp
              specclip compare predicted.csv labels.csv --group planid \\
                  -m small-v1 --scale LASP --save lasp.safetensors
            """)

    @Argument(help: ArgumentHelp("The table that is corrected.", valueName: "A")) var first: String
    @Argument(help: ArgumentHelp("The table that it is compared with.", valueName: "B")) var second: String
    @Option(
        help: ArgumentHelp(
            "Labels, each with its column where that is another: NAME, NAME=COLUMN, NAME=COLUMN_OF_A:COLUMN_OF_B (default: the known ones that both have).",
            valueName: "a,b=c"))
    var labels: String?
    @OptionGroup var matching: MatchOptions
    @Option(help: ArgumentHelp("Column of the signal to noise (default: snr, snrg, …).", valueName: "column"))
    var snr: String?
    @Option(
        name: .customLong("where"), parsing: .singleValue,
        help: ArgumentHelp("Stars with such numbers only, as 'teff<8000'; may be repeated.", valueName: "condition"))
    var conditions: [LabelCondition] = []
    @Option(help: ArgumentHelp("Rows of A of this instrument only.", valueName: "name")) var instrument: String?
    @Option(help: ArgumentHelp("What bins of labels are of: mean of both, A or B.", valueName: "which"))
    var against = Against.mean
    @Option(help: ArgumentHelp("Bins of each quantity.", valueName: "n")) var bins = 5
    @Option(help: ArgumentHelp("Bootstrap samples.", valueName: "n")) var resamples = 200
    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "folder")) var output: String?
    @Flag(name: [.short, .long], help: "Replace files that exist.") var force = false
    @OptionGroup(title: "Correction") var model: ModelOptions
    @Option(help: ArgumentHelp("What the scale of B is called, such as LASP.", valueName: "name")) var scale: String?
    @Option(help: ArgumentHelp("Write a copy of the model with the correction.", valueName: "file")) var save: String?
    @Flag(help: "Write the correction alone: a small file that is read where the model's lies beside it.")
    var alone = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    /// Which value of a label decides the bin of a star.
    enum Against: String, ExpressibleByArgument, CaseIterable {
        case mean, a, b
    }

    func validate() throws {
        guard (2...50).contains(bins) else { throw ValidationError("--bins \(bins): give 2 to 50") }
        guard (20...10_000).contains(resamples) else {
            throw ValidationError("--resamples \(resamples): give 20 to 10000")
        }
        if let scale {
            guard !scale.isEmpty, scale.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
                throw ValidationError("--scale \(scale): give letters, digits and _")
            }
        }
        guard save == nil || scale != nil else { throw ValidationError("--save: say what to call it: --scale NAME") }
        guard save != nil || (scale == nil && !alone) else {
            throw ValidationError("\(alone ? "--alone" : "--scale"): say where to write the model: --save FILE")
        }
        _ = try wanted()
    }

    private func wanted() throws -> [MatchedTables.Wanted] {
        try LabelColumns.parsed(labels ?? "").map { label in
            let sides = label.column.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard sides.count <= 2, !label.name.isEmpty, sides.allSatisfy({ !$0.isEmpty }) else {
                throw ValidationError("--labels \(label.name)=\(label.column): give NAME=COLUMN or NAME=A:B")
            }
            if sides.count == 2 { return .init(name: label.name, first: sides[0], second: sides[1]) }
            return .init(name: label.name, column: label.column == label.name ? nil : label.column)
        }
    }

    func run() throws {
        let saved = try save.map { try OutputCheck.url($0, extensions: ["safetensors"], force: force) }
        let folder = output.map { URL(fileURLWithPath: $0, isDirectory: true) }
        if let json = folder?.appending(path: "compare.json"), !force,
            FileManager.default.fileExists(atPath: json.path)
        {
            throw Diagnostic(
                json.path, problem: "exists already", remedy: "choose another folder, or replace it with --force")
        }
        // The reader knows labels that were taught by their units and digits.
        let reader = saved == nil ? nil : try model.reader(compute, draws: 200)
        if saved == nil { _ = try compute.prepare() }
        var options = MatchedTables.Options()
        (options.labels, options.key, options.radius) = (try wanted(), matching.key, matching.radius)
        (options.group, options.snr, options.conditions) = (matching.group, snr, conditions)
        options.instrument = instrument
        let (a, b) = (URL(fileURLWithPath: first), URL(fileURLWithPath: second))
        let tables = try MatchedTables(a, b, options: options)
        Program.note("specclip: compare: " + tables.notes.joined(separator: "; "))
        let report = try ComparisonReport(
            tables, files: (a.lastPathComponent, b.lastPathComponent), against: against, bins: bins,
            resamples: resamples, scale: scale, holdsFor: try saved == nil ? "" : instrumentName(tables, reader))
        if let folder { try report.write(into: folder) }
        print(report.text)
        guard let saved, let reader else { return }
        guard let fit = report.fit else {
            throw Diagnostic(
                second, problem: report.refusal ?? "no correction could be learned", remedy: "see --labels")
        }
        let known = Set(try reader.catalogueLabels().map(\.name))
        let corrected = fit.scale.corrections.map(\.label.name) + fit.scale.inputs.map(\.name)
        if let strange = corrected.first(where: { !known.contains($0) }) {
            throw Diagnostic(
                reader.file.url, field: strange, problem: "is no label that the model reads",
                remedy: suggestion(for: strange, among: known.sorted()) + "; give those by --labels")
        }
        try fit.scale.write(into: reader.file, to: saved, alone: alone)
        print("\(saved.relativePath): 'specclip predict -m \(saved.relativePath) --scale \(fit.scale.name)'")
    }

    /// For which instrument a correction of A holds.
    private func instrumentName(_ tables: MatchedTables, _ reader: StarReader?) throws -> String {
        let named = instrument.map { [$0] } ?? tables.instruments
        guard let only = named.first, named.count == 1 else {
            throw Diagnostic(
                first, field: "instrument",
                problem: named.isEmpty ? "the table does not say which" : "there are \(named.joined(separator: ", "))",
                remedy: "say of which instrument A is: --instrument NAME")
        }
        for part in only.split(separator: "+") {
            _ = try reader?.instrument(named: String(part), option: "--instrument")
        }
        return only
    }
}
