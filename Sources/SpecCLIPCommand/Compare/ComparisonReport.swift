import Datasets
import Evaluation
import Figures
import Foundation
import Portraits
import StarReading
import Support
import Tables

/// What a comparison of two tables found: in numbers, as text, as figures.
struct ComparisonReport {
    private let labels: [StellarLabel]
    private let files: (first: String, second: String)
    private let tables: MatchedTables
    private let against: CompareCommand.Against
    private let differences: [[Double]]
    private let circumstances: [LabelComparison.Circumstance]
    private let before: [LabelComparison]
    private let after: [LabelComparison]
    /// What leads from the first to the second; nil where there were too few stars.
    let fit: ScaleFit?
    /// Why there is none.
    let refusal: String?

    init(
        _ tables: MatchedTables, files: (String, String), against: CompareCommand.Against, bins: Int, resamples: Int,
        scale: String?, holdsFor instrument: String
    ) throws {
        (self.tables, self.files, self.against) = (tables, files, against)
        // Labels of models have units and digits; others get those of the tables.
        let labels = tables.labels.map { StellarLabel.resembling($0.name).with(unit: $0.unit) }
        let differences = tables.labels.map { label in zip(label.second.values, label.first.values).map { $0 - $1 } }
        let errors = tables.labels.map(Self.errors)
        let circumstances = Self.circumstances(tables, against)
        func compare(_ differences: [[Double]]) -> [LabelComparison] {
            labels.indices.map { place in
                // A bin of errors shows whether these are honest where they are small and where they are large.
                let stated = LabelComparison.Circumstance(
                    name: "e_" + labels[place].name, unit: labels[place].unit, values: errors[place])
                return LabelComparison(
                    labels[place], differences: differences[place], errors: errors[place], groups: tables.groups,
                    circumstances: circumstances + [stated], bins: bins, resamples: resamples)
            }
        }
        let before = compare(differences)
        var inputs = tables.parameters.filter(\.isOfFirst).map { (StellarLabel.resembling($0.name), $0.values) }
        if inputs.isEmpty { inputs = zip(labels, tables.labels).map { ($0, $1.first.values) } }
        let stars = ScaleFit.Stars(
            differences: labels.indices.map { place in
                // Where one side states no errors its own are part of what the other's do not explain.
                let isKnown = tables.labels[place].first.errors != nil && tables.labels[place].second.errors != nil
                let excess = isKnown ? before[place].all.excess.map { $0.isConsistentWithZero ? 0 : $0.sigma } : nil
                return (labels[place], differences[place], excess)
            }, inputs: inputs, groups: tables.groups)
        let fit: ScaleFit?
        do {
            fit = try ScaleFit(stars, name: scale ?? "B", instrument: instrument, first: files.0, second: files.1)
            refusal = nil
        } catch let error as Diagnostic {
            (fit, refusal) = (nil, error.problem)
        }
        (self.labels, self.differences, self.circumstances) = (labels, differences, circumstances)
        (self.before, self.fit, after) = (before, fit, fit.map { compare($0.heldOut) } ?? [])
    }

    /// 1 σ of the difference of two sides: of those that state one.
    private static func errors(_ label: MatchedTables.Label) -> [Double] {
        let sides = [label.first.errors, label.second.errors].compactMap { $0 }
        guard let first = sides.first else { return label.first.values.map { _ in .nan } }
        guard sides.count > 1 else { return first }
        return zip(first, sides[1]).map { ($0 * $0 + $1 * $1).squareRoot() }
    }

    private static func circumstances(
        _ tables: MatchedTables, _ against: CompareCommand.Against
    ) -> [LabelComparison.Circumstance] {
        let parameters = tables.parameters.map { parameter in
            let name = StellarLabel.resembling(parameter.name).name
            let own = tables.labels.first { StellarLabel.resembling($0.name).name == name }
            let values =
                own.map { label in
                    switch against {
                    case .mean: zip(label.first.values, label.second.values).map { ($0 + $1) / 2 }
                    case .a: label.first.values
                    case .b: label.second.values
                    }
                } ?? parameter.values
            let unit = StellarLabel(named: name).unit
            return LabelComparison.Circumstance(
                name: name, unit: unit.isEmpty ? parameter.unit : unit, values: values)
        }
        return parameters + (tables.snr.map { [.init(name: "snr", unit: "", values: $0)] } ?? [])
    }
}

extension StellarLabel {
    /// The same, in a table's unit where it has none of its own.
    fileprivate func with(unit other: String) -> StellarLabel {
        unit.isEmpty && !other.isEmpty ? StellarLabel(name, title: title, unit: other, digits: digits) : self
    }
}

// MARK: - Numbers

extension ComparisonReport {
    /// As JSON has it.
    private struct Document: Encodable {
        var first: String, second: String, against: String
        var pairs: Int, groups: Int
        var notes: [String]
        var labels: [LabelComparison]
        var corrected: [LabelComparison]
        var scale: LabelScale?
    }

    /// Writes numbers and figures.
    func write(into folder: URL) throws {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw Diagnostic(folder.path, problem: "cannot be made", remedy: "choose another folder")
        }
        let document = Document(
            first: files.first, second: files.second, against: against.rawValue, pairs: tables.count,
            groups: Set(tables.groups).count, notes: tables.notes, labels: before, corrected: after, scale: fit?.scale)
        try AtomicFile.write(JSONText.encode(document) + "\n", to: folder.appending(path: "compare.json"))
        try TableFile.write(table, to: folder.appending(path: "compare.csv"))
        try draw(into: folder)
    }

    /// A row for each label, quantity and bin; the whole first.
    private var table: Table {
        struct Row {
            var label: StellarLabel, quantity: String, lower: Double, centre: Double, upper: Double
            var before: Offset, after: Offset?
        }
        let rows = before.enumerated().flatMap { place, own -> [Row] in
            let corrected = after.indices.contains(place) ? after[place] : nil
            let whole = Row(
                label: own.label, quantity: "all", lower: .nan, centre: .nan, upper: .nan, before: own.all,
                after: corrected?.all)
            return [whole]
                + own.quantities.flatMap { quantity in
                    // Corrected stars may lack what few others have: bins are then no longer the same.
                    let other = corrected?.quantities.first { $0.name == quantity.name }
                    return quantity.bins.enumerated().map { bin, part in
                        Row(
                            label: own.label, quantity: quantity.name, lower: part.lower, centre: part.centre,
                            upper: part.upper, before: part.offset,
                            after: other.flatMap { $0.bins.indices.contains(bin) ? $0.bins[bin].offset : nil })
                    }
                }
        }
        func numbers(_ name: String, _ value: (Row) -> Double?) -> Column {
            Column(name, .numbers(rows.map { value($0) ?? .nan }))
        }
        return Table([
            Column("label", .text(rows.map(\.label.name))), Column("unit", .text(rows.map(\.label.unit))),
            Column("quantity", .text(rows.map(\.quantity))), numbers("lower", \.lower), numbers("centre", \.centre),
            numbers("upper", \.upper), Column("stars", .integers(rows.map(\.before.residuals.stars))),
            numbers("bias", \.before.residuals.bias), numbers("e_bias", \.before.residuals.biasError),
            numbers("sigma", \.before.residuals.sigma), numbers("e_sigma", \.before.residuals.sigmaError),
            numbers("stated", \.before.excess?.stated), numbers("excess", \.before.excess?.sigma),
            numbers("e_excess", \.before.excess?.sigmaError), numbers("pull", \.before.excess?.pull),
            numbers("e_pull", \.before.excess?.pullError), numbers("outliers", \.before.outliers),
            numbers("corrected_bias", { $0.after?.residuals.bias }),
            numbers("e_corrected_bias", { $0.after?.residuals.biasError }),
            numbers("corrected_sigma", { $0.after?.residuals.sigma }),
            numbers("e_corrected_sigma", { $0.after?.residuals.sigmaError }),
        ])
    }

    /// For a terminal.
    var text: String {
        let head =
            "\(files.second) - \(files.first): \(grouped(tables.count)) pairs in "
            + "\(grouped(Set(tables.groups).count)) groups\n"
        let whole = Self.text(before.map { ($0.label, $0.label.nameWithUnit, $0.all) }, named: "label")
        let bins = before.map { own in
            let rows = own.quantities.flatMap { quantity in
                quantity.bins.map { bin in
                    let digits = Self.digits(quantity, own)
                    return (
                        own.label, "\(quantity.name) \(fixed(bin.lower, digits)) to \(fixed(bin.upper, digits))",
                        bin.offset
                    )
                }
            }
            return Self.text(rows, named: own.label.name)
        }.joined(separator: "\n")
        return [head + whole, bins, correctionText].joined(separator: "\n").trimmingCharacters(in: .newlines)
    }

    private static func digits(_ quantity: LabelComparison.Quantity, _ own: LabelComparison) -> Int {
        quantity.name == "snr"
            ? 0
            : quantity.name == "e_" + own.label.name
                ? own.label.digits + 1
                : StellarLabel(named: quantity.name).digits
    }

    private static func text(_ rows: [(label: StellarLabel, name: String, offset: Offset)], named: String) -> String {
        func numbers(_ value: (Offset) -> Double?) -> Column.Values {
            .text(rows.map { fixed(value($0.offset) ?? .nan, $0.label.digits + 1) })
        }
        var columns = [
            Column(named, .text(rows.map(\.name))),
            Column("stars", .integers(rows.map(\.offset.residuals.stars))),
            Column("bias", numbers(\.residuals.bias)), Column("±", numbers(\.residuals.biasError)),
            Column("sigma", numbers(\.residuals.sigma)), Column("±", numbers(\.residuals.sigmaError)),
        ]
        if rows.contains(where: { $0.offset.excess != nil }) {
            columns += [
                Column("stated", numbers(\.excess?.stated)),
                Column(
                    "unexplained",
                    .text(
                        rows.map { row in
                            guard let excess = row.offset.excess else { return "" }
                            return excess.isConsistentWithZero
                                ? "none"
                                : "\(fixed(excess.sigma, row.label.digits + 1)) ± \(fixed(excess.sigmaError, row.label.digits + 1))"
                        })),
                Column("pull", .text(rows.map { fixed($0.offset.excess?.pull ?? .nan, 2) })),
            ]
        }
        columns.append(
            Column("> 3 sigma %", .text(rows.map { fixed(100 * ($0.offset.outliers ?? .nan), 1) }), canYield: true))
        return Table(columns).text(.table)
    }

    /// What a correction does to stars that it had not seen.
    private var correctionText: String {
        guard let fit else { return refusal.map { "no correction: \($0)\n" } ?? "" }
        let rows = zip(fit.scale.corrections, after).map { ($0, $1) }
        func numbers(_ value: (Offset) -> Double?) -> Column.Values {
            .text(rows.map { fixed(value($1.all) ?? .nan, $0.label.digits + 1) })
        }
        let worst = rows.indices.map { place in
            func most(_ own: LabelComparison) -> Double {
                own.quantities.filter { $0.name != "e_" + own.label.name }.flatMap(\.bins)
                    .compactMap { $0.offset.residuals.bias }.map { abs($0) }.max() ?? .nan
            }
            let digits = labels[place].digits + 1
            return "\(fixed(most(before[place]), digits)) to \(fixed(most(after[place]), digits))"
        }
        let table = Table([
            Column("corrected", .text(rows.map(\.0.label.nameWithUnit))),
            Column("by", .text(rows.map(\.0.form.rawValue))),
            Column("bias", numbers(\.residuals.bias)), Column("±", numbers(\.residuals.biasError)),
            Column("sigma", numbers(\.residuals.sigma)), Column("±", numbers(\.residuals.sigmaError)),
            Column("largest bias of a bin", .text(worst)),
        ])
        return "\(files.first) corrected, on stars that the correction had not seen\n" + table.text(.table)
    }
}

// MARK: - Figures

extension ComparisonReport {
    private func draw(into folder: URL) throws {
        let title = "\(files.second) and \(files.first)"
        let tier = "\(grouped(tables.count)) stars, second minus first"
        try OneToOneFigure(
            title: "\(title), \(grouped(tables.count)) stars",
            quantities: labels.indices.map { place in
                OneToOneFigure.Quantity(
                    symbol: labels[place].plotted, unit: labels[place].unit, truth: tables.labels[place].first.values,
                    predicted: tables.labels[place].second.values, bias: before[place].all.residuals.bias ?? .nan,
                    sigma: before[place].all.residuals.sigma ?? .nan, names: names)
            }
        ).write(to: folder.appending(path: "one-to-one.png"), force: true)
        try figure(title, tier, differences, before)
            .write(to: folder.appending(path: "offsets.png"), force: true)
        guard let fit else { return }
        try figure("\(title), corrected", tier + ", stars that the correction had not seen", fit.heldOut, after)
            .write(to: folder.appending(path: "corrected.png"), force: true)
    }

    private var names: (String, String) { (files.first, files.second) }

    private func figure(
        _ title: String, _ tier: String, _ differences: [[Double]], _ comparisons: [LabelComparison]
    ) -> ResidualFigure {
        ResidualFigure(
            title: title, tier: tier,
            residuals: labels.indices.map { place in
                ResidualFigure.Residual(
                    symbol: labels[place].plotted, unit: labels[place].unit, values: differences[place],
                    marks: circumstances.map { circumstance in
                        let bins = comparisons[place].quantities.first { $0.name == circumstance.name }?.bins ?? []
                        return bins.map {
                            (
                                x: $0.centre, y: $0.offset.residuals.bias ?? .nan,
                                error: $0.offset.residuals.biasError ?? 0
                            )
                        }
                    })
            },
            quantities: circumstances.map { own in
                let isNoise = own.name == "snr"
                // From cool giants to hot stars, linear temperatures would press most into a corner.
                let known = own.values.filter(\.isFinite)
                let isWide = own.name == "teff" && (known.max() ?? 1) > 2.5 * (known.min() ?? 1)
                return ResidualFigure.Quantity(
                    symbol: isNoise ? "S/N" : StellarLabel(named: own.name).plotted, unit: own.unit,
                    values: own.values, isLogarithmic: isNoise || isWide)
            })
    }
}
