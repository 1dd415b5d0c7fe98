import Datasets
import Foundation
import Instruments
import Spectra
import Support
import Tables
import TestFiles
import Testing
import Torch
@testable import StarReading

/// Atlases on disk: what they find beside a search that looks at everything, and what they refuse.
@Suite struct AtlasTests {
    private static let folder = Result { try TemporaryFolder() }
    private static var scratch: TemporaryFolder { get throws { try folder.get() } }
    private static let model: Result<(path: String, reader: StarReader), any Error> = Result {
        let url = try scratch.url.appending(path: "tiny.safetensors")
        try TinyModel.write(to: url)
        return (url.path, try StarReader(contentsOf: url))
    }

    /// Directions in clumps, as those of stars are; the clumps are the same for all seeds.
    private static func embeddings(_ count: Int, _ width: Int, seed: UInt64) -> Tensor {
        let former = Generator.state()
        defer { try? Generator.restore(former) }
        Generator.seed(99)
        let centres = Tensor.randn([40, width])
        Generator.seed(seed)
        return centres.indexSelect(0, Tensor.randint(high: 40, [count])) + Tensor.randn([count, width]) * 0.4
    }

    private static func table(
        _ rows: Tensor, instrument: String = "gaia-xp", ids: (Int) -> String = { "\(1000 + $0)" }
    ) -> Table {
        let (count, width) = (rows.size(0), rows.size(1))
        return Table([
            Column("file", .text((0..<count).map { "f#\($0)" })),
            Column("source_id", .text((0..<count).map(ids))),
            Column("instrument", .text((0..<count).map { _ in instrument })),
            Column("embedding", .vectors(rows.floats(), width: width)),
            Column("teff", .numbers((0..<count).map { 4000 + Double($0 % 100) * 30 })),
            Column("ra", .numbers((0..<count).map { Double($0 % 360) })),
            Column("dec", .numbers((0..<count).map { Double($0 % 90) })),
        ])
    }

    private static func write(_ table: Table, _ name: String) throws -> URL {
        let url = try scratch.url.appending(path: name)
        try TableFile.write(table, to: url)
        return url
    }

    @discardableResult
    private static func build(
        _ name: String, _ tables: [URL], _ change: (inout AtlasBuilder.Options) -> Void = { _ in }
    ) throws -> StarAtlas {
        var options = AtlasBuilder.Options()
        change(&options)
        let builder = try AtlasBuilder(
            try scratch.url.appending(path: name), model.get().reader, options: options)
        for table in tables { try builder.add(table) }
        return try builder.finish()
    }

    private static func observations(_ ids: [String]) -> [Observation] {
        ids.map {
            Observation(
                name: "star", sourceID: $0, instrument: .gaiaXP, prepared: PreparedSpectrum(flux: [], mask: []),
                raw: nil)
        }
    }

    private static func search(
        _ atlas: StarAtlas, _ queries: Tensor, _ ids: [String] = [], top: Int = 5, filter: AtlasFilter = AtlasFilter(),
        probes: Int? = nil, excludingSelf: Bool = false
    ) throws -> [[FoundStar]] {
        let own = ids.isEmpty ? (0..<queries.size(0)).map { _ in "" } : ids
        return try LookAlikes(atlas, model.get().reader, filter: filter, probes: probes)
            .nearest(to: queries, of: observations(own), top: top, excludingSelf: excludingSelf)
    }

    private static var width: Int { get throws { try model.get().reader.embeddingWidth } }

    @Test func aSmallOneFindsWhatBruteForceFinds() throws {
        let rows = Self.embeddings(500, try Self.width, seed: 1)
        let atlas = try Self.build("small", [Self.write(Self.table(rows) { "star \($0)" }, "small.fits")])
        #expect(atlas.header.parts[0].groups == 1 && atlas.header.parts[0].columns == ["teff", "ra", "dec"])
        let queries = Self.embeddings(20, try Self.width, seed: 2)
        let exact = unitDirections(queries).matmul(unitDirections(rows).transposed()).topk(5).values.floats()
        for (query, own) in try Self.search(atlas, queries).enumerated() {
            #expect(own.count == 5)
            for (rank, one) in own.enumerated() {
                #expect(abs(one.similarity - Double(exact[query * 5 + rank])) < 1e-4)
                let row = try #require(Int(one.sourceID.dropFirst(5)))
                #expect(one.labels["teff"] == 4000 + Double(row % 100) * 30)
            }
        }
    }

    @Test func filtersAndTheStarItself() throws {
        let rows = Self.embeddings(400, try Self.width, seed: 3)
        // Each star is there twice.
        let table = try Self.write(Self.table(Tensor.cat([rows, rows], dim: 0)) { "\($0 % 400)" }, "twice.fits")
        let atlas = try Self.build("twice", [table])
        #expect(atlas.header.parts[0].repeats == 400)
        let some = rows.narrow(0, start: 0, length: 10)
        let ids = (0..<10).map(String.init)
        for (id, own) in zip(ids, try Self.search(atlas, some, ids, excludingSelf: true)) {
            #expect(own.count == 5 && !own.contains { $0.sourceID == id })
        }
        #expect(try Self.search(atlas, some, ids).allSatisfy { $0[0].similarity > 0.999 })
        let cool = AtlasFilter([try #require(LabelCondition("teff<4300"))])
        #expect(try Self.search(atlas, some, filter: cool).joined().allSatisfy { ($0.labels["teff"] ?? 9999) < 4300 })
        let cone = AtlasFilter(cone: (ra: 359.5, dec: 89, radius: 1.5))
        let near = try Self.search(atlas, some, top: 800, filter: cone)
        // Beside the pole, by the haversine of each row.
        let expected = (0..<800).count { row in
            let radians = Double.pi / 180
            let (north, east) = (Double(row % 90) * radians, Double(row % 360) * radians)
            let (x, y) = (sin((north - 89 * radians) / 2), sin((east - 359.5 * radians) / 2))
            return 2 * asin((x * x + cos(north) * cos(89 * radians) * y * y).squareRoot()) <= 1.5 * radians
        }
        #expect(near[0].count == expected && expected > 5)
        #expect {
            try Self.search(atlas, some, filter: AtlasFilter([#require(LabelCondition("mass>1"))]))
        } throws: { "\($0)".contains("mass: is not known of its stars; known are teff, ra, dec") }
    }

    /// Groups, bytes for numbers and first numbers alone, beside a search that looks at all.
    @Test(arguments: [false, true]) func groupsFindNearlyAll(scansBytes: Bool) throws {
        let count = 6000
        let table = try Self.write(
            Self.table(Self.embeddings(count, try Self.width, seed: 4)), "many-\(scansBytes).npz")
        let atlas = try Self.build("many-\(scansBytes)", [table]) {
            ($0.scansBytes, $0.groups) = (scansBytes, 64)
        }
        let about = atlas.header.parts[0]
        #expect(about.groups == 64 && about.probes < 48 && about.recall >= 0.99)
        let queries = Self.embeddings(100, try Self.width, seed: 5)
        let (own, all) = (
            try Self.search(atlas, queries, top: 10), try Self.search(atlas, queries, top: 10, probes: .max)
        )
        let hits = zip(own, all).reduce(0) { $0 + Set($1.0.map(\.row)).intersection($1.1.map(\.row)).count }
        #expect(hits >= 960, "\(hits)")
        // Few may be found: more groups are looked at.
        let rare = AtlasFilter([try #require(LabelCondition("teff<4020"))])
        #expect(try Self.search(atlas, queries, top: 10, filter: rare).allSatisfy { $0.count == 10 })
        try atlas.verify()
    }

    @Test func anInterruptedBuildGoesOn() throws {
        let rows = Self.embeddings(300, try Self.width, seed: 6)
        let (first, second) = (
            try Self.write(Self.table(rows), "first.parquet.fits"),
            try Self.write(Self.table(rows) { "\(9000 + $0)" }, "second.fits")
        )
        let folder = try Self.scratch.url.appending(path: "halves")
        do {
            let builder = try AtlasBuilder(folder, Self.model.get().reader)
            try builder.add(first)
        }
        #expect(StarAtlas.isAtlas(folder.path))
        #expect { try StarAtlas(opening: folder) } throws: { "\($0)".contains("is half built") }
        // What was written behind the last step that is known of is cut off.
        let rest = try FileHandle(forWritingTo: folder.appending(path: ".building/gaia_xp.rows"))
        try rest.seekToEnd()
        try rest.write(contentsOf: Data(count: 77))
        let atlas = try Self.build("halves", [first, second])
        #expect(atlas.header.parts[0].rows == 600 && atlas.header.inputs.map(\.rows) == [300, 300])
        var options = AtlasBuilder.Options()
        options.width = 4
        try AtlasBuilder(Self.scratch.url.appending(path: "other"), Self.model.get().reader).add(first)
        #expect {
            try AtlasBuilder(Self.scratch.url.appending(path: "other"), Self.model.get().reader, options: options)
        } throws: { "\($0)".contains("with other settings") }

        // More rows, and two atlases as one, are the same as all at once.
        let builder = try AtlasBuilder(Self.scratch.url.appending(path: "merged"), Self.model.get().reader)
        try builder.add(Self.build("one", [first]))
        try builder.add(Self.build("two", [second]))
        let merged = try builder.finish()
        let queries = Self.embeddings(20, try Self.width, seed: 7)
        let (a, b) = (try Self.search(atlas, queries), try Self.search(merged, queries))
        #expect(a.map { $0.map(\.similarity) } == b.map { $0.map(\.similarity) })
    }

    @Test func labelsComeFromACatalogue() throws {
        let rows = Self.embeddings(50, try Self.width, seed: 8)
        let bare = Table(Self.table(rows).columns.filter { $0.name != "teff" })
        let labels = Table([
            Column("source_id", .integers([1003, 1001, 7])), Column("teff", .numbers([5000, 6000, 1])),
        ])
        let builder = try AtlasBuilder(Self.scratch.url.appending(path: "labelled"), Self.model.get().reader)
        builder.catalogue = try StarColumns(Self.write(labels, "labels.csv"), columns: builder.columns)
        try builder.add(Self.write(bare, "bare.fits"))
        let found = try Self.search(builder.finish(), rows.narrow(0, start: 1, length: 3), top: 1)
        #expect(found.map { $0[0].labels["teff"] ?? 0 }.map { $0.isNaN ? -1 : $0 } == [6000, -1, 5000])
    }

    @Test func whatIsDamagedIsRefused() throws {
        let rows = Self.embeddings(300, try Self.width, seed: 9)
        let table = try Self.write(Self.table(rows), "sound.fits")
        let atlas = try Self.build("sound", [table])
        let file = atlas.url.appending(path: atlas.header.parts[0].file)
        let bytes = try Data(contentsOf: file)
        var random = SeededGenerator(seed: 10)
        for _ in 0..<60 {
            // Most of what counts stands at the beginning.
            var damaged = bytes
            let place = Int(random.next() % UInt64(random.uniform() < 0.8 ? 1500 : bytes.count))
            damaged[place] ^= UInt8(1 << (random.next() % 8))
            if random.uniform() < 0.2 { damaged = damaged.prefix(place) }
            try damaged.write(to: file)
            #expect(throws: Diagnostic.self) { try StarAtlas(opening: atlas.url).verify() }
        }
        try bytes.write(to: file)
        try StarAtlas(opening: atlas.url).verify()
        #expect { try StarAtlas(opening: Self.scratch.url) } throws: { "\($0)".contains("holds no atlas") }
        try Data("{}".utf8).write(to: atlas.url.appending(path: "atlas.json"))
        #expect(throws: Diagnostic.self) { try StarAtlas(opening: atlas.url) }
    }

    @Test func commands() throws {
        let rows = Self.embeddings(40, try Self.width, seed: 11)
        let (model, table) = (try Self.model.get().path, try Self.write(Self.table(rows), "told.fits").path)
        let folder = try Self.scratch.url.appending(path: "told").path
        var outcome = try Tool.run(["atlas", "build", table, "-m", model, "-o", folder])
        #expect(outcome.code == 0 && outcome.output.contains("gaia_xp: 40 rows, searched exactly"), "\(outcome)")
        outcome = try Tool.run(["atlas", "verify", folder])
        #expect(outcome.code == 0 && outcome.output.hasSuffix("whole; 40 rows\n"), "\(outcome)")

        let narrow = try Self.write(Self.table(Self.embeddings(5, 3, seed: 1)), "narrow.fits").path
        let plain = try Self.write(Table([Column("source_id", .integers([1])), Column("x", .numbers([1]))]), "x.csv")
            .path
        for (arguments, words) in [
            (["build", table, "-o", folder], ["holds an atlas already", "--force"]),
            (["build", narrow, "-o", folder + "-2"], ["embedding", "3 numbers"]),
            (["build", plain, "-o", folder + "-3"], ["embedding", "source_id, x"]),
            (["build", table, "-o", folder + "-4", "--columns", "mass"], ["mass", "is no column"]),
            (["build", "/nowhere.fits", "-o", folder + "-5"], ["/nowhere.fits"]),
            (["merge", try Self.scratch.url.path, "-o", folder + "-6"], ["holds no atlas"]),
        ] {
            let outcome = try Tool.run(["atlas"] + arguments + ["-m", model])
            #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome)")
            #expect(words.allSatisfy(outcome.errors.contains), "\(outcome)")
        }
    }
}
