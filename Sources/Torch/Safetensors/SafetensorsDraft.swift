import Foundation
import Support

/// A safetensors file in the making, whose tensors are written piece by piece and in any order: for tensors larger than memory.
public final class SafetensorsDraft: @unchecked Sendable {
    /// A tensor that the file will have.
    public struct Part: Sendable {
        /// Its name, type and shape.
        public let name: String, dtype: DType, shape: [Int]

        /// A part of the file.
        public init(_ name: String, _ dtype: DType, _ shape: [Int]) {
            (self.name, self.dtype, self.shape) = (name, dtype, shape)
        }

        var byteCount: Int { shape.reduce(1, *) * dtype.byteCount }
    }

    private let descriptor: Int32
    private let path: String
    private let starts: [String: (start: Int, length: Int)]

    fileprivate init(_ temporary: URL, named path: String, _ parts: [Part], metadata: [String: String]) throws {
        let header = SafetensorsFile.header(parts, metadata: metadata)
        self.path = path
        starts = header.offsets.mapValues { (header.bytes.count + $0.lowerBound, $0.count) }
        descriptor = open(temporary.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Diagnostic(cannotWrite: path, errno: errno) }
        let end = header.bytes.count + parts.reduce(0) { $0 + $1.byteCount }
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw Diagnostic(cannotWrite: path, errno: errno) }
        try header.bytes.withUnsafeBytes { try put($0, at: 0) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Writes some bytes of a tensor.
    /// - Parameters:
    ///   - bytes: in the order of the tensor.
    ///   - name: of the tensor.
    ///   - offset: where in the tensor they begin.
    /// - Throws: `Diagnostic`, for example when the disk is full.
    public func write(_ bytes: UnsafeRawBufferPointer, to name: String, at offset: Int = 0) throws {
        guard let part = starts[name], offset >= 0, offset + bytes.count <= part.length else {
            throw Diagnostic(path, problem: "has no room for \(bytes.count) bytes at \(offset) of tensor '\(name)'")
        }
        try put(bytes, at: part.start + offset)
    }

    /// Writes a whole tensor.
    public func write(_ tensor: Tensor, to name: String) throws {
        try tensor.withUnsafeBytes { try write($0, to: name) }
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
        var done = 0
        while done < bytes.count {
            let written = pwrite(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(place + done))
            guard written > 0 else { throw Diagnostic(cannotWrite: path, errno: errno) }
            done += written
        }
    }
}

extension SafetensorsFile {
    /// Writes a file piece by piece; it appears complete or not at all.
    /// - Parameters:
    ///   - url: where to.
    ///   - parts: the tensors; what is not written of them is 0.
    ///   - metadata: any strings.
    ///   - body: writes them.
    /// - Throws: what `body` throws, and `Diagnostic`, for example when the disk is full.
    public static func write(
        to url: URL, _ parts: [SafetensorsDraft.Part], metadata: [String: String] = [:],
        _ body: (SafetensorsDraft) throws -> Void
    ) throws {
        try check(parts.map(\.name), url.path)
        try AtomicFile.write(url) { temporary in
            try body(SafetensorsDraft(temporary, named: url.path, parts, metadata: metadata))
        }
    }
}
