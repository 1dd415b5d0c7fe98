import Foundation
import Testing

@testable import Spectra

struct WriterTests {
    static let columns = [
        TableColumn("file", .text(["a,b.fits", "quote\"d", ""])),
        TableColumn("teff", unit: "K", meaning: "effective temperature", .double([5777.25, .nan, 4000])),
        TableColumn("source_id", .integer([4_545_469_030_156_206_080, -1, 7])),
        TableColumn("flux", .vector([1, 2, 3, 4, 5, 6], width: 2)),
        TableColumn("wavelength", unit: "nm", .vector([500, 502, 500, 502, 500, 502], width: 2)),
    ]

    @Test func csv() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.csv")
        try TableWriter.write(Array(Self.columns[0..<4]), to: url)
        let text = try String(contentsOf: url, encoding: .utf8)
        #expect(
            text == """
                file,teff,source_id,flux
                "a,b.fits",5777.25,4545469030156206080,"[1.0,2.0]"
                "quote""d",,-1,"[3.0,4.0]"
                ,4000.0,7,"[5.0,6.0]"

                """)
        #expect(folder.contents == ["out.csv"])
    }

    @Test func fitsIsReadBack() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out[1].fits")
        try TableWriter.write(Self.columns, to: url, facts: [("MODEL", String(repeating: "long ", count: 30))])
        let spectra = try SpectrumReader.read(url)
        #expect(spectra.count == 3)
        #expect(spectra[1].flux == [3, 4] && spectra[1].wavelength == [5000, 5020])
        #expect(spectra[0].sourceID == "4545469030156206080")
        #expect(spectra[0].header["TEFF"] == "5777.25" && spectra[1].header["TEFF"] == "")
        #expect(spectra[0].header["FILE"] == "a,b.fits")
        #expect(spectra[0].header["MODEL"]?.hasPrefix("long long") == true)
        #expect(folder.contents == ["out[1].fits"])
    }

    @Test func failuresLeaveNothingBehind() throws {
        let folder = try TemporaryFolder()
        let uneven = [TableColumn("a", .double([1])), TableColumn("b", .double([1, 2]))]
        #expect(throws: SpectrumError.self) { try TableWriter.write(uneven, to: folder.file("a.fits")) }
        #expect(throws: SpectrumError.self) { try TableWriter.write(Self.columns, to: folder.file("a.parquet")) }
        for name in ["no/such.fits", "no/such.csv"] {
            #expect(throws: SpectrumError.self) { try TableWriter.write(Self.columns, to: folder.file(name)) }
        }
        #expect(throws: SpectrumError.self) {
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
        let (rows, none) = (try NPYRows(width: 3, for: url), try NPYRows(width: 7, for: url))
        for start in stride(from: 0, to: 6000, by: 600) { try rows.append(Array(values[start..<start + 600])) }
        try rows.append([])
        #expect(rows.count == 2000)
        #expect(folder.contents.isEmpty, "rows on their way have no name")
        try NPZ.write(
            arrays: [("wavelength", NPYArray(.float64([1, 2, 3])))], rows: [("flux", rows), ("none", none)], to: url)
        let read = try NPZ.read(url)
        #expect(read.names == ["wavelength", "flux", "none"])
        #expect(read["flux"] == NPYArray(.float32(values), shape: [2000, 3]))
        #expect(read["none"] == NPYArray(.float32([]), shape: [0, 7]))
        #expect(folder.contents == ["out.npz"])
        #expect(throws: SpectrumError.self) { try NPYRows(width: 3, for: folder.file("no/such.npz")) }
    }
}
