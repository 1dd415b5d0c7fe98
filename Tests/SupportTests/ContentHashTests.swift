import Foundation
import Testing
@testable import Support

struct ContentHashTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-hash-\(UUID())")

    /// What `xxhsum -H2` prints.
    @Test func isXXH3() {
        #expect(ContentHash.of("") == "99aa06d3014798d86001c324468d497f")
        #expect(ContentHash.of("specclip") == "146544e0856a1a7cbaca4119c6eb7a6b")
        #expect(ContentHash.of(String(repeating: "stellar spectra ", count: 100)) == "399b482f65fe78f671b53b753c6c480a")
    }

    @Test func filesAreKnownByWhatTheyHold() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (first, copy) = (folder.appending(path: "a"), folder.appending(path: "b"))
        try Data("flux 1".utf8).write(to: first)
        try FileManager.default.copyItem(at: first, to: copy)
        #expect(ContentHash.of(first) == ContentHash.of("flux 1"))
        #expect(ContentHash.of(copy) == ContentHash.of(first))
        // As long as before, and replaced as our writers do, or in place.
        try Data("flux 2".utf8).write(to: copy, options: .atomic)
        #expect(ContentHash.of(copy) == ContentHash.of("flux 2"))
        usleep(20_000)
        try Data("flux 3".utf8).write(to: copy)
        #expect(ContentHash.of(copy) == ContentHash.of("flux 3"))
        #expect(ContentHash.of(folder.appending(path: "none")) == "missing")
        // Longer than the pieces it is read in.
        let long = Data((0..<(9 << 20) + 7).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        try long.write(to: copy)
        #expect(ContentHash.of(copy) == long.withUnsafeBytes(ContentHash.of))
    }
}
