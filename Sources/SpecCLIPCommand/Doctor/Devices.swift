import Foundation
import Torch

/// The accelerators that can be used, or why not.
struct Devices: Encodable {
    var cuda: String?
    var whyNoCUDA: String?
    var mps: String?
    var whyNoMPS: String?

    init() {
        #if os(Linux)
            whyNoMPS = "it needs an Apple GPU"
        #else
            if TorchRuntime.mpsIsAvailable { mps = "yes" } else { whyNoMPS = "libtorch finds no Apple GPU" }
        #endif
        guard DeviceName.hasCUDADriver else {
            whyNoCUDA = "no NVIDIA driver on this machine"
            return
        }
        do {
            try TorchRuntime.loadCUDA()
            let count = TorchRuntime.cudaDeviceCount
            cuda = "yes: \(count) device\(count == 1 ? "" : "s")"
        } catch {
            whyNoCUDA = ErrorLine.text(of: error)
        }
    }
}
