import Foundation
import Support

/// A file of named tensors, opened by mapping it into memory: opening is instant, values are read as they are used.
///
/// Format: https://github.com/huggingface/safetensors#format
public struct SafetensorsFile: Sendable {
    /// What the file holds beside tensors.
    public let metadata: [String: String]
    /// The names of the tensors, in the order of the header.
    public let names: [String]
    private let url: URL
    private let map: MappedFile
    private let dataStart: Int
    private let entries: [String: SafetensorsHeader.Entry]

    /// Opens a file and checks its header.
    /// - Throws: `Diagnostic`
    public init(contentsOf url: URL) throws {
        self.url = url
        map = try MappedFile(url)
        do {
            let header = try SafetensorsHeader(map.bytes)
            metadata = header.metadata
            names = header.entries.map(\.name)
            dataStart = header.dataStart
            entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0) })
        } catch let problem as SafetensorsHeader.Problem {
            throw Diagnostic(url.path, problem: problem.reason)
        }
    }

    /// The shape of a tensor, without reading it; `nil` if there is none of that name.
    public func shape(of name: String) -> [Int]? { entries[name]?.shape }

    /// The type of a tensor, without reading it; `nil` if there is none of that name.
    public func dtype(of name: String) -> DType? { entries[name]?.dtype }

    /// A tensor over the file's memory, which it keeps mapped. Changing it in place does not change the file.
    /// - Throws: `Diagnostic` if there is none of that name.
    public func tensor(_ name: String) throws -> Tensor {
        guard let entry = entries[name] else { throw Diagnostic(url.path, problem: "has no tensor '\(name)'") }
        return try catchingTorchErrors { view(entry) }
    }

    /// Some rows of a tensor, in this order, read from the file: pages of a map that were touched stay in memory, these do not.
    /// - Throws: `Diagnostic` if there is none of that name, or the file cannot be read.
    package func rows(_ rows: [Int], of name: String) throws -> Tensor {
        guard let entry = entries[name], let count = entry.shape.first, rows.allSatisfy({ (0..<count).contains($0) })
        else { throw Diagnostic(url.path, problem: "has no such rows of a tensor '\(name)'") }
        let width = entry.shape.dropFirst().reduce(1, *) * entry.dtype.byteCount
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        let found = Tensor.empty([rows.count] + entry.shape.dropFirst(), dtype: entry.dtype)
        try found.withUnsafeMutableBytes { bytes in
            for (place, row) in rows.enumerated() {
                let start = off_t(dataStart + entry.range.lowerBound + row * width)
                guard pread(descriptor, bytes.baseAddress.map { $0 + place * width }, width, start) == width else {
                    throw Diagnostic(url.path, problem: "cannot be read: \(String(cString: strerror(errno)))")
                }
            }
        }
        return found
    }

    /// All tensors by name.
    public func all() throws -> [String: Tensor] {
        try catchingTorchErrors { entries.mapValues { view($0) } }
    }

    private func view(_ entry: SafetensorsHeader.Entry) -> Tensor {
        let bytes = UnsafeRawBufferPointer(
            rebasing: map.bytes[dataStart + entry.range.lowerBound..<dataStart + entry.range.upperBound])
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return .empty(entry.shape, dtype: entry.dtype) }
        if UInt(bitPattern: start) % UInt(entry.dtype.byteCount) == 0 {
            return .mapped(pointer: start, shape: entry.shape, dtype: entry.dtype, owner: map)
        }
        // A header of odd length moves the data off their natural boundary.
        let copy = Tensor.empty(entry.shape, dtype: entry.dtype)
        copy.overwrite(with: bytes)
        return copy
    }
}

/// A file's bytes in memory, read by the system as they are touched. Changes stay in memory and never reach the file.
final class MappedFile: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    /// - Throws: `Diagnostic`
    init(_ url: URL) throws {
        let path = url.path
        func failure(_ action: String) -> Diagnostic {
            Diagnostic(path, problem: "\(action): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw failure("cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Diagnostic(path, problem: "is not a file") }
        guard status.st_size > 0 else { throw Diagnostic(path, problem: "is empty") }
        // Private and writable: an operation in place on a mapped weight then changes a page of our own.
        let start = mmap(nil, Int(status.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else { throw failure("cannot be mapped") }
        bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }
}
