import Foundation
import Support

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
