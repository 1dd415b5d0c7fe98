import ArgumentParser
import Datasets
import Evaluation
import Figures
import Foundation
import Simulation
import Spectra
import Portraits
import StarReading
import Support
import Tables
import Torch

/// `specclip labels report`.
struct LabelsReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Measure how good and how honest the labels of a model are.",
        usage: "specclip labels report [<options>] --output <folder> <data.h5>",
        discussion: """
            Reads held-out stars and compares with their catalogue: bias and robust sigma
            with bootstrap errors, coverage of the intervals, ranks (simulation-based
            calibration), the joint posterior (TARP), all in bins of S/N, Teff and [Fe/H].
            Beside them what simpler methods reach that learn from --baselines, a data set
            with a training split: a quadratic model, an MLP on the flux, a linear probe
            of the model's features.

            Writes report.json, one-to-one.png, residuals.png, coverage.png, ranks.png and
            corner.png (one star) into the folder, and prints a table.

            EXAMPLES
              specclip labels report xp.h5 --baselines xp.h5 -o report
              specclip labels report miles.h5 --instrument optical --snr 50 -o miles
            """)

    @OptionGroup var chosen: DataSetOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(help: ArgumentHelp("The split that is read.", valueName: "split")) var split: Split = .test
    @Option(help: ArgumentHelp("Observe noise-free spectra with this S/N per pixel first.", valueName: "n"))
    var snr: Double?
    @Option(help: ArgumentHelp("Fit the simpler methods to the training split of this data set.", valueName: "file"))
    var baselines: String?
    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "folder")) var output: String
    @Flag(name: [.short, .long], help: "Replace the files of an earlier report.") var force = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let snr, !(snr > 0 && snr < 1e6) { throw ValidationError("--snr \(snr): must lie between 0 and 1000000") }
    }

    func run() throws {
        let folder = URL(fileURLWithPath: output, isDirectory: true)
        let json = folder.appending(path: "report.json")
        guard force || !FileManager.default.fileExists(atPath: json.path) else {
            throw Diagnostic(
                json.path, problem: "exists already",
                remedy: "choose another folder, or replace it with --force")
        }
        let reader = try model.reader(compute, draws: HeldOutStars.draws)
        let (set, instrument, rows) = try chosen.open(for: reader, split)
        Program.progress("reading \(rows.count) stars")
        let held = try stars(reader, instrument, set, split, rows)
        guard held.truth.contains(where: { $0.contains(where: \.isFinite) }) else {
            throw Diagnostic(
                chosen.data, field: "labels", problem: "knows none of the labels that the model reads",
                remedy: "they are " + held.samples.labels.map(\.name).joined(separator: ", "))
        }
        let checks = PosteriorCheck.all(held.samples, truth: held.truth)
        var report = LabelReport(held, checks, tier: set.tier, split: split, conditions: conditionText)
        if let baselines { try add(baselines, reader, instrument, held, to: &report) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try draw(held, checks, report, into: folder)
        try AtomicFile.write(JSONText.encode(report) + "\n", to: json)
        print(report.table.text(.table), terminator: "")
        for line in report.notes { print(line) }
    }

    private var conditionText: String {
        let observed = snr.map { ["observed at S/N \(fixed($0, 0))"] } ?? []
        let conditions = chosen.conditions.map { "\($0.label) \($0.comparison.rawValue) \($0.number)" }
        return (observed + conditions).joined(separator: ", ")
    }

    private func stars(
        _ reader: StarReader, _ instrument: Instrument, _ set: PairedDataSet, _ split: Split, _ rows: [Int]
    ) throws -> HeldOutStars {
        var observing: ObservingConditions?
        if let snr {
            var conditions = ObservingConditions()
            (conditions.velocitySigma, conditions.uniformVelocityShare) = (0, 0)
            (conditions.lrsSignalToNoise, conditions.lrsSignalToNoiseSpread) = (snr, 0)
            observing = conditions
        }
        return try HeldOutStars(reader, instrument, set, split, rows: rows, observing: observing)
    }

    private func add(
        _ path: String, _ reader: StarReader, _ instrument: Instrument, _ held: HeldOutStars,
        to report: inout LabelReport
    ) throws {
        let set = try PairedDataSet(opening: URL(fileURLWithPath: path))
        Program.progress("fitting simpler methods to \(set.count(.train)) stars")
        let parts = try [Split.train, .validation].map { split in
            try stars(reader, instrument, set, split, Array(0..<set.count(split)))
        }
        let methods = try LabelBaselines(parts[0], validation: parts[1])
        for (name, values) in try methods.predict(held) { report.add(name, values, truth: held.truth) }
    }

    private func draw(
        _ held: HeldOutStars, _ checks: [PosteriorCheck], _ report: LabelReport, into folder: URL
    ) throws {
        let title = "\(held.instrument.title): labels of held-out stars"
        let tier = "\(report.tier), \(report.split)" + (report.conditions.isEmpty ? "" : ", \(report.conditions)")
        let known = checks.filter { $0.stars >= 10 }
        guard !known.isEmpty else { return }
        func write(_ figure: some FigureConvertible, _ name: String) throws {
            try figure.write(to: folder.appending(path: name), force: true)
        }
        let results = Dictionary(uniqueKeysWithValues: report.labels.map { ($0.name, $0.residuals) })
        try write(
            OneToOneFigure(
                title: title + ", " + tier,
                quantities: known.map { check in
                    OneToOneFigure.Quantity(
                        symbol: check.label.plotted, unit: check.label.unit, truth: check.truth,
                        predicted: check.median, bias: results[check.label.name]?.bias ?? .nan,
                        sigma: results[check.label.name]?.sigma ?? .nan)
                }), "one-to-one.png")
        let snr = held.snr.contains(where: \.isFinite) && Set(held.snr).count > 1 ? held.snr : nil
        try write(ResidualFigure(title: title, tier: tier, known, snr: snr), "residuals.png")
        let joint = report.joint == nil ? [] : [Credibility.randomPoints(held.samples, truth: held.truth)]
        try write(CoverageFigure(title: title, tier: tier, known, joint: joint), "coverage.png")
        try write(RankFigure(title: title, tier: tier, known), "ranks.png")
        // Any star but the first: libraries may be sorted by brightness.
        let whole = (0..<held.count).filter { star in
            held.flags[star].isEmpty && held.truth.allSatisfy { $0[star].isFinite }
        }
        if let star = whole.evenlySampled(1).first, held.samples.labels.count > 1 {
            try write(
                CornerFigure(
                    title: "\(held.instrument.title): the posterior of one star", tier: tier, held.samples, star: star,
                    truth: held.truth.map { $0[star] }), "corner.png")
        }
    }
}

extension LabelReport {
    /// The report for people.
    fileprivate var table: Table {
        let digits = labels.map { StellarLabel(named: $0.name).digits + 1 }
        func numbers(_ value: (Label) -> Double?) -> Column.Values {
            .text(labels.enumerated().map { fixed(value($1) ?? .nan, digits[$0]) })
        }
        var columns: [Column] = [
            .init("label", .text(labels.map(\.name))),
            .init("stars", .integers(labels.map(\.residuals.stars))),
            .init("bias", numbers(\.residuals.bias)),
            .init("sigma", numbers(\.residuals.sigma)),
            .init("±", numbers(\.residuals.sigmaError)),
            .init("stated", numbers(\.statedError)),
            .init(
                "in 68 %",
                .text(labels.map { fixed(100 * ($0.coverage.observed(at: 0.6827) ?? .nan), 1) })),
            .init(
                "in 95 %", .text(labels.map { fixed(100 * ($0.coverage.observed(at: 0.95) ?? .nan), 1) })),
        ]
        for name in Set(labels.flatMap(\.baselines.keys)).sorted() {
            columns.append(.init(name, numbers { $0.baselines[name]?.sigma }, canYield: true))
        }
        return Table(columns)
    }

    /// What stands below the table.
    fileprivate var notes: [String] {
        let raised = flags.filter { $0.value > 0 }.sorted { $0.value > $1.value }
        let flagged = raised.map { "\($0.key) \(fixed(100 * $0.value, 1)) %" }.joined(separator: ", ")
        return ["", "\(instrument), \(tier), \(split)\(conditions.isEmpty ? "" : ", " + conditions): \(stars) stars"]
            + ["flags: " + (flagged.isEmpty ? "none" : flagged)]
            + (joint.map {
                ["joint posterior (TARP): coverage off by at most \(fixed(100 * $0.largestDeviation, 1)) %"]
            } ?? [])
    }
}
