import ArgumentParser
import Foundation
import Support
import Torch

/// Where to compute, and with how many threads.
struct ComputeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where to compute: auto, cpu, cuda, cuda:N or mps.", valueName: "device"))
    var device = DeviceName(word: "auto")

    @Option(help: ArgumentHelp("CPU threads (default: all cores).", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads): must be between 1 and 1024")
        }
    }

    /// Sets the threads and makes the device ready.
    ///
    /// - Throws: `Diagnostic` that says why the device cannot be used.
    func prepare() throws -> Device {
        if let threads { TorchRuntime.threads = threads }
        return try device.ready()
    }
}

/// A device as named on the command line.
struct DeviceName: ExpressibleByArgument {
    let word: String

    init(word: String) { self.word = word }

    init?(argument: String) {
        let word = argument.lowercased()
        guard word.wholeMatch(of: /auto|cpu|mps|cuda(:[0-9]{1,3})?/) != nil else { return nil }
        self.word = word
    }

    var defaultValueDescription: String { word }

    /// The device itself; `auto` is CUDA where it can be used, else the CPU.
    func ready() throws -> Device {
        // Looking for CUDA means loading gigabytes of libraries: not where there is no driver to talk to.
        if word == "auto" && !DeviceName.hasCUDADriver { return .cpu }
        do {
            return try Device(parsing: word)
        } catch {
            throw Diagnostic(
                "--device \(word)", problem: ErrorLine.text(of: error), remedy: "use --device cpu")
        }
    }

    /// Whether an NVIDIA driver is loaded on this machine.
    static var hasCUDADriver: Bool {
        ["/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"].contains { FileManager.default.fileExists(atPath: $0) }
    }
}
