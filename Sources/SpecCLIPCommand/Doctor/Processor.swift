import Foundation

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
