import Foundation

/// The built executable, run as a user runs it.
struct Tool {
    /// What a run said and how it ended.
    struct Outcome {
        var code: Int32
        var output: String
        var errors: String

        /// The lines on standard error.
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    /// The executable lies beside the test bundle.
    static let executable: URL = {
        let arguments = ProcessInfo.processInfo.arguments
        var places = [URL(fileURLWithPath: arguments[0])]
        if let flag = arguments.firstIndex(of: "--test-bundle-path"), flag + 1 < arguments.count {
            places.append(URL(fileURLWithPath: arguments[flag + 1]))
        }
        for place in places {
            var folder = place
            for _ in 0..<5 {
                folder = folder.deletingLastPathComponent()
                let found = folder.appending(path: "specclip")
                if FileManager.default.isExecutableFile(atPath: found.path) { return found }
            }
        }
        return URL(fileURLWithPath: #filePath).appending(path: "../../../.build/debug/specclip").standardizedFileURL
    }()

    /// Tests run side by side: threads that spin while they wait would take the cores from those that work.
    private static let environment =
        ["OMP_WAIT_POLICY": "passive"].merging(ProcessInfo.processInfo.environment) { $1 }

    /// Runs `specclip` with `arguments` and waits for its end.
    static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        try start(arguments, environment: environment).outcome()
    }

    /// Starts `specclip` with `arguments`.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Running {
        try Running(executable, arguments, environment: Self.environment.merging(environment) { $1 })
    }

    /// A process at work.
    final class Running {
        private let process = Process()
        private let folder: TemporaryFolder
        private var files: [URL] { ["out", "err"].map { folder.url.appending(path: $0) } }

        init(_ executable: URL, _ arguments: [String], environment: [String: String]) throws {
            folder = try TemporaryFolder()
            process.executableURL = executable
            process.arguments = arguments
            process.environment = environment
            for file in files { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: files[0])
            process.standardError = try FileHandle(forWritingTo: files[1])
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }

        var isRunning: Bool { process.isRunning }
        var identifier: Int32 { process.processIdentifier }

        func signal(_ number: Int32) { kill(process.processIdentifier, number) }

        /// Waits for the end.
        func outcome() throws -> Outcome {
            process.waitUntilExit()
            let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
            let code = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            return Outcome(code: code, output: texts[0], errors: texts[1])
        }
    }
}

/// A folder of its own, removed with the value that holds it.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "specclip-command-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A path in the folder.
    func path(_ name: String) -> String { url.appending(path: name).path }

    /// Everything in the folder, hidden files too.
    var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path).sorted()) ?? [] }
}
