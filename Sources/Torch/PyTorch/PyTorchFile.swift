import Foundation
import Support

/// A checkpoint that PyTorch 1.6 or later wrote (`.ckpt`, `.pt`, also within `.gz` or `.xz`), read without running
/// anything in it.
///
/// Layout: https://docs.pytorch.org/docs/stable/notes/serialization.html
public final class PyTorchFile {
    /// What `torch.load` would return, as inert data.
    public let root: PickleValue
    private let path: String
    private let archive: TorchArchive
    private var storages: [String: Tensor] = [:]
    /// Bytes that tensors may still be copied into.
    private var budget: Int

    /// Opens a file and reads its structure; numbers are read when they are asked for.
    /// - Throws: `Diagnostic`
    public init(contentsOf url: URL) throws {
        path = url.path
        archive = try TorchArchive(try PlainFile.open(url), path: path)
        budget = 2 * archive.byteCount + (1 << 26)
        if let order = try archive.bytes(of: "byteorder"), order.starts(with: Array("big".utf8)) {
            throw Diagnostic(path, problem: "was written on a big-endian machine; save it again on another one")
        }
        guard let pickle = try archive.bytes(of: "data.pkl") else {
            throw Diagnostic(path, problem: "has no data.pkl; get it again")
        }
        do {
            root = try Unpickler.read(pickle, budget: max(1 << 26, archive.byteCount))
        } catch let problem as Unpickler.Problem {
            throw Diagnostic(path, problem: "its pickle cannot be trusted: \(problem.text)")
        }
    }

    /// The numbers of a tensor, contiguous. Tensors that share a storage share its memory.
    /// - Throws: `Diagnostic` when they are missing or damaged.
    public func tensor(_ reference: PickledTensor) throws -> Tensor {
        let storage = try storage(reference.storage)
        return try catchingTorchErrors {
            let view = ATen.asStrided(
                .tensor(storage), .ints(reference.shape), .ints(reference.strides), .int(reference.offset))
            guard !view.isContiguous else { return view }
            budget -= reference.count * reference.dtype.byteCount
            guard budget >= 0 else {
                throw Diagnostic(path, problem: "its tensors claim far more memory than the file has")
            }
            return view.contiguous()
        }
    }

    /// Lets go of the numbers read so far; tensors that are in use stay valid.
    public func releaseStorages() { storages = [:] }

    private func storage(_ reference: PickledStorage) throws -> Tensor {
        if let read = storages[reference.key], read.dtype == reference.dtype, read.count == reference.count {
            return read
        }
        let member = "data/\(reference.key)"
        let (bytes, overflow) = reference.count.multipliedReportingOverflow(by: reference.dtype.byteCount)
        guard !overflow, archive.size(of: member) == bytes else {
            throw Diagnostic(
                path,
                problem: "storage \(reference.key) is missing or not of \(reference.count) numbers; get the file again")
        }
        let tensor = try catchingTorchErrors { Tensor.empty([reference.count], dtype: reference.dtype) }
        try tensor.withUnsafeMutableBytes { try archive.read(member, into: $0) }
        storages[reference.key] = tensor
        return tensor
    }

    /// The tensors of a model in order: under `state_dict`, `model_state_dict`, or at the root.
    /// - Throws: `Diagnostic` when there are none.
    public func stateDictionary() throws -> [(name: String, tensor: PickledTensor)] {
        let state = root["state_dict"]?.dictionary ?? root["model_state_dict"]?.dictionary ?? root.dictionary
        let named = (state?.names ?? []).compactMap { name in
            state?[name]?.tensor.map { (name: name, tensor: $0) }
        }
        guard !named.isEmpty else {
            throw Diagnostic(path, problem: "holds no state_dict; save model.state_dict() with torch.save")
        }
        var total = 0
        for (name, tensor) in named {
            total += tensor.count * tensor.dtype.byteCount
            guard total <= 2 * archive.byteCount + (1 << 26) else {
                throw Diagnostic(path, problem: "tensors up to '\(name)' claim far more bytes than the file has")
            }
        }
        return named
    }
}
