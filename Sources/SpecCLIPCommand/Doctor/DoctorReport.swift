import Foundation
import Tables
import Torch

/// The state of this machine, as far as it matters to the program.
struct DoctorReport: Encodable {
    /// Something missing or slow, and the command that mends it.
    struct Finding: Encodable {
        enum Kind: String, Encodable { case missing, slow }
        var kind: Kind
        var what: String
        var remedy: String
    }

    var versions: Versions
    var processor: Processor
    var memoryBytes: Int
    var availableMemoryBytes: Int?
    var threads: Int
    var devices: Devices
    var libtorchFolder: String
    var gnuplot: String?
    var cache: CacheReport
    var findings: [Finding]

    init() {
        versions = Versions()
        processor = Processor()
        memoryBytes = Int(ProcessInfo.processInfo.physicalMemory)
        availableMemoryBytes = Processor.availableMemory
        threads = TorchRuntime.threads
        devices = Devices()
        libtorchFolder = Self.loadedLibrary("libtorch_cpu") ?? "unknown"
        gnuplot = GnuplotProbe.path
        cache = CacheReport()
        findings = []
        findings = found
    }

    private var found: [Finding] {
        var found: [Finding] = []
        if gnuplot == nil {
            found.append(
                Finding(
                    kind: .missing, what: "gnuplot: no figures (card, training curves)",
                    remedy: "apt-get install gnuplot-nox, or brew install gnuplot"))
        }
        if !cache.isComplete {
            found.append(
                Finding(
                    kind: .missing, what: "stellar libraries: only procedural data sets can be made",
                    remedy: "specclip data fetch"))
        }
        if let features = processor.features, !features.contains("avx2") {
            found.append(
                Finding(
                    kind: .slow, what: "the processor has no AVX2: expect a quarter of the usual speed",
                    remedy: "use a newer machine for training"))
        }
        if threads < processor.cores {
            found.append(
                Finding(
                    kind: .slow, what: "\(threads) of \(processor.cores) cores are used",
                    remedy: "unset OMP_NUM_THREADS, or give --threads \(processor.cores)"))
        }
        if devices.cuda == nil && devices.mps == nil {
            found.append(
                Finding(
                    kind: .slow, what: "no GPU: training the paper preset would take weeks",
                    remedy: "use the presets tiny or small here"))
        }
        if let available = availableMemoryBytes, available < 3 << 30 {
            found.append(
                Finding(
                    kind: .slow, what: "\(readableSize(available)) of memory are free: training needs 3 to 6 GB",
                    remedy: "close other programs"))
        }
        return found
    }

    /// The file a loaded library came from, its folder.
    private static func loadedLibrary(_ name: String) -> String? {
        let maps = ProcFile.text("/proc/self/maps")
        guard !maps.isEmpty else { return ProcessInfo.processInfo.environment["LIBTORCH"] }
        let line = maps.split(separator: "\n").first { $0.contains("/\(name).") }
        guard let line, let start = line.firstIndex(of: "/") else { return nil }
        return (String(line[start...]) as NSString).deletingLastPathComponent
    }

    /// For people, 80 columns.
    var text: String {
        func row(_ name: String, _ value: String) -> String { padded(name, 13) + value }
        var memory = readableSize(memoryBytes)
        if let available = availableMemoryBytes { memory += ", \(readableSize(available)) free" }
        let features = processor.features.map { $0.isEmpty ? "no AVX" : $0.joined(separator: " ") }
        var lines = [
            row("specclip", versions.specclip), row("Swift", versions.swift),
            row("libtorch", "\(versions.libtorch) (kernels: \(versions.libtorchKernels))"), row("", libtorchFolder),
            row("cfitsio", versions.cfitsio), row("HDF5", versions.hdf5),
            row("gnuplot", [versions.gnuplot, gnuplot].compactMap { $0 }.joined(separator: ", ")),
            row("System", versions.system),
            "", row("Processor", processor.name),
            row("", ["\(processor.cores) cores", features].compactMap { $0 }.joined(separator: "; ")),
            row("Threads", "\(threads)"), row("Memory", memory),
            row("CUDA", devices.cuda ?? "no: \(devices.whyNoCUDA ?? "unknown")"),
            row("MPS", devices.mps ?? "no: \(devices.whyNoMPS ?? "unknown")"),
            "", row("Data cache", cache.folder),
        ]
        lines += cache.libraries.map { library in
            let state = library.isComplete ? readableSize(library.bytes) : "not there"
            return row("", "\(padded("\(library.name) \(library.version)", 22)) \(state)")
        }
        lines.append("")
        lines +=
            findings.isEmpty
            ? ["Nothing is missing."]
            : findings.flatMap { [padded($0.kind.rawValue, 9) + $0.what, padded("", 9) + "→ " + $0.remedy] }
        return lines.joined(separator: "\n")
    }
}
