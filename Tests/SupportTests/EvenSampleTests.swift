import Testing

struct EvenSampleTests {
    private func mean(_ values: [Int]) -> Double { Double(values.reduce(0, +)) / Double(values.count) }

    /// One of each of as many blocks: of a sorted set no part is missing.
    @Test(arguments: [(10_000, 500), (1001, 100), (7, 3)]) func everyPartOfTheOrderIsThere(count: Int, limit: Int) {
        let rows = (0..<count).evenlySampled(limit)
        #expect(rows.count == limit)
        for (block, row) in rows.enumerated() {
            #expect((block * count / limit..<(block + 1) * count / limit).contains(row))
        }
    }

    /// Where two kinds alternate, every n-th row would be of one kind: 20 divides by 2.
    @Test func alternatingRowsAreNotTakenForOneKind() {
        let rows = (0..<20_000).evenlySampled(1000)
        // Half of 1000 draws, to four standard deviations.
        #expect(abs(rows.count { $0.isMultiple(of: 2) } - 500) < 64)
        #expect(abs(mean(rows) - 9999.5) < 10)
    }

    /// Tables of the same stars, in whatever form, keep the same ones.
    @Test func sameCountsSameRows() {
        let letters = (0..<300).map { "star \($0)" }
        #expect((0..<300).evenlySampled(40).map { "star \($0)" } == letters.evenlySampled(40))
        #expect(letters[100...].evenlySampled(40) == Array(letters[100...]).evenlySampled(40))
    }

    @Test func limitsThatLimitNothing() {
        #expect((0..<5).evenlySampled(5) == [0, 1, 2, 3, 4])
        #expect((0..<5).evenlySampled(.max) == [0, 1, 2, 3, 4])
        #expect((0..<5).evenlySampled(0).isEmpty)
        #expect([Int]().evenlySampled(3).isEmpty)
    }
}
