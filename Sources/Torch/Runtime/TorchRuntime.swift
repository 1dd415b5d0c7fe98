import CTorch
import Support

/// Facts and settings of the libtorch in this process.
public enum TorchRuntime {
    /// The version of libtorch, for example `2.11.0`.
    public static var version: String { String(cString: ctorch_version()) }

    /// The widest instruction set libtorch's kernels use on this processor, for example `AVX512`.
    public static var cpuCapability: String { String(cString: ctorch_cpu_capability()) }

    /// The number of threads one operation may use on the CPU. Results are reproducible for one value of it.
    public static var threads: Int {
        get { Int(ctorch_threads()) }
        set {
            if ctorch_set_threads(Int32(clamping: newValue)) != 0 { Failure.report(operation: "threads") }
        }
    }

    /// Runs `body`, in which operations of the calling thread use one thread each: for work that is spread over threads as a
    /// whole. libtorch's threads wait for the next operation by spinning, which takes the processor from the others.
    package static func withOneThread<R>(_ body: () throws -> R) rethrows -> R {
        let former = threads
        guard former > 1 else { return try body() }
        if ctorch_set_own_threads(1) != 0 { Failure.report(operation: "threads") }
        defer { if ctorch_set_own_threads(Int32(clamping: former)) != 0 { Failure.report(operation: "threads") } }
        return try body()
    }

    /// Whether a CUDA device can be used; loads libtorch's CUDA part on first use.
    public static var cudaIsAvailable: Bool {
        (try? loadCUDA()) != nil
    }

    /// The number of usable CUDA devices; 0 until ``loadCUDA()`` succeeded.
    public static var cudaDeviceCount: Int { Int(ctorch_cuda_device_count()) }

    /// Whether an Apple GPU can be used.
    public static var mpsIsAvailable: Bool { ctorch_mps_is_available() }

    /// Loads libtorch's CUDA part from the folder of the CPU part. Does nothing when it is already loaded.
    ///
    /// Call it when the program starts, before the first operation: libtorch remembers that there was no CUDA, and its
    /// autograd engine starts its device threads only once.
    /// - Throws: `Diagnostic` when the library or a GPU is missing.
    public static func loadCUDA() throws {
        guard ctorch_load_cuda() == 0 else {
            let reason = firstLine(String(cString: ctorch_last_error()))
            throw Diagnostic(
                problem: "CUDA cannot be loaded (\(reason)); install a CUDA build of libtorch or use the CPU")
        }
        guard cudaDeviceCount > 0 else {
            throw Diagnostic(problem: "CUDA is installed but no CUDA device was found; use the CPU")
        }
    }
}

/// The random generators that `Tensor.randn`, dropout, initialisers and the like draw from: one per device.
///
/// They are shared by the whole process. For reproducible numbers nothing else may draw at the same time; tests that seed
/// belong into one `.serialized` suite.
public enum Generator {
    /// Starts the sequences of all devices anew.
    public static func seed(_ seed: UInt64) {
        if ctorch_seed(seed) != 0 { Failure.report(operation: "seed") }
    }

    /// Where the sequences are: uint8, one dimension; the CPU's state, then those of the CUDA devices in use.
    public static func state() -> Tensor {
        Tensor.cat(devices.map { state(of: $0) })
    }

    /// Goes back to where ``state()`` was taken. States of CUDA devices that are not in use are ignored.
    /// - Throws: `Diagnostic` when the tensor is not a generator state; the generators are unchanged then.
    public static func restore(_ state: Tensor) throws {
        let lengths = devices.map { self.state(of: $0).count }
        guard state.dtype == .uint8, state.rank == 1, state.count >= lengths[0] else {
            throw Diagnostic(problem: "not a generator state: \(state.dtype) of shape \(state.shape)")
        }
        var start = 0
        for (device, length) in zip(devices, lengths) where start + length <= state.count {
            let part = try state.to(.cpu).narrow(0, start: start, length: length).clone()
            start += length
            guard ctorch_set_generator_state(Int32(device), part.handle.pointer) == 0 else {
                let reason = firstLine(String(cString: ctorch_last_error()))
                throw Diagnostic(problem: "not a generator state: \(reason)")
            }
        }
    }

    /// -1 is the CPU.
    private static var devices: [Int] { [-1] + Array(0..<TorchRuntime.cudaDeviceCount) }

    private static func state(of device: Int) -> Tensor {
        var pointer: OpaquePointer?
        if ctorch_generator_state(Int32(device), &pointer) != 0 { Failure.report(operation: "generator state") }
        return Tensor(owning: pointer)
    }
}
