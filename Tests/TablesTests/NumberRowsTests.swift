import Foundation
import TestFiles
import Testing
@testable import Support
@testable import Tables

struct NumberRowsTests {
    private let folder: TemporaryFolder
    private let values: [Float] = [1, 2, 3, 4, 5, 6]

    init() throws { folder = try TemporaryFolder() }

    private func file(_ name: String, _ text: String) throws -> URL {
        let url = folder.file(name)
        try Data(text.utf8).write(to: url)
        return url
    }

    @Test func everyKindGivesTheSameRows() throws {
        let npy = folder.file("a.npy")
        try NPYFormat.encode(NPYArray(.float64(values.map(Double.init)), shape: [3, 2])).write(to: npy)
        let npz = folder.file("a.npz")
        let ids = NPYArray(.string(["x", "y", "z"]))
        try NPZ.write(arrays: [("id", ids), ("embedding", NPYArray(.float32(values), shape: [3, 2]))], to: npz)
        let csv = try file("a.csv", "id,u,v\nx,1,2\ny,3,4\nz,5,6\n")
        let blanks = try file("a.txt", "# comment\n1 2\n3 4\n5 6\n")
        let fits = folder.file("a.fits")
        try TableFile.write(
            Table([Column("id", .text(["x", "y", "z"])), Column("e", .vectors(values, width: 2))]), to: fits)
        let scalars = folder.file("b.fits")
        try TableFile.write(Table([Column("u", .numbers([1, 3, 5])), Column("v", .numbers([2, 4, 6]))]), to: scalars)
        for url in [npy, npz, csv, blanks, fits, scalars] {
            let rows = try NumberRows.read(url)
            #expect(rows.shape == [3, 2] && rows.values == values, "\(url.lastPathComponent)")
        }
        #expect(try NumberRows.read(csv, name: "v").values == [2, 4, 6])
        #expect(try NumberRows.read(scalars, name: "V,U").values == [2, 1, 4, 3, 6, 5])
        #expect(try NumberRows.read(npz, name: "embedding").name == "embedding")
    }

    @Test func hdf5IsReadByPath() throws {
        let url = folder.file("a.h5")
        let file = try HDF5File(creating: url)
        try file.createGroup("train")
        let data = try file.createDataSet("train/spectra", row: [2, 1], element: .float32)
        try data.append(values)
        try file.flush()
        let rows = try NumberRows.read(url)
        #expect(rows.shape == [3, 2] && rows.values == values && rows.name == "train/spectra")
        #expect(throws: Diagnostic.self) { try NumberRows.read(url, name: "train/nothing") }
    }

    @Test func badRowsAreNamed() throws {
        func problem(_ url: URL, name: String? = nil) -> String {
            do {
                _ = try NumberRows.read(url, name: name)
                return "read"
            } catch { return "\(error)" }
        }
        let nan = folder.file("nan.npz")
        try NPZ.write(arrays: [("a", NPYArray(.float32([1, 2, .nan, 4]), shape: [2, 2]))], to: nan)
        #expect(problem(nan).contains("row 1 holds a number that is not finite"))
        let two = folder.file("two.npz")
        let array = NPYArray(.float32([1, 2]), shape: [1, 2])
        try NPZ.write(arrays: [("a", array), ("b", array)], to: two)
        #expect(problem(two).contains("choose with --name: a, b"))
        #expect(problem(two, name: "c").contains("no such array"))
        #expect(problem(folder.file("none.npz")).contains("does not exist"))
        #expect(problem(folder.url).contains("is a folder"))
        let empty = folder.file("empty.npy")
        try NPYFormat.encode(NPYArray(.float32([]), shape: [0, 4])).write(to: empty)
        #expect(problem(empty).contains("holds no rows"))
        #expect(problem(try file("words.csv", "a,b\nx,y\n")).contains("no column holds numbers"))
        #expect(problem(try file("hole.csv", "a,b\n1,2\n3,\n"), name: "a,b").contains("b: row 2 holds no number"))
        #expect(problem(try file("cut.npy", "\u{93}NUMPY")).contains("cut.npy"))
    }
}
