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
