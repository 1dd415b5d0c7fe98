import Testing
@testable import Tables

/// Tables as text.
struct TableTests {
    private let table = Table([
        .init(
            "file", .text(["a,b.fits", "with \"quotes\".fits", String(repeating: "long/", count: 30)])),
        .init("teff", unit: "K", .numbers([5771.6, .nan, 10_000]), digits: 0),
        .init("e_teff", unit: "K", .numbers([62, .nan, 1234]), digits: 0),
        .init("rank", .integers([1, 2, 3])),
        .init("id", .text(["", "x", "4295806720384912"]), canYield: true),
        .init("v", .vectors([1, .nan, 3, 4, 5, 6], width: 2)),
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
        #expect(Table().text(.table).isEmpty)
        #expect(Table().text(.json) == "[]\n")
    }
}
