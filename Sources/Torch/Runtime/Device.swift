import CTorch
import Support

/// Where a tensor lives and is computed on.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    /// The processor.
    case cpu
    /// An NVIDIA GPU, counted from 0. libtorch's CUDA part is loaded when one is first asked for.
    case cuda(Int)
    /// Apple's GPU.
    case mps

    /// Parses `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` (the first CUDA device if one is usable, else MPS, else the CPU).
    ///
    /// The device is made ready: CUDA is loaded and checked.
    /// - Throws: `Diagnostic` naming the word, or why the device cannot be used.
    public init(parsing text: String) throws {
        let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first ?? "", parts.count) {
        case ("cpu", 1): self = .cpu
        case ("mps", 1): self = .mps
        case ("cuda", 1): self = .cuda(0)
        case ("cuda", 2):
            guard let index = Int(parts[1]), index >= 0 else { throw Device.unknown(text) }
            self = .cuda(index)
        case ("auto", 1): self = Device.best
        default: throw Device.unknown(text)
        }
        try makeReady()
    }

    private static func unknown(_ text: String) -> Diagnostic {
        Diagnostic(problem: "unknown device '\(text)'", remedy: "use cpu, cuda, cuda:<index>, mps or auto")
    }

    /// The fastest usable device.
    private static var best: Device {
        if TorchRuntime.cudaIsAvailable { return .cuda(0) }
        return TorchRuntime.mpsIsAvailable ? .mps : .cpu
    }

    init(type: Int32, index: Int32) {
        switch type {
        case Device.cuda(0).type: self = .cuda(max(0, Int(index)))
        case Device.mps.type: self = .mps
        default: self = .cpu
        }
    }

    /// The number libtorch uses for the kind of device (c10::DeviceType).
    var type: Int32 {
        switch self {
        case .cpu: 0
        case .cuda: 1
        case .mps: 13
        }
    }

    /// The number of the device among its kind; -1 for the only one.
    var index: Int {
        if case .cuda(let index) = self { index } else { -1 }
    }

    /// Loads what the device needs and checks that it is there.
    func makeReady() throws {
        switch self {
        case .cpu: return
        case .mps:
            guard TorchRuntime.mpsIsAvailable else {
                throw Diagnostic(problem: "mps is not available here; it needs an Apple GPU, use --device cpu")
            }
        case .cuda(let index):
            try TorchRuntime.loadCUDA()
            let count = TorchRuntime.cudaDeviceCount
            guard index < count else {
                throw Diagnostic(problem: "cuda:\(index) does not exist; this machine has \(count) CUDA devices")
            }
        }
    }

    /// As ``init(parsing:)`` reads it.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        case .mps: "mps"
        }
    }
}
