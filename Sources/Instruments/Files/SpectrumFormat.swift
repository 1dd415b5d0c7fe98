import Foundation
import Spectra
import Support
import Synchronization

/// A layout of files that spectra come in.
///
/// A new one is a file with a conformance and a call of ``SpectrumReader/register(_:)``.
public protocol SpectrumFormat: Sendable {
    /// Whether a file is of this layout.
    /// - Parameter head: its first bytes, 512 at most, unpacked where the file is compressed.
    static func recognises(_ head: Data) -> Bool

    /// Opens a file that is.
    /// - Parameters:
    ///   - data: the whole file, unpacked.
    ///   - url: the file.
    ///   - instrument: settles what the file leaves open; nil where nobody knows.
    /// - Throws: `Diagnostic` naming file, field and remedy.
    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource
}

/// A file opened for reading spectra, one range of them at a time.
public protocol SpectrumSource {
    /// Number of spectra in the file.
    var count: Int { get }
    /// The spectra of `range`, within 0..<count.
    func spectra(_ range: Range<Int>) throws -> [Spectrum]
}

extension SpectrumReader {
    private static let registered = Mutex<[any SpectrumFormat.Type]>([])

    /// Makes a layout known; it is asked before all that were known.
    public static func register(_ format: any SpectrumFormat.Type) {
        registered.withLock { $0.insert(format, at: 0) }
    }

    /// The layout of a file: the first that recognises it.
    static func format(of head: Data) -> (any SpectrumFormat.Type)? {
        let known: [any SpectrumFormat.Type] = registered.withLock { $0 } + [FITSFormat.self, TextFormat.self]
        return known.first { $0.recognises(head) }
    }
}

/// FITS of any layout in use.
private enum FITSFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { head.starts(with: Data("SIMPLE  =".utf8)) }

    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource {
        try FITSSpectra(data, url: url)
    }
}

/// Text tables: whatever is nothing else.
private enum TextFormat: SpectrumFormat {
    static func recognises(_ head: Data) -> Bool { true }

    static func open(_ data: Data, url: URL, as instrument: Instrument?) throws -> any SpectrumSource {
        try SpectrumReader.refuse(data.prefix(512), url)
        return try TextSpectra(data, url: url, instrument: instrument)
    }
}
