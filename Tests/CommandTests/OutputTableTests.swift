import Testing

@testable import SpecCLIPCommand

/// Tables as text.
struct OutputTableTests {
    private let table = OutputTable(columns: [
        .init(
            name: "file", values: .text(["a,b.fits", "with \"quotes\".fits", String(repeating: "long/", count: 30)])),
        .init(name: "teff", unit: "K", values: .numbers([5771.6, .nan, 10_000], digits: 0)),
        .init(name: "e_teff", unit: "K", values: .numbers([62, .nan, 1234], digits: 0)),
        .init(name: "rank", values: .integers([1, 2, 3])),
        .init(name: "id", values: .text(["", "x", "4295806720384912"]), canYield: true),
        .init(name: "v", values: .vectors([1, .nan, 3, 4, 5, 6], width: 2)),
    ])

    @Test func csvQuotesAndLeavesGaps() {
        let lines = table.text(.csv).split(separator: "\n")
        #expect(lines[0] == "file,teff,e_teff,rank,id,v_0,v_1")
        #expect(lines[1] == "\"a,b.fits\",5772,62,1,,1.0,nan")
        #expect(lines[2] == "\"with \"\"quotes\"\".fits\",,,2,x,3.0,4.0")
    }

    @Test func jsonHasNullsForGaps() {
        let lines = table.text(.json).split(separator: "\n")
        #expect(lines[1].contains("\"teff\": 5772, \"e_teff\": 62") && lines[1].contains("\"id\": null"))
        #expect(lines[1].contains("[1.0, null]"))
        #expect(lines[2].contains("\"teff\": null"))
    }

    @Test func peopleSeeEightyColumns() {
        var narrow = table
        narrow.columns.removeLast()
        let lines = narrow.text(.table).split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines[2].contains("5772 ±   62"))
        #expect(lines[4].hasPrefix("…"))
    }

    @Test func anEmptyTableIsEmpty() {
        #expect(OutputTable(columns: []).text(.table).isEmpty)
        #expect(OutputTable(columns: []).text(.json) == "[]\n")
    }

    @Test func numbersForPeople() {
        #expect(grouped(43_018_752) == "43,018,752")
        #expect(grouped(-12) == "-12")
        #expect(readableSize(1_500_000) == "1.5 MB")
        #expect(ProgressLine.duration(200) == "3 min 20 s")
    }
}
