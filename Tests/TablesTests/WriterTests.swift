import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Support
@testable import Tables

struct WriterTests {
    static let table = Table([
        Column("file", .text(["a,b.fits", "quote\"d", ""])),
        Column("teff", unit: "K", meaning: "effective temperature", .numbers([5777.25, .nan, 4000])),
        Column("source_id", .integers([4_545_469_030_156_206_080, -1, 7])),
        Column("flux", .vectors([1, 2, 3, 4, 5, 6], width: 2)),
        Column("wavelength", unit: "nm", .vectors([500, 502, 500, 502, 500, 502], width: 2)),
    ])

    @Test func csv() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.csv")
        try TableFile.write(Self.table.without("wavelength"), to: url)
        let text = try String(contentsOf: url, encoding: .utf8)
        #expect(
            text == """
                file,teff,source_id,flux_0,flux_1
                "a,b.fits",5777.25,4545469030156206080,1.0,2.0
                "quote""d",,-1,3.0,4.0
                ,4000.0,7,5.0,6.0

                """)
        #expect(folder.contents == ["out.csv"])
    }

    @Test func fitsIsReadBack() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out[1].fits")
        // Rows as they come, with room for the longest text of all.
        let long = [("MODEL", String(repeating: "long ", count: 30))]
        let writer = try FITSWriter(url, Self.table.emptied, Self.table.textWidths, facts: long)
        for row in 0..<3 { try writer.append(Self.table.rows(row..<row + 1)) }
        try writer.finish()
        let spectra = try SpectrumReader.read(url)
        #expect(spectra.count == 3)
        #expect(spectra[1].flux == [3, 4] && spectra[1].wavelength == [5000, 5020])
        #expect(spectra[0].sourceID == "4545469030156206080")
        #expect(spectra[0].header["TEFF"] == "5777.25" && spectra[1].header["TEFF"] == "")
        #expect(spectra[0].header["FILE"] == "a,b.fits")
        #expect(spectra[0].header["MODEL"]?.hasPrefix("long long") == true)
        #expect(folder.contents == ["out[1].fits"])
    }

    @Test(.enabled(if: ParquetTable.isPossible, "make parquet brings what writes it")) func parquetIsReadBack() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.parquet")
        try TableFile.write(Self.table, to: url)
        let table = try ParquetTable(InputFile(url))
        #expect(table.fields.map(\.name) == Self.table.columns.map(\.name) && table.rowCount == 3)
        #expect(table.fields.map(\.unit) == ["", "K", "", "", "nm"])
        let rows = try table.next(10)
        #expect(try rows.texts(0) == ["a,b.fits", "quote\"d", ""])
        #expect(try rows.texts(2) == ["4545469030156206080", "-1", "7"])
        #expect(try rows.scalars(1)[0] == 5777.25 && rows.scalars(1)[1].isNaN)
        #expect(try rows.arrays(3) == [[1, 2], [3, 4], [5, 6]])
        #expect(try table.next(10).count == 0)
        #expect(try NumberRows.read(url, name: "flux").values == [1, 2, 3, 4, 5, 6])
        #expect(folder.contents == ["out.parquet"])
        // Spectra as well, and where a disk ends nothing is left.
        let spectra = try SpectrumReader.read(url)
        #expect(spectra[1].flux == [3, 4] && spectra[1].wavelength == [5000, 5020])
        #expect(throws: Diagnostic.self) {
            try TableFile.write(Self.table, to: URL(fileURLWithPath: "/nowhere/x.parquet"))
        }
    }

    @Test(arguments: ["out.ecsv", "out.vot"]) func textWithArraysIsReadBack(name: String) throws {
        let folder = try TemporaryFolder()
        let url = folder.file(name)
        try TableFile.write(Self.table, to: url)
        let spectra = try SpectrumReader.read(url)
        #expect(spectra.count == 3)
        #expect(spectra[1].flux == [3, 4] && spectra[1].wavelength == [5000, 5020])
        #expect(spectra[0].sourceID == "4545469030156206080")
        #expect(spectra[0].header["TEFF"] == "5777.25" && ["", "NaN"].contains(spectra[1].header["TEFF"]))
        #expect(spectra[0].header["FILE"] == "a,b.fits" && spectra[1].header["FILE"] == "quote\"d")
        #expect(folder.contents == [name])
    }

    @Test func failuresLeaveNothingBehind() throws {
        let folder = try TemporaryFolder()
        let uneven = Table([Column("a", .numbers([1])), Column("b", .numbers([1, 2]))])
        #expect(throws: Diagnostic.self) { try TableFile.write(uneven, to: folder.file("a.fits")) }
        #expect(throws: Diagnostic.self) { try TableFile.write(Self.table, to: folder.file("a.xlsx")) }
        for name in ["no/such.fits", "no/such.csv", "no/such.npz", "no/such.json"] {
            #expect(throws: Diagnostic.self) { try TableFile.write(Self.table, to: folder.file(name)) }
        }
        #expect(throws: Diagnostic.self) {
            try NPZ.write(arrays: [("a", NPYArray(.float32([1])))], to: folder.file("no/such.npz"))
        }
        #expect(folder.contents.isEmpty)
    }

    @Test func npzIsReadBack() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.npz")
        let arrays: [(name: String, array: NPYArray)] = [
            ("lamost_lrs", NPYArray(.float32([1, -2.5, .infinity, 0, 1e-30, 7]), shape: [2, 3])),
            ("wavelength", NPYArray(.float64([0.1, .pi]))),
            ("count", NPYArray(.int64([.min, .max, 0]))),
            ("source_id", NPYArray(.string(["4545469030156206080", "", "é✓"]))),
            ("empty", NPYArray(.float32([]), shape: [0, 768])),
            ("one", NPYArray(.float64([2.5]), shape: [])),
        ]
        try NPZ.write(arrays: arrays, to: url)
        let read = try NPZ.read(url)
        #expect(read.names == arrays.map(\.name))
        for (name, array) in arrays { #expect(read[name] == array) }
        #expect(folder.contents == ["out.npz"])
    }

    @Test func npzTakesRowsAsTheyCome() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.npz")
        let values = (0..<6000).map { Float($0).squareRoot() }
        func column(_ values: [Float], width: Int = 3) -> Column { Column("flux", .vectors(values, width: width)) }
        let (rows, none) = (try NPYRows(column([]), for: url), try NPYRows(column([], width: 7), for: url))
        for start in stride(from: 0, to: 6000, by: 600) { try rows.append(column(Array(values[start..<start + 600]))) }
        try rows.append(column([]))
        #expect(rows.count == 2000)
        #expect(folder.contents.isEmpty, "rows on their way have no name")
        try NPZ.write(
            arrays: [("wavelength", NPYArray(.float64([1, 2, 3])))], rows: [("flux", rows), ("none", none)], to: url)
        let read = try NPZ.read(url)
        #expect(read.names == ["wavelength", "flux", "none"])
        #expect(read["flux"] == NPYArray(.float32(values), shape: [2000, 3]))
        #expect(read["none"] == NPYArray(.float32([]), shape: [0, 7]))
        #expect(folder.contents == ["out.npz"])
        #expect(throws: Diagnostic.self) { try NPYRows(column([]), for: folder.file("no/such.npz")) }
    }

    /// Those that can be written here: see ``parquetIsReadBack()``.
    private static let formats = TableFile.extensions.filter { $0 != "parquet" || ParquetTable.isPossible }

    /// Every format holds what a table says, whether it comes at once or row by row.
    @Test(arguments: formats) func rowsAsTheyCome(format: String) throws {
        let folder = try TemporaryFolder()
        let (whole, rows) = (folder.file("whole." + format), folder.file("rows." + format))
        try TableFile.write(Self.table, to: whole)
        let writer = try TableFile.create(rows, columns: Self.table.emptied, widths: Self.table.textWidths)
        for row in 0..<3 { try writer.append(Self.table.rows(row..<row + 1)) }
        try writer.append(Self.table.emptied)
        #expect(!folder.contents.contains("rows." + format), "it appears when it is whole")
        try writer.finish()
        #expect(folder.contents == ["rows." + format, "whole." + format])
        if format == "npz" {
            let (a, b) = (try NPZ.read(whole), try NPZ.read(rows))
            #expect(a.names == b.names && a.names == Self.table.columns.map(\.name))
            // By their text: NaN is no other NaN.
            for name in a.names { #expect("\(String(describing: a[name]))" == "\(String(describing: b[name]))") }
            #expect(b["file"]?.strings == ["a,b.fits", "quote\"d", ""])
        } else {
            #expect(try Data(contentsOf: whole) == Data(contentsOf: rows))
        }
    }

    @Test(arguments: formats) func whatIsNotFinishedVanishes(format: String) throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try TableFile.create(
                folder.file("a." + format), columns: Self.table.emptied, widths: Self.table.textWidths)
            try writer.append(Self.table)
        }
        #expect(folder.contents.isEmpty)
    }
}
