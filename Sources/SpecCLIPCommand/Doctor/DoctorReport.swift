import ArgumentParser
import CCFITSIO
import CHDF5
import Figures
import Foundation
import Support
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

/// Finds gnuplot and asks its version.
enum GnuplotProbe {
    static var path: String? { (try? Gnuplot())?.executable.path }

    /// "6.0 patchlevel 1"; nil when it is not there or does not answer.
    static var version: String? {
        guard let gnuplot = try? Gnuplot() else { return nil }
        let process = Process()
        let output = Pipe()
        process.executableURL = gnuplot.executable
        process.arguments = ["--version"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.first == "gnuplot" ? words.dropFirst().joined(separator: " ") : nil
    }
}

/// The processor and what of it matters for speed.
struct Processor: Encodable {
    var name: String
    var cores: Int
    /// Of AVX2, AVX-512 and the bfloat16 units, those it has; nil where that cannot be told (Arm).
    var features: [String]?

    init() {
        cores = ProcessInfo.processInfo.activeProcessorCount
        #if os(Linux)
            let fields = Self.fields("/proc/cpuinfo")
            name = fields["model name"] ?? "unknown"
            let known = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]
            features = fields["flags"].map { flags in
                let present = Set(flags.split(separator: " ").map(String.init))
                return known.filter(present.contains)
            }
        #else
            var length = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &length, nil, 0)
            var text = [UInt8](repeating: 0, count: length)
            sysctlbyname("machdep.cpu.brand_string", &text, &length, nil, 0)
            name = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            features = nil
        #endif
    }

    /// Memory that can be had without swapping, bytes.
    static var availableMemory: Int? {
        let kilobytes = fields("/proc/meminfo")["MemAvailable"]?.split(separator: " ").first.flatMap { Int($0) }
        return kilobytes.map { $0 * 1024 }
    }

    /// The first value of each field of a file of "name : value" lines.
    private static func fields(_ path: String) -> [String: String] {
        let text = ProcFile.text(path)
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let key = line[..<colon].trimmingCharacters(in: .whitespaces)
            guard fields[key] == nil else { continue }
            fields[key] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return fields
    }
}

/// Files of `/proc`, whose size is stated as 0 and which must be read to their end.
enum ProcFile {
    /// The whole text; empty where there is no such file.
    static func text(_ path: String) -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? handle.close() }
        var data = Data()
        while let part = try? handle.read(upToCount: 1 << 16), !part.isEmpty { data.append(part) }
        return String(decoding: data, as: UTF8.self)
    }
}

/// Versions of the program and of what it stands on.
struct Versions: Encodable {
    let specclip = Version.current
    let swift = Version.swift
    let libtorch = TorchRuntime.version
    /// The instruction set that libtorch's kernels use here.
    let libtorchKernels = TorchRuntime.cpuCapability
    let cfitsio = Self.cfitsioVersion
    let hdf5 = Self.hdf5Version
    let gnuplot = GnuplotProbe.version
    let system = Self.systemVersion

    private static var cfitsioVersion: String {
        var version: Float = 0
        ffvers(&version)
        return String(format: "%.4g", version)
    }

    private static var hdf5Version: String {
        var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
        guard H5get_libversion(&major, &minor, &release) >= 0 else { return "unknown" }
        return "\(major).\(minor).\(release)"
    }

    /// The distribution's own name for itself, else the kernel's.
    private static var systemVersion: String {
        let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        let line = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
        let name = line.map { $0.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""]) }
        return name ?? ProcessInfo.processInfo.operatingSystemVersionString
    }
}

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Report versions, processor, device, caches, and what is missing or slow.",
        discussion: "Please add its output when you report a problem.")

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let report = DoctorReport()
        print(json ? try JSONText.encode(report) : report.text)
    }
}
