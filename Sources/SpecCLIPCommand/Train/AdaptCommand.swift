import ArgumentParser
import Datasets
import Foundation
import Spectra
import StarReading
import Support
import Tables
import Training

struct AdaptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapt",
        abstract: "Teach a model labels of your own, from a table and spectra.",
        usage: "specclip adapt <catalogue> --spectra <file> ... -o <file> [<options>]",
        discussion: """
            The catalogue (CSV, ECSV, FITS, VOTable, Avro, Parquet, HDF5, NPZ) has a row for each star: columns of \
            labels, their errors if known (e_NAME, NAME_err), and what tells whose spectrum is whose: a file name, an \
            identifier, or ra and dec. From 30 stars on. Values of -999 and below are taken for missing.

            Each label is read in several ways, and the one is kept that is least off on the stars that it had not \
            seen: from the labels of the model alone, from its frozen features, by low-rank changes of its encoder \
            (LoRA), by fine-tuning, or from the flux by a network that has seen no other spectra. Stars of one group \
            are never parted. Errors come from the same stars, for stars like these: the column 'flag_NAME' says 4 for \
            a star unlike them, 16 for a label beyond theirs.

            The model that is written reads what it did before, and the new labels beside it ('specclip predict -m \
            mine.safetensors'). The same name again replaces them, another --name adds to them. An interrupted run \
            goes on when the same command is given again.

            EXAMPLES
              specclip adapt mine.csv --spectra *.fits -o mine.safetensors
              specclip adapt apogee.fits --labels c_fe=C_FE,mg_fe=MG_H-FE_H \\
                  --match source_id --spectra XP_SAMPLED.csv -o mine.safetensors
              specclip adapt labels.csv --labels teff,logg,feh --group planid \\
                  --scale LASP --spectra spec-*.fits.gz -o lasp.safetensors
            """)

    @Argument(help: "The table of labels.") var catalogue: String
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Spectrum files, or one HDF5 data set.", valueName: "file"))
    var spectra: [String]
    @Option(
        help: ArgumentHelp(
            "Labels: names, each with its column, or the difference A-B of two, where that is another (default: the columns that are known labels).",
            valueName: "a,b=c"))
    var labels: String?
    @OptionGroup var matching: MatchOptions
    @Option(help: ArgumentHelp("Whose labels they are, such as APOGEE: said beside them.", valueName: "name"))
    var scale: String?
    @Option(help: ArgumentHelp("What the labels are called together.", valueName: "name")) var name = "own"
    @Option(
        help: ArgumentHelp(
            "Ways to try: labels, features, lora, full, flux (default: all).", valueName: "a,b"))
    var methods: String?
    @Option(help: ArgumentHelp("Folds of the stars.", valueName: "n")) var folds = 5
    @Option(help: "Seed of folds and weights.") var seed: UInt64 = 42
    @Option(help: ArgumentHelp("The instrument of the spectra (default: deduced from each).", valueName: "name"))
    var instrument: String?
    @Option(help: ArgumentHelp("The split of a data set (default: all of them).", valueName: "split")) var split: Split?
    @OptionGroup(title: "What files do not say") var reading: ReadingArguments
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Flag(help: "Write what was learned alone: a small file that is read where the model's lies beside it.")
    var alone = false
    @Option(help: ArgumentHelp("Also write the table of what was tried (CSV, JSON, …).", valueName: "file"))
    var report: String?
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (3...20).contains(folds) else { throw ValidationError("--folds \(folds): give 3 to 20") }
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
            throw ValidationError("--name \(name): give letters, digits and _")
        }
        _ = try chosenMethods()
    }

    private func chosenMethods() throws -> [AdaptationMethod] {
        guard let methods else { return AdaptationMethod.allCases }
        let known = AdaptationMethod.allCases.map(\.rawValue)
        return try methods.split(separator: ",").map { text in
            guard let method = AdaptationMethod(rawValue: String(text)) else {
                throw ValidationError("--methods \(text): " + suggestion(for: String(text), among: known))
            }
            return method
        }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let reportURL = try report.map {
            try OutputCheck.url($0, extensions: TableFile.extensions, force: output.force)
        }
        let source = URL(fileURLWithPath: catalogue)
        let wanted = LabelColumns.parsed(labels ?? "")
        let table = try LabelTable(
            source, labels: wanted, group: matching.group, key: matching.key, radius: matching.radius)
        for note in table.notes { Program.note("specclip: \(catalogue): \(note)") }
        let reader = try model.reader(compute, draws: 200)
        var options = Adaptation.Options()
        (options.name, options.scale, options.folds, options.seed) = (name, scale, folds, seed)
        options.methods = try chosenMethods()
        let work = url.deletingPathExtension().appendingPathExtension("adapting")
        let adaptation = try Adaptation(
            reader, table, catalogue: catalogue, options: options, folder: work)
        Interruption.listen()
        try read(into: adaptation, reader)
        for note in adaptation.matches.notes(rows: table.count) { Program.note("specclip: \(note)") }
        let progress = AdaptProgress()
        let results = try adaptation.fit(progress: progress)
        progress.finish()
        try adaptation.write(results, to: url, alone: alone)
        try? FileManager.default.removeItem(at: work)
        let text = AdaptationText(results.map { ($0.instrument, $0.description) })
        if let reportURL { try TableFile.write(text.table, to: reportURL) }
        print(text.summary)
    }

    private func read(into adaptation: Adaptation, _ reader: StarReader) throws {
        var splits: [Split] = [split ?? .test]
        if split == nil, spectra.count == 1, ObservationStream.isDataSet(spectra[0]) {
            let data = try PairedDataSet(opening: URL(fileURLWithPath: spectra[0]))
            splits = Split.allCases.filter { data.count($0) > 0 }
        }
        for split in splits {
            let input = ObservationInput(
                spectra, split: split, conditions: [], limit: nil,
                instrument: try instrument.map { try StarReader.instrument(named: $0, among: reader.instruments) },
                options: .init(), reading: try reading.options())
            let stars = try StarInput(input, among: reader.instruments, doing: "read")
            try stars.forEachBatch(of: 256) { try adaptation.add($0) }
            do { try stars.finish() } catch let exit as ExitCode {
                // Spectra that cannot be read are left out, as was said of each.
                guard adaptation.counts.contains(where: { $0.spectra > 0 }) else { throw exit }
            }
        }
    }
}

/// How far the work has come: a line that is drawn over on a terminal, in a log a line for each fold.
private final class AdaptProgress: ProgressSink {
    private let line = ProgressLine("adapt")
    private var now = ""
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {
        guard isTerminal else { return }
        line.show("adapt  \(now)  \(row.step)/\(steps)")
    }

    func note(_ text: String) {
        now = text
        line.show("adapt  \(text)")
    }

    func finish() { line.finish() }
}

/// What was tried and chosen, for people and as a table.
struct AdaptationText {
    private let results: [(instrument: Instrument, description: AdaptationDescription)]

    init(_ results: [(instrument: Instrument, description: AdaptationDescription)]) { self.results = results }

    /// A row a label and instrument.
    var table: Table { StarCatalogue.adaptation(results) }

    /// For a terminal.
    var summary: String {
        results.map { instrument, description in
            let methods = AdaptationMethod.allCases.filter { method in
                description.labels.contains { $0.scatter[method.rawValue] != nil }
            }
            var columns = [Column("label", .text(description.labels.map(\.label.nameWithUnit)))]
            columns.append(Column("stars", .integers(description.labels.map(\.stars))))
            for method in methods {
                columns.append(
                    Column(
                        method.rawValue,
                        .text(description.labels.map { Self.number($0.scatter[method.rawValue], $0.label) })))
            }
            columns.append(
                Column(
                    "chosen",
                    .text(
                        description.labels.map { label in
                            Self.number(label.scatter[label.chosen.key], label.label) + " by "
                                + label.chosen.key
                        })))
            let head =
                "\(instrument.title): \(description.stars) spectra in \(description.groups) groups; "
                + "robust σ on stars of other groups\n"
            let given = description.givenUp.map(\.rawValue).joined(separator: ", ")
            let foot = given.isEmpty ? "" : "given up after two folds, for being worse for every label: \(given)\n"
            return head + Table(columns).text(.table) + foot + Self.gains(description)
        }.joined(separator: "\n")
    }

    /// Of which labels spectra tell more than those that the model reads already.
    static func gains(_ description: AdaptationDescription) -> String {
        let told = description.labels.filter { $0.gain != nil }
        guard !told.isEmpty else { return "" }
        let more = told.filter { ($0.gain?.value ?? 0) > 2 * ($0.gain?.error ?? .infinity) }.map(\.label.name)
        return more.isEmpty
            ? "of no label do spectra tell more than the model's own labels do\n"
            : "spectra tell more than the model's own labels do of \(more.joined(separator: ", "))\n"
    }

    /// A digit more than the label itself has.
    private static func number(_ value: Double?, _ label: StellarLabel) -> String {
        value.map { String(format: "%.\(label.digits + 1)f", $0) } ?? ""
    }
}
