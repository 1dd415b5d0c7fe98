import Foundation
import Testing
@testable import Training

@Suite struct RunLockTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "lock-\(UUID().uuidString)")
    private var file: URL { folder.appending(path: "run/lock") }

    @Test func excludesOthersUntilReleased() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let lock = try RunLock(file)
        for _ in 0..<2 {
            #expect {
                _ = try RunLock(file)
            } throws: { "\($0)".contains("process \(getpid()) is training there") }
        }
        #expect(FileManager.default.fileExists(atPath: file.path), "who is refused leaves the lock alone")
        lock.release()
        #expect(!FileManager.default.fileExists(atPath: file.path))
        try RunLock(file).release()
    }

    @Test func aFileLeftBehindIsTakenOver() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try RunFolder.make(folder.appending(path: "run").path)
        try "999999\n".write(to: file, atomically: true, encoding: .utf8)
        let lock = try RunLock(file)
        #expect(try String(contentsOf: file, encoding: .utf8) == "\(getpid())\n")
        lock.release()
    }

    @Test func sweepsOnlyAbandonedCheckpoints() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try RunFolder(folder)
        for name in [".last.safetensors.123.tmp", ".hidden", "best.safetensors", "notes.tmp"] {
            try Data().write(to: folder.appending(path: name))
        }
        run.sweep()
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(left == [".hidden", "best.safetensors", "notes.tmp"])
    }

    @Test func featuresOfFormerRunsAreRemoved() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try RunFolder(folder)
        for name in ["features-gaia-xp-training.f32", "features-gaia-xp-training.f32.json", "model.safetensors"] {
            try Data().write(to: folder.appending(path: name))
        }
        try run.clearFeatures()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.safetensors"])
    }
}
