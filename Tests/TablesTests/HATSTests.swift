import Foundation
import Support
import TestFiles
import Testing
@testable import Tables

/// Cells of the sphere, beside cdshealpix 0.9.0.
struct HEALPixTests {
    @Test(
        arguments: [
            (45, 41.81, 72_057_594_033_979_644, 255),
            (359.9999, -89.99999, 3_170_534_137_668_834_564, 11264),
            (10.123456, 89.9999999, 288_230_376_151_711_742, 1023),
            (266.416837, -29.00781, 2_028_740_913_184_738_352, 7207),
            (83.822083, -5.391111, 1_508_682_038_474_913_049, 5359), (180, -41.9, 3_074_456_623_490_665_002, 10922),
            (90, 66.6, 552_442_947_219_471_291, 1962), (315, -66.6, 3_188_547_491_481_793_331, 11327),
            (12.5, 0.0001, 1_268_490_799_663_536_461, 4506), (279.234735, 38.783689, 1_048_946_924_800_220_543, 3726),
            (-45, -66.6, 3_188_547_491_481_793_331, 11327),
        ] as [(Double, Double, Int, Int)])
    func cellsOfPlaces(ra: Double, dec: Double, finest: Int, fifth: Int) throws {
        let cell = try #require(HEALPixCell(ra: ra, dec: dec))
        #expect(cell.index == finest && HEALPixCell(ra: ra, dec: dec, order: 5)?.index == fifth)
        #expect(cell.within(order: 5) == HEALPixCell(order: 5, index: fifth))
        // The middle of so fine a cell is within 0.4 mas of the place.
        let place = cell.place
        #expect(abs(place.dec - dec) < 2e-7)
        let turn = abs(place.ra - ra).truncatingRemainder(dividingBy: 360)
        #expect(min(turn, 360 - turn) * cos(dec * .pi / 180) < 2e-7)
    }

    @Test(
        arguments: [
            (0, 45, 1.1937484371410785), (1, 46.40625, 2.388015463268777), (7, 47.8125, 5.979156796301311),
            (123, 53.4375, 25.94447977237001), (4113, 7.03125, -32.797168295823646), (8197, 78.75, -84.14973293629666),
            (12287, 315, -1.1937484371410785), (1023, 45, 88.53802883735192), (11264, 315, -88.53802883735192),
        ] as [(Int, Double, Double)])
    func middlesOfCells(index: Int, ra: Double, dec: Double) {
        let place = HEALPixCell(order: 5, index: index).place
        #expect(abs(place.ra - ra) < 1e-12 && abs(place.dec - dec) < 1e-12)
    }

    @Test func everyCellHoldsItsMiddle() {
        for order in [0, 1, 4] {
            for index in 0..<12 << (2 * order) {
                let place = HEALPixCell(order: order, index: index).place
                #expect(HEALPixCell(ra: place.ra, dec: place.dec, order: order)?.index == index)
            }
        }
        #expect(HEALPixCell(ra: .nan, dec: 0) == nil && HEALPixCell(ra: 0, dec: 91) == nil)
    }
}

/// Catalogues that are written, and read again.
@Suite(.enabled(if: ParquetTable.isPossible, "make parquet brings what writes these"))
struct HATSTests {
    private let folder: TemporaryFolder
    private var url: URL { folder.file("out.hats") }

    init() throws { folder = try TemporaryFolder() }

    /// Stars over the sphere, half of them close to the equator.
    private func stars(_ count: Int) -> Table {
        let dec = (0..<count).map { row -> Double in
            let dec = asin(2 * (Double(row) + 0.5) / Double(count) - 1) * 180 / .pi
            return row % 2 == 0 ? dec : dec / 100
        }
        let ra = (0..<count).map { (Double($0) * 222.49).truncatingRemainder(dividingBy: $0 % 2 == 0 ? 360 : 3) }
        return Table([
            Column("source_id", .text((0..<count).map { "\(4_000_000_000_000_000_000 + $0)" })),
            Column("ra", unit: "deg", .numbers(ra)), Column("dec", unit: "deg", .numbers(dec)),
            Column("spectrum.flux", .vectors((0..<count).flatMap { [Float($0), .nan] }, width: 2)),
            Column("spectrum.mask", .vectors((0..<count).flatMap { _ in [0, 1] }, width: 2)),
        ])
    }

    /// Rows come in any order; they lie on disk where they are many, and cells are divided until none has too many.
    @Test(arguments: [1 << 26, 1000]) func partitionsHoldTheirCells(room: Int) throws {
        let table = stars(300)
        let writer = try HATSWriter(url, table.emptied, most: 10, facts: [("specclip_model", "m")], room: room)
        for start in stride(from: 0, to: 300, by: 100) { try writer.append(table.rows(start..<start + 100)) }
        try writer.finish()
        #expect(folder.contents == ["out.hats"])
        #expect(
            Set(try FileManager.default.contentsOfDirectory(atPath: url.path))
                == ["dataset", "hats.properties", "partition_info.csv"])

        let catalogue = try HATSCatalogue(opening: url)
        #expect(try HATSCatalogue.isCatalogue(url.path) && catalogue.hasWholeIdentifiers)
        #expect(catalogue.properties["hats_nrows"] == "300" && catalogue.properties["specclip_model"] == "m")
        #expect(catalogue.partitions.contains { $0.cell.order > 4 })
        #expect(catalogue.partitions.map(\.cell) == catalogue.partitions.map(\.cell).sorted())
        #expect(
            try catalogue.fields().map(\.name)
                == ["_healpix_29", "source_id", "ra", "dec", "spectrum.flux", "spectrum.mask"])
        var seen: Set<String> = []
        for partition in catalogue.partitions {
            let file = try ParquetTable(InputFile(partition.files[0]))
            #expect(file.fields[5].kind == .logical && file.fields[5].isArray)
            let rows = try file.next(100)
            #expect((1...10).contains(rows.count) && rows.count == file.rowCount)
            for (cell, id) in zip(try rows.texts(0), try rows.texts(1)) {
                #expect(partition.cell.contains(HEALPixCell(order: 29, index: Int(cell) ?? -1)))
                #expect(seen.insert(id).inserted)
            }
            let (ids, flux) = (try rows.texts(1), try rows.arrays(4))
            for (id, flux) in zip(ids, flux) { #expect(Int(id) == 4_000_000_000_000_000_000 + Int(flux[0])) }
            #expect(try rows.arrays(5)[0] == [0, 1])
        }
        #expect(seen.count == 300)
    }

    @Test func whatIsNotOursIsLeftAlone() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try "mine".write(to: url.appending(path: "thesis.tex"), atomically: true, encoding: .utf8)
        #expect(throws: Diagnostic.self) { try HATSWriter(url, stars(1).emptied) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.path) == ["thesis.tex"])
    }

    @Test func rowsNeedPlaces() throws {
        let error = #expect(throws: Diagnostic.self) {
            try TableFile.write(Table([Column("teff", .numbers([1]))]), to: url)
        }
        #expect(error?.field == "ra" && error?.remedy.contains("--positions") == true)
        var lost = stars(3)
        lost.columns[1].values = .numbers([1, .nan, 2])
        #expect(throws: Diagnostic.self) { try TableFile.write(lost, to: url) }
    }

    /// A finished partition is done under its settings alone, and from the same input.
    @Test func finishedPartitionsAreNotDoneTwice() throws {
        let table = try stars(200).placed(for: url).without("spectrum.flux", "spectrum.mask")
        let cell = HEALPixCell(order: 0, index: 4)
        let own = try table.rows(table.cells(for: url).indices.filter { try table.cells(for: url)[$0] >> 58 == 4 })
        let input = folder.file("in")
        try "12".write(to: input, atomically: true, encoding: .utf8)
        func partitions(_ settings: String = "a", restart: HATSPartitions.Restart = .none) throws -> HATSPartitions {
            try HATSPartitions(
                url, columns: table.emptied, settings: settings, restart: restart, as: TableFile.create)
        }
        func write(_ partitions: HATSPartitions) throws -> HATSPartitions.Outcome? {
            let done = try partitions.begin(cell, from: [input])
            if done == nil {
                try partitions.append(own, inputs: own.rowCount)
                partitions.noteFailure()
                try partitions.end()
            }
            return done
        }
        let abandoned = try partitions()
        #expect(try abandoned.begin(cell, from: [input]) == nil)
        try abandoned.append(own, inputs: own.rowCount)
        abandoned.abandon()
        #expect(HATSPartitions.cells(in: url).isEmpty)
        #expect(try write(partitions()) == nil)
        let outcome = HATSPartitions.Outcome(inputs: own.rowCount, failures: 1, rows: own.rowCount)
        #expect(try write(partitions()) == outcome)
        #expect(throws: Diagnostic.self) { try write(partitions("b")) }
        #expect(try write(partitions("b", restart: .own)) == nil)
        try "1234".write(to: input, atomically: true, encoding: .utf8)
        #expect(try write(partitions("b")) == nil)
        // Of another cell.
        let other = try partitions("b")
        #expect(try other.begin(HEALPixCell(order: 0, index: 5), from: [input]) == nil)
        #expect(throws: Diagnostic.self) { try other.append(own, inputs: 1) }
    }
}
