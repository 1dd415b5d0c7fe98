import CZip
import Foundation
import Support

extension PyTorchFile {
    /// Writes a checkpoint that `torch.load` reads, also with `weights_only=True`: a dictionary with `state_dict` and the
    /// other entries.
    ///
    /// The file appears complete or not at all.
    /// - Parameters:
    ///   - state: tensors by name, in order.
    ///   - entries: plain values beside the `state_dict`.
    ///   - name: where the tensors are kept.
    ///   - url: the file.
    /// - Throws: `Diagnostic`, for example when the disk is full.
    public static func write(
        stateDictionary state: [(String, Tensor)], entries: [(String, PickleValue)] = [],
        under name: String = "state_dict",
        to url: URL
    ) throws {
        var storages: [(key: String, tensor: Tensor)] = []
        let tensors = try state.map { name, tensor -> (String, PickleValue) in
            guard tensor.isDefined else {
                throw Diagnostic(url.path, problem: "cannot be written: tensor '\(name)' is undefined")
            }
            let held = try tensor.detached().to(.cpu).contiguous()
            let storage = PickledStorage(key: "\(storages.count)", dtype: held.dtype, count: held.count)
            storages.append((storage.key, held))
            var strides = [Int](repeating: 1, count: held.rank)
            for i in strides.indices.dropLast().reversed() { strides[i] = strides[i + 1] * max(1, held.shape[i + 1]) }
            return (name, .tensor(PickledTensor(storage: storage, offset: 0, shape: held.shape, strides: strides)))
        }
        var pen = PicklePen()
        pen.write(entries: entries, ordered: (name, tensors))
        pen.finish()
        try archive(
            [("data.pkl", pen.bytes), ("byteorder", Array("little".utf8)), ("version", Array("3\n".utf8))],
            storages, to: url)
    }

    /// Puts members and storages into a zip archive, uncompressed, under the folder name that torch.save uses.
    private static func archive(
        _ members: [(String, [UInt8])], _ storages: [(key: String, tensor: Tensor)], to url: URL
    ) throws {
        try AtomicFile.write(url) { try fill($0.path, members, storages, named: url) }
    }

    private static func fill(
        _ file: String, _ members: [(String, [UInt8])], _ storages: [(key: String, tensor: Tensor)], named url: URL
    ) throws {
        func failure(_ reason: String) -> Diagnostic {
            Diagnostic(
                url, problem: "cannot be written (\(reason))",
                remedy: "free some space, or choose a folder that can be written")
        }
        var code: Int32 = 0
        guard let archive = zip_open(file, ZIP_CREATE | ZIP_EXCL, &code) else {
            throw failure(String(cString: strerror(errno)))
        }
        func add(_ member: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
            guard let source = zip_source_buffer(archive, bytes.baseAddress, UInt64(bytes.count), 0) else {
                return false
            }
            let index = zip_file_add(archive, "archive/\(member)", source, ZIP_FL_ENC_UTF_8)
            guard index >= 0 else {
                zip_source_free(source)
                return false
            }
            zip_set_file_compression(archive, UInt64(index), ZIP_CM_STORE, 0)
            // A fixed time: equal contents give equal files.
            zip_file_set_dostime(archive, UInt64(index), 0, 0x21, 0)
            return true
        }
        // libzip reads the memory when the archive is closed: everything stays where it is until then.
        var held: [UnsafeMutableRawBufferPointer] = []
        defer { for buffer in held { buffer.deallocate() } }
        for (member, bytes) in members {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
            held.append(buffer)
            buffer.copyBytes(from: bytes)
            guard add(member, UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count])) else {
                zip_discard(archive)
                throw failure("no memory")
            }
        }
        for (key, tensor) in storages {
            guard tensor.withUnsafeMutableBytes({ add("data/\(key)", UnsafeRawBufferPointer($0)) }) else {
                zip_discard(archive)
                throw failure("no memory")
            }
        }
        let isClosed = withExtendedLifetime(storages) { zip_close(archive) == 0 }
        guard isClosed else {
            let reason = String(cString: zip_strerror(archive))
            zip_discard(archive)
            throw failure(reason)
        }
    }
}
