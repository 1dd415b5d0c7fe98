import Foundation

/// Size and hash of a file's content: enough to notice that it was made anew, wherever it was copied to.
///
/// FNV-1a over words of eight bytes (http://www.isthe.com/chongo/tech/comp/fnv/): it tells accidents, not adversaries.
public func fileFingerprint(_ url: URL) -> String {
    guard let data = try? Data(contentsOf: url, options: .alwaysMapped) else { return "missing" }
    return "\(data.count) bytes, \(fnv(data))"
}

/// Size and hash of a text, for settings too long to keep.
public func textFingerprint(_ text: String) -> String {
    let data = Data(text.utf8)
    return "\(data.count) bytes, \(fnv(data))"
}

private func fnv(_ data: Data) -> String {
    data.withUnsafeBytes { bytes in
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        let words = bytes.count / 8
        for word in 0..<words {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) &* 0x100_0000_01B3
        }
        for byte in bytes[(8 * words)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
