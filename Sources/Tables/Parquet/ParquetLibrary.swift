import CParquet
import Foundation
import Support

/// Apache Arrow, for Parquet files: loaded when the first of them is met, so that nobody else needs it.
enum ParquetLibrary {
    private struct Loaded: @unchecked Sendable {
        /// Nil where it could not be loaded.
        let functions: CParquet?
        /// Why.
        let problem: String
    }

    /// Names it for programs that lie elsewhere.
    private static let variable = "SPECCLIP_PARQUET"
    private static let loaded = load()

    /// Whether Parquet is read and written.
    static var isPresent: Bool { loaded.functions != nil }

    /// What the library does.
    /// - Throws: `Diagnostic` where it is missing.
    static func functions(for url: URL) throws -> CParquet {
        if let functions = loaded.functions { return functions }
        throw Diagnostic(
            url, problem: "is Parquet, whose library was not loaded (\(loaded.problem))",
            remedy:
                "run make parquet in the sources of specclip, name libSpecCLIPParquet in \(variable), or give FITS, CSV, …"
        )
    }

    private static func load() -> Loaded {
        #if os(macOS)
            let name = "libSpecCLIPParquet.dylib"
        #else
            let name = "libSpecCLIPParquet.so"
        #endif
        let program = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
        let paths =
            ProcessInfo.processInfo.environment[variable].map { [$0] }
            ?? [program?.appending(path: name).path].compactMap(\.self)
        guard let path = paths.first, FileManager.default.fileExists(atPath: path) else {
            return Loaded(functions: nil, problem: "\(name) does not lie beside the program")
        }
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, "c_parquet") else {
            let problem = dlerror().map { String(cString: $0) } ?? "\(path) is another library"
            return Loaded(functions: nil, problem: problem)
        }
        typealias Entry = @convention(c) () -> UnsafePointer<CParquet>?
        let functions = unsafeBitCast(symbol, to: Entry.self)()?.pointee
        guard let functions, functions.version == Int32(c_parquet_version) else {
            return Loaded(functions: nil, problem: "\(path) was built from other sources")
        }
        return Loaded(functions: functions, problem: "")
    }
}
