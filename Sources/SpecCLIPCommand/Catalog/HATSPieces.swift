import Foundation
import StarReading
import Support
import Tables

/// HATS catalogues whose partitions belong together: those that shards wrote into one folder, or into several.
struct HATSPieces: CataloguePieces {
    let kind = "partitions"
    let units: [ShardRecord.Unit]
    private(set) var problems: [Diagnostic] = []
    private let folders: [URL]
    private let run: RunRecord?

    /// Looks at the footers of all partitions.
    /// - Throws: `Diagnostic` for what is no catalogue of ours where there are several.
    init(_ folders: [URL]) throws {
        self.folders = folders
        let runs = try folders.map { (url: $0, run: try RunRecord.read(in: $0)) }
        run = runs[0].run
        for other in runs.dropFirst() {
            guard let own = run, let run = other.run else {
                throw Diagnostic(
                    run == nil ? folders[0] : other.url, field: HATSMetadata.recordName,
                    problem: "is missing: nothing says what made the catalogue", remedy: "give catalogues of specclip")
            }
            if let what = run.difference(from: own) {
                problems.append(
                    Diagnostic(
                        other.url, problem: "was made with \(what), as \(folders[0].lastPathComponent) was",
                        remedy: "leave it out"))
            }
        }
        var found: [HEALPixCell: (unit: ShardRecord.Unit, url: URL)] = [:]
        for url in folders {
            for cell in HATSPartitions.cells(in: url) {
                let name = "\(url.relativePath)/Norder=\(cell.order)/Npix=\(cell.index)"
                guard let (settings, outcome) = HATSPartitions.outcome(of: cell, in: url) else {
                    problems.append(
                        Diagnostic(name, problem: "is damaged", remedy: "run its shard again"))
                    continue
                }
                if let run, !settings.isEmpty, settings != run.settings {
                    problems.append(
                        Diagnostic(
                            name, problem: "was written with another model, input or options than the others",
                            remedy: "run its shard again with --restart"))
                }
                if let other = found[cell] {
                    problems.append(
                        Diagnostic(
                            name, problem: "is in \(other.url.relativePath), too", remedy: "leave one of them out"))
                }
                found[cell] = (
                    ShardRecord.Unit(
                        name: name, spectra: settings.isEmpty ? outcome.rows : outcome.inputs,
                        failures: outcome.failures, rows: outcome.rows), url
                )
            }
        }
        units = found.sorted { $0.key < $1.key }.map(\.value.unit)
        guard !found.isEmpty else {
            throw Diagnostic(folders[0], problem: "holds no partitions", remedy: "run the shards first")
        }
        if let run { problems += Self.missing(run, Set(found.keys), found.mapValues(\.unit)) }
    }

    /// Partitions of the input that were not read, or not whole.
    private static func missing(
        _ run: RunRecord, _ there: Set<HEALPixCell>, _ units: [HEALPixCell: ShardRecord.Unit]
    ) -> [Diagnostic] {
        let expected = run.units.map { ($0, HEALPixCell(unit: $0)) }
        // Of an input that is no catalogue the partitions are of its own making.
        guard !expected.contains(where: { $0.1 == nil }) else { return [] }
        var problems: [Diagnostic] = []
        let absent = expected.filter { $0.1.map { !there.contains($0) } ?? false }.map(\.0)
        for name in absent.prefix(5) {
            problems.append(Diagnostic(name, problem: "was not read", remedy: "run its shard again, and merge then"))
        }
        if absent.count > 5 {
            problems.append(Diagnostic(problem: "\(absent.count - 5) more partitions were not read"))
        }
        guard run.input.count == 1, HATSCatalogue.isCatalogue(run.input[0]),
            let input = try? HATSCatalogue(opening: URL(fileURLWithPath: run.input[0]))
        else { return problems }
        for partition in input.partitions {
            guard let unit = units[partition.cell] else { continue }
            let rows = partition.files.reduce(Int?(0)) { sum, file in
                sum.flatMap { sum in HATSPartitions.rowCount(of: file).map { sum + $0 } }
            }
            guard let rows, rows != unit.spectra + unit.failures else { continue }
            problems.append(
                Diagnostic(
                    unit.name,
                    problem: "has \(unit.spectra) spectra and \(unit.failures) that failed, of \(rows) of the input",
                    remedy: "run its shard again with --restart"))
        }
        return problems
    }

    func eachTable(_ body: (String, Table) throws -> Void) throws {
        let names = ["file", "source_id", "query_source_id", "instrument", "rank", "visit"] + HATSMetadata.places
        for url in folders {
            try HATSPartitions.eachTable(in: url, columns: names) { cell, table in
                let name = "\(url.relativePath)/Norder=\(cell.order)/Npix=\(cell.index)"
                try check(table, cell, name)
                try body(name, table)
            }
        }
    }

    /// Whether rows lie in their partition, by their own column and by their places.
    private func check(_ table: Table, _ cell: HEALPixCell, _ name: String) throws {
        guard case .integers(let own)? = table[HATSMetadata.places[2]]?.values,
            let row = own.firstIndex(where: { !cell.contains(HEALPixCell(order: HEALPixCell.finest, index: $0)) })
        else { return }
        throw Diagnostic(
            name, field: HATSMetadata.places[2], problem: "row with \(own[row]) lies outside of the partition",
            remedy: "write the catalogue again")
    }

    /// Makes the partitions a catalogue: where they are, or in a folder of their own.
    /// - Parameter url: the folder; nil where there is one already.
    func merge(to url: URL?) throws {
        guard let run else {
            throw Diagnostic(
                folders[0], field: HATSMetadata.recordName, problem: "is missing: nothing says what made the catalogue",
                remedy: "merge what shards wrote")
        }
        guard let url = url ?? (folders.count == 1 ? folders[0] : nil) else {
            throw Diagnostic(folders[1].path, problem: "is a second folder", remedy: "name a third: -o FOLDER.hats")
        }
        if url.standardizedFileURL != folders[0].standardizedFileURL || folders.count > 1 {
            for folder in folders { try HATSPartitions.copy(folder, to: url) }
            try run.write(in: url)
        }
        if run.command == "outliers" {
            let rates = DiscoveryRates(fdr: nil)
            try rates.complete(url)
            if let text = rates.summary { Program.note(text) }
        }
        try HATSMetadata.write(in: url, facts: run.facts)
    }
}

extension HEALPixCell {
    /// The cell of a partition's name, `survey.hats/Norder=1/Npix=12`.
    fileprivate init?(unit name: String) {
        guard let match = name.firstMatch(of: /Norder=(\d+)\/Npix=(\d+)$/), let order = Int(match.1),
            let index = Int(match.2)
        else { return nil }
        self.init(order: order, index: index)
    }
}
