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

    /// Where programs keep a model's tensors within what they save; averaged weights are taken where there are no others.
    private static let nests = [
        "state_dict", "model_state_dict", "model", "net", "network", "module", "ema_state_dict", "model_ema", "ema",
    ]
    /// What wrappers put before every name: `torch.compile`, `DistributedDataParallel`, Lightning modules.
    private static let wrappers = ["_orig_mod.", "module.", "model.", "net."]

    /// The tensors of a model in order: at the root, or in one of the nests of programs, without the names that wrappers put
    /// before all of theirs.
    /// - Parameter note: told what was entered and left out.
    /// - Throws: `Diagnostic` when there are none.
    public func stateDictionary(
        note: (String) -> Void = { _ in }
    ) throws -> [(name: String, tensor: PickledTensor)] {
        var (state, way) = (root.dictionary, [String]())
        func tensors(_ state: PickleDictionary?) -> [(name: String, tensor: PickledTensor)] {
            (state?.names ?? []).compactMap { name in state?[name]?.tensor.map { (name: name, tensor: $0) } }
        }
        while way.count < 4, tensors(state).isEmpty || way.isEmpty {
            guard let nest = Self.nests.first(where: { state?[$0]?.dictionary != nil }) else { break }
            state = state?[nest]?.dictionary
            way.append(nest)
        }
        var named = tensors(state)
        if !way.isEmpty, way != ["state_dict"] { note("weights: those of '\(way.joined(separator: "."))'") }
        while let wrapper = Self.wrappers.first(where: { wrapper in
            !named.isEmpty && named.allSatisfy { $0.name.hasPrefix(wrapper) && $0.name.count > wrapper.count }
        }) {
            named = named.map { (String($0.name.dropFirst(wrapper.count)), $0.tensor) }
            note("names: '\(wrapper)' stands before all of them and is left out")
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
