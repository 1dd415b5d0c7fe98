import Foundation

/// The built executable, run as a user runs it.
package struct Tool {
    /// What a run said and how it ended.
    package struct Outcome {
        package var code: Int32
        package var output: String
        package var errors: String

        package init(code: Int32, output: String, errors: String) {
            (self.code, self.output, self.errors) = (code, output, errors)
        }

        /// The lines on standard error.
        package var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    /// The executable lies beside the test bundle.
    package static let executable = program("specclip")

    /// A program of the package.
    package static func program(_ name: String) -> URL {
        let arguments = ProcessInfo.processInfo.arguments
        var places = [URL(fileURLWithPath: arguments[0])]
        if let flag = arguments.firstIndex(of: "--test-bundle-path"), flag + 1 < arguments.count {
            places.append(URL(fileURLWithPath: arguments[flag + 1]))
        }
        for place in places {
            var folder = place
            for _ in 0..<5 {
                folder = folder.deletingLastPathComponent()
                let found = folder.appending(path: name)
                if FileManager.default.isExecutableFile(atPath: found.path) { return found }
            }
        }
        return URL(fileURLWithPath: #filePath).appending(path: "../../../.build/debug/\(name)").standardizedFileURL
    }

    /// Tests run side by side: threads that spin while they wait would take the cores from those that work.
    private static let environment =
        ["OMP_WAIT_POLICY": "passive"].merging(ProcessInfo.processInfo.environment) { $1 }

    /// Runs `specclip` with `arguments` and waits for its end.
    package static func run(
        _ arguments: [String], program name: String = "specclip", environment: [String: String] = [:]
    ) throws -> Outcome {
        let environment = Self.environment.merging(environment) { $1 }
        return try Running(program(name), arguments, environment: environment).outcome()
    }

    /// Starts `specclip` with `arguments`.
    package static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Running {
        try Running(executable, arguments, environment: Self.environment.merging(environment) { $1 })
    }

    /// A process at work.
    package final class Running {
        private let process = Process()
        private let folder: TemporaryFolder
        private var files: [URL] { ["out", "err"].map { folder.url.appending(path: $0) } }

        package init(_ executable: URL, _ arguments: [String], environment: [String: String]) throws {
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

        package var isRunning: Bool { process.isRunning }
        /// What stands on standard error up to now.
        package var errorsSoFar: String { (try? String(contentsOf: files[1], encoding: .utf8)) ?? "" }
        package var identifier: Int32 { process.processIdentifier }

        package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

        /// Waits for the end.
        package func outcome() throws -> Outcome {
            process.waitUntilExit()
            let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
            let code = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            return Outcome(code: code, output: texts[0], errors: texts[1])
        }
    }
}
