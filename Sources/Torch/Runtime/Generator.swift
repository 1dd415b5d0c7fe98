import CTorch
import Support

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
