import Foundation
import Instruments
import Spectra
import StarReading
import Support
import TestFiles
import Testing
@testable import Tables

/// Catalogues in HATS and shards, from end to end.
@Suite(.enabled(if: ParquetTable.isPossible, "make parquet brings what reads and writes HATS"))
struct CatalogueTests {
    private let folder: TemporaryFolder
    private let model: String
    /// 60 spectra of Gaia XP, each of another slope, in a third of the sphere.
    private var survey: String { folder.path("survey.hats") }
    /// The partitions of the survey.
    private let cells: [HEALPixCell]

    /// Made once.
    private static let made = Result {
        let folder = try TemporaryFolder()
        let writer = try HATSWriter(folder.file("survey.hats"), spectra(0).emptied, most: 20)
        try writer.append(spectra(60))
        try writer.finish()
        return folder
    }

    init() throws {
        folder = try TemporaryFolder()
        model = try Fixture.shared.get().model
        let made = try Self.made.get()
        try FileManager.default.copyItem(at: made.file("survey.hats"), to: folder.file("survey.hats"))
        cells = try HATSCatalogue(opening: folder.file("survey.hats")).partitions.map(\.cell)
    }

    static func spectra(_ count: Int) -> Table {
        let (wavelength, flux) = Fixture.xp()
        let dec = (0..<count).map { asin((Double($0) + 0.5) / Double(count)) * 180 / .pi }
        func vectors(_ value: (Int, Int) -> Double) -> Column.Values {
            .vectors(
                (0..<count).flatMap { row in wavelength.indices.map { Float(value(row, $0)) } }, width: wavelength.count
            )
        }
        return Table([
            Column("source_id", .integers((0..<count).map { 4_000_000_000_000_000_000 + $0 })),
            Column("ra", .numbers((0..<count).map { (Double($0) * 222.49).truncatingRemainder(dividingBy: 120) })),
            Column("dec", .numbers(dec)), Column("spectrum.wavelength", unit: "Å", vectors { wavelength[$1] }),
            Column("spectrum.flux", vectors { flux[$1] * (1 + Double($0) / 200 * Double($1) / 343) }),
            Column("spectrum.ivar", vectors { _, _ in 1e4 }), Column("spectrum.mask", vectors { _, _ in 0 }),
        ])
    }

    private func run(_ command: String, _ output: String, _ options: String...) throws -> Tool.Outcome {
        let more = command == "predict" ? ["--samples", "100"] : command == "translate" ? ["--to", "lamost-lrs"] : []
        return try Tool.run(
            [command, survey, "-m", model, "-o", folder.path(output), "--threads", "1"] + more + options)
    }

    private func merge(_ pieces: [String], to output: String? = nil, _ options: String...) throws -> Tool.Outcome {
        try Tool.run(
            ["catalog", "merge"] + pieces.map(folder.path) + (output.map { ["-o", folder.path($0)] } ?? []) + options)
    }

    private func file(_ cell: HEALPixCell, in name: String) -> URL {
        HATSCatalogue.file(of: cell, in: folder.file(name))
    }

    /// The values of a column by the star's identifier, of a whole catalogue.
    private func values(_ column: String, _ name: String) throws -> [String: [Double]] {
        var found: [String: [Double]] = [:]
        for partition in try HATSCatalogue(opening: folder.file(name)).partitions {
            let table = try ParquetTable(InputFile(partition.files[0]))
            let place = try #require(table.fields.firstIndex { $0.name == column })
            let ids = try #require(table.fields.firstIndex { $0.name == "source_id" })
            while case let rows = try table.next(1000), rows.count > 0 {
                for (id, values) in zip(try rows.texts(ids), try rows.arrays(place)) {
                    #expect(found.updateValue(values, forKey: id) == nil)
                }
            }
        }
        return found
    }

    /// Partitions of the result are those of the input, and hold what a plain file holds.
    @Test(arguments: ["embed", "translate"]) func partitionsStay(command: String) throws {
        let outcome = try run(command, "out.hats")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let catalogue = try HATSCatalogue(opening: folder.file("out.hats"))
        #expect(try catalogue.partitions.map(\.cell) == cells && catalogue.hasWholeIdentifiers)
        #expect(catalogue.properties["hats_nrows"] == "60")
        #expect(catalogue.properties["specclip_model"] == "tiny.safetensors")
        #expect(catalogue.properties["specclip_command"] == command)
        let column = ["embed": "embedding", "translate": "spectrum.flux"][command] ?? ""
        let found = try values(column, "out.hats")
        #expect(found.count == 60)
        // The same rows in a single file; in a batch of other spectra the last bits may differ.
        #expect(try run(command, "flat.parquet").code == 0)
        let flat = try ParquetTable(InputFile(folder.file("flat.parquet")))
        let rows = try flat.next(200)
        let place = try #require(flat.fields.firstIndex { $0.name == column })
        let ids = try #require(flat.fields.firstIndex { $0.name == "source_id" })
        for (id, values) in zip(try rows.texts(ids), try rows.arrays(place)) {
            let own = try #require(found[id])
            #expect(zip(own, values).allSatisfy { abs($0 - $1) <= 1e-3 * (1 + abs($1)) || $1.isNaN })
        }
        // Again: nothing is done twice, nothing is lost.
        let before = try Data(contentsOf: file(cells[0], in: "out.hats"))
        #expect(try run(command, "out.hats").code == 0)
        #expect(try Data(contentsOf: file(cells[0], in: "out.hats")) == before)
        let other = try run(command, "out.hats", "--rv", "3")
        #expect(other.code == 1 && other.errors.contains("was begun with other options: '"), "\(other.errors)")
    }

    /// What is there is not overwritten by mistake, least of all the input.
    @Test func whatIsThereStays() throws {
        let before = try Data(contentsOf: folder.file("survey.hats/hats.properties"))
        let same = try run("embed", "survey.hats", "--force")
        #expect(same.code == 1 && same.errors.contains("survey.hats: is the input"), "\(same.errors)")
        try FileManager.default.copyItem(at: folder.file("survey.hats"), to: folder.file("other.hats"))
        let other = try run("embed", "other.hats")
        #expect(other.code == 1 && other.errors.contains("exists already"), "\(other.errors)")
        let merged = try merge(["other.hats"])
        #expect(merged.code == 1 && merged.errors.contains("specclip.json: is missing"), "\(merged.errors)")
        for name in ["survey.hats", "other.hats"] {
            #expect(try Data(contentsOf: folder.file(name + "/hats.properties")) == before)
        }
        // Replaced, nothing of it is left.
        #expect(try run("embed", "other.hats", "--force").code == 0)
        #expect(try values("embedding", "other.hats").count == 60)
    }

    /// A spectrum that is written as part of a catalogue is read again as one.
    @Test func spectraAreReadBack() throws {
        #expect(try run("translate", "lrs.hats").code == 0)
        let spectra = try SpectrumReader.read(file(cells[0], in: "lrs.hats"))
        #expect(spectra.allSatisfy { $0.wavelength == Instrument.lamostLRS.grid.wavelengths.map { Double(Float($0)) } })
        #expect(spectra.allSatisfy { $0.mask == $0.flux.map { !$0.isFinite } && $0.ra != nil && $0.dec != nil })
        #expect(spectra.allSatisfy { $0.sourceID?.hasPrefix("40000000000000000") == true })
    }

    /// A partition that cannot be read is told, the rest is done, and it alone is done when it is mended.
    @Test func damagedPartitionsAreLeftOut() throws {
        let bad = file(cells[2], in: "survey.hats")
        let whole = try Data(contentsOf: bad)
        try whole.prefix(whole.count / 2).write(to: bad)
        let outcome = try run("embed", "out.hats")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("Npix=\(cells[2].index).parquet: is damaged Parquet"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: file(cells[2], in: "out.hats").path))
        #expect(HATSPartitions.cells(in: folder.file("out.hats")).count == cells.count - 1)
        let unfinished = try Tool.run(["catalog", "verify", folder.path("out.hats")])
        #expect(unfinished.code == 1)
        #expect(
            unfinished.errors.contains("survey.hats/Norder=\(cells[2].order)/Npix=\(cells[2].index): was not read"))
        try whole.write(to: bad)
        let again = try run("embed", "out.hats")
        #expect(again.code == 0, "\(again.errors)")
        let verified = try Tool.run(["catalog", "verify", folder.path("out.hats")])
        #expect(verified.code == 0 && verified.errors.contains("complete: \(cells.count) units, 60 rows"))
    }

    /// A killed run goes on after the partitions that are done; none is half.
    @Test(.timeLimit(.minutes(2))) func killedRunsGoOn() throws {
        #expect(try run("embed", "whole.hats").code == 0)
        let tool = try Tool.start([
            "embed", survey, "-m", model, "-o", folder.path("cut.hats"), "--threads", "1",
        ])
        while tool.isRunning, HATSPartitions.cells(in: folder.file("cut.hats")).isEmpty { usleep(300) }
        tool.signal(SIGKILL)
        _ = try tool.outcome()
        for cell in HATSPartitions.cells(in: folder.file("cut.hats")) {
            #expect(HATSPartitions.outcome(of: cell, in: folder.file("cut.hats")) != nil)
        }
        #expect(try run("embed", "cut.hats").code == 0)
        #expect(try values("embedding", "cut.hats") == values("embedding", "whole.hats"))
        let left = FileManager.default.enumerator(atPath: folder.path("cut.hats"))?.compactMap { $0 as? String } ?? []
        #expect(!left.contains { $0.hasSuffix(".tmp") }, "\(left)")
    }

    /// Shards write partitions into one folder; what is missing is named, and together they are the whole.
    @Test func shardsShareAFolder() throws {
        #expect(try run("predict", "whole.hats").code == 0)
        for shard in ["1/3", "3/3"] { #expect(try run("predict", "out.hats", "--shard", shard).code == 0) }
        let early = try merge(["out.hats"])
        #expect(early.code == 1 && early.errors.contains("Npix=\(cells[1].index): was not read"), "\(early.errors)")
        #expect(!HATSCatalogue.isCatalogue(folder.path("out.hats")))
        let other = try run("predict", "out.hats", "--shard", "2/3", "--rv", "20")
        #expect(other.code == 1 && other.errors.contains("--rv 20"), "\(other.errors)")
        #expect(try run("predict", "out.hats", "--shard", "2/3").code == 0)
        #expect(try merge(["out.hats"]).code == 0)
        #expect(try values("teff", "out.hats") == values("teff", "whole.hats"))
    }

    /// Files of shards become what one run would have written, to the byte.
    @Test func filesOfShardsAreMerged() throws {
        #expect(try run("predict", "whole.csv", "--positions").code == 0)
        for k in 1...3 { #expect(try run("predict", "part-\(k).csv", "--positions", "--shard", "\(k)/3").code == 0) }
        let parts = (1...3).map { "part-\($0).csv" }
        let early = try merge([parts[0], parts[2]], to: "x.csv")
        #expect(early.code == 1 && early.errors.contains("shard 2/3 is missing"), "\(early.errors)")
        let merged = try merge(parts, to: "merged.csv")
        #expect(merged.code == 0, "\(merged.errors)")
        #expect(try Data(contentsOf: folder.file("merged.csv")) == Data(contentsOf: folder.file("whole.csv")))
        #expect(try merge(parts, to: "merged.hats", "--partition-rows", "10").code == 0)
        let catalogue = try HATSCatalogue(opening: folder.file("merged.hats"))
        #expect(try catalogue.properties["hats_nrows"] == "60" && catalogue.hasWholeIdentifiers)
        // Twice the same, and one of other options.
        let twice = try merge([parts[0], parts[0], parts[1], parts[2]], to: "x.csv")
        #expect(twice.code == 1 && twice.errors.contains("and so is part-1.csv"), "\(twice.errors)")
        #expect(try run("predict", "part-2.csv", "--positions", "--shard", "2/3", "--rv", "5", "--force").code == 0)
        let mixed = try merge(parts, to: "x.csv")
        #expect(
            mixed.code == 1 && mixed.errors.contains("part-2.csv: was made with other options"), "\(mixed.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("x.csv")))
    }

    /// What is known of all stars together is that of the whole, whichever way it was made.
    @Test func ratesAreOfTheWhole() throws {
        func judge(_ output: String, _ options: String...) throws -> Tool.Outcome {
            try Tool.run(["outliers", survey, "-o", folder.path(output), "--threads", "1"] + options)
        }
        #expect(try judge("whole.csv").code == 0)
        for k in 1...2 {
            #expect(try judge("part-\(k).csv", "--shard", "\(k)/2").code == 0)
            #expect(try judge("out.hats", "--shard", "\(k)/2").code == 0)
        }
        #expect(try merge(["part-1.csv", "part-2.csv"], to: "merged.csv").code == 0)
        #expect(try Data(contentsOf: folder.file("merged.csv")) == Data(contentsOf: folder.file("whole.csv")))
        #expect(try merge(["out.hats"]).code == 0)
        let q = try values("q", "out.hats")
        let table = try TableFileReader.open(folder.file("whole.csv"))
        let rows = try table.next(200)
        func place(_ name: String) throws -> Int { try #require(table.fields.firstIndex { $0.name == name }) }
        for (id, own) in zip(try rows.texts(place("source_id")), try rows.scalars(place("q"))) {
            #expect(q[id] == [own])
        }
        let cut = try judge("x.hats", "--fdr", "0.05")
        #expect(cut.code == 1 && cut.errors.contains("--fdr 0.05: cuts a list"), "\(cut.errors)")
    }

    /// Where the disk is full, as a limit on the size of files, what is done stays, and nothing is half there.
    @Test func fullDisksLeaveWholePartitions() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let log = folder.path("err")
        process.arguments =
            ["-c", "ulimit -f 8; exec \"$@\" 2>'\(log)'", "sh", Tool.executable.path]
            + ["embed", survey, "-m", model, "-o", folder.path("out.hats")]
        try process.run()
        process.waitUntilExit()
        let errors = try String(contentsOfFile: log, encoding: .utf8)
        #expect(process.terminationStatus == 1)
        #expect(errors.contains("cannot be written") && errors.contains("free some space"), "\(errors)")
        // Beside a note of what was assumed.
        #expect(errors.split(separator: "\n").count { $0.contains("cannot be") } == 1, "\(errors)")
        let left = FileManager.default.enumerator(atPath: folder.path("out.hats"))?.compactMap { $0 as? String } ?? []
        #expect(!left.contains { $0.contains("Npix=") }, "\(left)")
        #expect(try run("embed", "out.hats").code == 0)
        #expect(try values("embedding", "out.hats").count == 60)
    }

    /// A spectrum of another length is left out; the others of its partition are read.
    @Test func spectraFailAlone() throws {
        var lists = Self.spectra(60).without("spectrum.wavelength", "spectrum.ivar", "spectrum.mask")
        lists.columns[3].name = "flux"
        let text = folder.file("rows.ecsv")
        try TableFile.write(lists, to: text)
        var lines = try String(contentsOf: text, encoding: .utf8).split(separator: "\n").map(String.init)
        lines[lines.count - 3].replace(/\[[^,]+,/, with: "[")
        try lines.joined(separator: "\n").write(to: text, atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["embed", text.path, "-m", model, "-o", folder.path("out.hats")])
        #expect(outcome.code == 1 && outcome.errors.contains("rows.ecsv#58: flux: has 342 values"), "\(outcome.errors)")
        #expect(try values("embedding", "out.hats").count == 59)
    }

    /// Sources that stand twice are named.
    @Test func repeatedSourcesAreTold() throws {
        let copy = folder.file("copy.hats")
        var rows = Self.spectra(60)
        guard case .integers(var ids) = rows.columns[0].values else { return }
        ids[7] = ids[50]
        rows.columns[0].values = .integers(ids)
        try TableFile.write(rows, to: copy)
        let outcome = try Tool.run(["catalog", "verify", copy.path])
        #expect(outcome.code == 1)
        #expect(
            outcome.errors.contains("source_id: the source 4000000000000000050 stands 2 times"), "\(outcome.errors)")
        #expect(try Tool.run(["catalog", "verify", copy.path, "--visits"]).code == 0)
    }

    /// What HATS needs and files do not say: one line, before all work.
    @Test func rowsNeedPlaces() throws {
        let xp = try Fixture.shared.get().xp
        let outcome = try Tool.run(["embed", "-m", model, xp, "-o", folder.path("out.hats")])
        #expect(outcome.code == 1 && outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("ra, dec: says no place on the sky"), "\(outcome.errors)")
    }

    /// Files that are not a catalogue are sorted into one.
    @Test func filesBecomeACatalogue() throws {
        try TableFile.write(Self.spectra(60), to: folder.file("spectra.parquet"))
        let outcome = try Tool.run([
            "embed", "-m", model, folder.path("spectra.parquet"), "-o", folder.path("out") + "/", "--partition-rows",
            "5",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try HATSCatalogue(opening: folder.file("out")).partitions.count > 8)
        #expect(try values("embedding", "out").count == 60)
        #expect(!folder.contents.contains { $0.hasSuffix(".journal") })
    }

    /// Columns that hold no spectra are refused with what there is and what is read; arrays of unequal lengths by name.
    @Test func wrongSchemasAreTold() throws {
        try TableFile.write(Self.spectra(3).without("spectrum.flux"), to: folder.file("none.parquet"))
        func read(_ name: String) throws -> Tool.Outcome {
            try Tool.run(["embed", "-m", model, folder.path(name), "-o", folder.path("out.hats")])
        }
        let none = try read("none.parquet")
        #expect(none.code == 1 && none.errorLines.count == 1)
        #expect(
            none.errors.contains("spectrum.wavelength list<float>") && none.errors.contains("flux, ivar, mask"),
            "\(none.errors)")
        var rows = Self.spectra(3)
        rows.columns[3].values = .vectors([Float](repeating: 5000, count: 3 * 340), width: 340)
        try TableFile.write(rows, to: folder.file("mixed.parquet"))
        let mixed = try read("mixed.parquet")
        #expect(mixed.code == 1 && mixed.errors.contains("343") && mixed.errors.contains("340"), "\(mixed.errors)")
    }

    @Test func schedulersNameShards() throws {
        let slurm = ["SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_COUNT": "4"]
        let outcome = try Tool.run(
            ["embed", "-m", model, survey, "-o", folder.path("out.parquet"), "--shard", "auto"], environment: slurm)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try String(contentsOf: folder.file("out.parquet.shard.json"), encoding: .utf8)
        #expect(record.contains("\"number\" : 3") && record.contains("\"count\" : 4"))
        #expect(try Shard(of: ["RANK": "0", "WORLD_SIZE": "2"]) == Shard(1, of: 2))
        #expect(try Shard(of: slurm.merging(["SLURM_ARRAY_TASK_STEP": "2"]) { $1 }) == Shard(2, of: 4))
        #expect(throws: Diagnostic.self) { try Shard(of: [:]) }
        let wrong = try Tool.run(["embed", survey, "-o", folder.path("x.parquet"), "--shard", "5/4"])
        #expect(wrong.code == 2)
    }
}
