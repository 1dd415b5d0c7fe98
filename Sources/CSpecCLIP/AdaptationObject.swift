import Datasets
import Foundation
import Spectra
import StarReading
import Support
import Tables

/// Teaches a model labels of the caller's own: what `specclip adapt` does, for arrays.
///
/// Made from labels, one value a star; then spectra of these stars are added, batch by batch, and learned from.
final class AdaptationObject: LibraryObject, @unchecked Sendable {
    private let reader: StarReader
    private let adaptation: Adaptation
    private let notes: [String]
    private let folder: URL
    /// Spectra are added, and learned from, by one thread at a time.
    private let lock = NSLock()

    /// Arguments are `labels` (an array each, called as the option `labels` says), `errors` (the same, NaN where none is
    /// known) and `group` (texts).
    init(_ options: Options, _ arguments: Arguments) throws {
        try arguments.check(known: ["labels", "errors", "group"])
        let names = try options.texts("labels") ?? []
        let units = try options.texts("units") ?? names.map { _ in "" }
        guard !names.isEmpty, arguments.count("labels") == names.count, units.count == names.count else {
            throw Diagnostic("labels", problem: "and their names are not as many", remedy: "give an array for each")
        }
        let values = try names.indices.map { try arguments.numbers("labels", $0) ?? [] }
        let count = values[0].count
        var columns = [Column("file", .text((0..<count).map { "spectrum \($0)" }))]
        for (place, name) in names.enumerated() {
            guard values[place].count == count else {
                throw Diagnostic(
                    name, problem: "has \(values[place].count) values where \(names[0]) has \(count)",
                    remedy: "give one a star, NaN where it is not known")
            }
            columns.append(Column(name, unit: units[place], .numbers(values[place])))
            guard let errors = try arguments.numbers("errors", place), errors.contains(where: \.isFinite) else {
                continue
            }
            columns.append(Column("e_" + name, unit: units[place], .numbers(errors)))
        }
        let groups = try arguments.texts("group")
        if let groups { columns.append(Column("specclip_group", .text(groups))) }
        for column in columns where column.rowCount != count {
            throw Diagnostic(
                column.name, problem: "has \(column.rowCount) values where \(names[0]) has \(count)",
                remedy: "give one a star")
        }
        let table = try LabelTable(
            Table(columns), name: "labels", labels: names.map { ($0, $0) },
            group: groups == nil ? nil : "specclip_group", key: .file)
        notes = table.notes

        var choices = Adaptation.Options()
        choices.name = try options.text("name") ?? choices.name
        guard !choices.name.isEmpty,
            choices.name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        else { throw Diagnostic("name \(choices.name)", problem: "is no name", remedy: "give letters, digits and _") }
        choices.scale = try options.text("scale")
        choices.folds = try options.integer("folds", in: 3...20) ?? choices.folds
        choices.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? Int(choices.seed))
        if let methods = try options.texts("methods") {
            let known = AdaptationMethod.allCases.map(\.rawValue)
            choices.methods = try methods.map { text in
                guard let method = AdaptationMethod(rawValue: text) else {
                    throw Diagnostic(
                        "methods \(text)", problem: "is no way", remedy: suggestion(for: text, among: known))
                }
                return method
            }
        }
        reader = try StarReader(contentsOf: Learning.file(options), draws: 200)
        folder = try Learning.folder(options)
        let catalogue = try options.text("catalogue") ?? "labels"
        adaptation = try Adaptation(reader, table, catalogue: catalogue, options: choices, folder: folder)
    }

    func answer(
        _ question: String, _ options: Options, _ arguments: Arguments
    ) throws -> [(name: String, table: Table)] {
        try lock.withLock {
            switch question {
            case "add":
                let input = try ReaderInput(options, arguments, among: reader.instruments)
                try adaptation.add(input.observations)
                return input.answer(Table())
            case "fit": return try fit(options)
            default:
                throw Diagnostic(
                    question, problem: "is nothing that an adaptation answers",
                    remedy: suggestion(for: question, among: ["add", "fit"]))
            }
        }
    }

    private func fit(_ options: Options) throws -> [(name: String, table: Table)] {
        guard let path = try options.text("output") else {
            throw Diagnostic("output", problem: "is not given", remedy: "name the file of the new model")
        }
        let alone = try options.flag("alone")
        let kept = KeptNotes()
        let results = try adaptation.fit(progress: kept)
        try adaptation.write(results, to: URL(fileURLWithPath: path), alone: alone)
        try? FileManager.default.removeItem(at: folder)
        let table = StarCatalogue.adaptation(results.map { ($0.instrument, $0.description) })
        return [("rows", table), ("notes", Table([Column("note", .text(notes + kept.texts))]))]
    }
}
