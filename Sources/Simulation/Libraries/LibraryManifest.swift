import CZlib
import Foundation
import Support

/// What a cached package consists of; written last, so that its presence means the folder was completed.
struct LibraryManifest: Codable {
    struct File: Codable {
        var path: String
        var size: Int
        var crc32: UInt32
    }

    static let name = "manifest.json"

    /// SHA-256 of the wheel the files came from.
    var sha256: String
    var files: [File]

    init(sha256: String, files: [File]) {
        self.sha256 = sha256
        self.files = files
    }

    /// The manifest of a cached package; nil when there is none that can be read.
    init?(in folder: URL) {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent(Self.name)),
            let decoded = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = decoded
    }

    func write(to folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let file = folder.appendingPathComponent(Self.name)
        do { try encoder.encode(self).write(to: file, options: .atomic) } catch {
            throw Diagnostic(file, problem: "cannot be written", remedy: "check that the disk has space left")
        }
    }

    /// The first file that is missing or has another size or, if `thorough`, other contents.
    func firstDifference(in folder: URL, thorough: Bool) -> String? {
        for file in files {
            let url = folder.appendingPathComponent(file.path)
            let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
            guard let size = attributes?[.size] as? Int else { return "\(file.path) is missing" }
            guard size == file.size else { return "\(file.path) has \(size) bytes, expected \(file.size)" }
            if thorough, Self.crc32(of: url) != file.crc32 { return "\(file.path) has other contents" }
        }
        return nil
    }

    /// CRC-32 of a file; nil when it cannot be read.
    static func crc32(of url: URL) -> UInt32? {
        guard let handle = try? FileHandle(forReadingFrom: url) else { return nil }
        defer { try? handle.close() }
        var sum = CZlib.crc32(0, nil, 0)
        do {
            while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
                sum = data.withUnsafeBytes {
                    CZlib.crc32(sum, $0.bindMemory(to: UInt8.self).baseAddress, UInt32($0.count))
                }
            }
        } catch { return nil }
        return UInt32(truncatingIfNeeded: sum)
    }
}
