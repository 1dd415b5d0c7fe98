import Foundation
import Testing
@testable import Torch

/// All tests of this room. They run one after the other because they share libtorch's random generator and its threads.
@Suite("Torch", .serialized)
enum TorchTests {}

/// Whether two lists agree within an absolute and a relative tolerance.
func isClose(_ a: [Double], _ b: [Double], absolute: Double = 1e-6, relative: Double = 1e-5) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= absolute + relative * abs($1) }
}

/// Equally spaced numbers from -1 to 1 in the given shape, the input of all golden numbers.
func ramp(_ shape: Int..., dtype: DType = .float32) -> Tensor {
    Tensor.linspace(-1, 1, count: shape.reduce(1, *), dtype: dtype).reshaped(shape)
}

/// A folder that vanishes with its user.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("torch-tests-\(UUID().uuidString)")
    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }
    func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// SplitMix64: reproducible randomness that does not touch libtorch's.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
