import Figures
import Testing
@testable import SpecCLIPCommand

/// Numbers as people read them.
struct NumberTextTests {
    @Test func numbersForPeople() {
        #expect(grouped(43_018_752) == "43,018,752")
        #expect(grouped(-12) == "-12")
        #expect(readableSize(1_500_000) == "1.5 MB")
        #expect(ProgressLine.duration(200) == "3 min 20 s")
    }
}
