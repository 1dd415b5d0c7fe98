import Foundation
import Support

/// The gnuplot program, found once and run once per picture.
///
/// The script goes in on standard input with its data inline, so no shell, no command line and no data file is ever quoted.
/// gnuplot: http://www.gnuplot.info (version 5.4 or later, built with the cairo terminals; Debian's `gnuplot-nox` is).
public struct Gnuplot: Sendable {
    /// The environment variable that names another gnuplot program than the one on `PATH`.
    public static let overrideVariable = "SPECCLIP_GNUPLOT"

    /// The program that is run.
    public let executable: URL
    /// Seconds after which a run is stopped and reported as ``Diagnostic/Kind/timedOut``.
    public var timeout: TimeInterval = 120

    /// Uses the program at `executable`, which must exist and be executable.
    public init(executable: URL) throws(Diagnostic) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: executable.path, isDirectory: &isFolder), !isFolder.boolValue,
            FileManager.default.isExecutableFile(atPath: executable.path)
        else {
            throw Diagnostic(
                .gnuplotMissing, executable.path, "no such program",
                remedy: "correct \(Gnuplot.overrideVariable) or unset it to search PATH")
        }
        self.executable = executable
    }

    /// Finds the program: `SPECCLIP_GNUPLOT` if set, else the first `gnuplot` on `PATH`.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(Diagnostic) {
        if let named = environment[Gnuplot.overrideVariable], !named.isEmpty {
            try self.init(executable: URL(fileURLWithPath: named))
            return
        }
        let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in folders {
            if let found = try? Gnuplot(executable: URL(fileURLWithPath: folder).appendingPathComponent("gnuplot")) {
                self = found
                return
            }
        }
        throw Diagnostic(
            .gnuplotMissing, "gnuplot", "not found on PATH",
            remedy: "install it ('apt-get install gnuplot-nox', 'brew install gnuplot') "
                + "or set \(Gnuplot.overrideVariable) to the program")
    }

    /// Draws one picture: `body` (plot commands, no terminal and no output) into `url`, complete or not at all.
    ///
    /// gnuplot writes into a hidden temporary file beside `url`; only a complete picture is renamed into place.
    /// - Parameters:
    ///   - terminal: The argument of gnuplot's `set terminal`.
    ///   - force: Whether an existing file may be replaced.
    func draw(_ body: String, terminal: String, format: PictureFormat, to url: URL, force: Bool) throws {
        let folder = url.standardizedFileURL.deletingLastPathComponent()
        try checkWritable(url, folder: folder, force: force)
        let temporary = folder.appendingPathComponent(".\(UUID().uuidString).\(format.rawValue)")
        defer { try? FileManager.default.removeItem(at: temporary) }
        // The working folder is the output folder, so the script holds only the temporary's own name, which needs no quoting.
        let script = """
            set encoding utf8
            set terminal \(terminal)
            set output '\(temporary.lastPathComponent)'
            \(body)
            unset output

            """
        try run(script, in: folder, subject: url.path)
        guard let picture = try? Data(contentsOf: temporary), format.isComplete(picture) else {
            throw Diagnostic(
                .gnuplotFailed, url.path, "gnuplot ended without writing a complete \(format.rawValue.uppercased())",
                remedy: "check the free disk space and that '\(executable.path)' has the cairo terminals")
        }
        guard rename(temporary.path, url.path) == 0 else {
            throw Diagnostic(
                .outputNotWritable, url.path, String(cString: strerror(errno)), remedy: "choose another output")
        }
    }

    private func checkWritable(_ url: URL, folder: URL, force: Bool) throws(Diagnostic) {
        let files = FileManager.default
        var isFolder: ObjCBool = false
        guard files.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Diagnostic(
                .outputNotWritable, url.path, "the folder '\(folder.path)' does not exist", remedy: "create it first")
        }
        guard files.isWritableFile(atPath: folder.path) else {
            throw Diagnostic(
                .outputNotWritable, url.path, "the folder '\(folder.path)' is read-only",
                remedy: "choose another output folder")
        }
        guard files.fileExists(atPath: url.path, isDirectory: &isFolder) else { return }
        if isFolder.boolValue {
            throw Diagnostic(.outputNotWritable, url.path, "is a folder", remedy: "name a file")
        }
        if !force {
            throw Diagnostic(
                .outputExists, url.path, "the output exists", remedy: "use --force to replace it or choose another name"
            )
        }
    }

    /// Runs a whole script in `folder`; throws gnuplot's own complaint as one line if it does not exit with 0.
    private func run(_ script: String, in folder: URL, subject: String) throws {
        // Plain files for standard input and error: a pipe would need a reader thread, and would raise SIGPIPE
        // where gnuplot stops at an early error with the rest of the data unread.
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("specclip-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let input = scratch.appendingPathComponent("script.gp")
        let complaints = scratch.appendingPathComponent("stderr.txt")
        try Data(script.utf8).write(to: input)
        try Data().write(to: complaints)

        let process = Process()
        process.executableURL = executable
        process.arguments = ["-d"]  // the user's own start-up file must not change our figures
        process.currentDirectoryURL = folder
        let handles = [try FileHandle(forReadingFrom: input), try FileHandle(forWritingTo: complaints)]
        defer { for handle in handles { try? handle.close() } }
        process.standardInput = handles[0]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = handles[1]
        let finished = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in finished.signal() }
        do {
            try process.run()
        } catch {
            throw Diagnostic(
                .gnuplotMissing, executable.path, "cannot be run (\(error.localizedDescription))",
                remedy: "reinstall gnuplot or set \(Gnuplot.overrideVariable)")
        }
        guard finished.wait(timeout: .now() + timeout) == .success else {
            kill(process.processIdentifier, SIGKILL)
            finished.wait()
            throw Diagnostic(
                .timedOut, subject, "gnuplot did not finish within \(number(timeout)) s", remedy: "draw fewer points")
        }
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let text = (try? String(contentsOf: complaints, encoding: .utf8)) ?? ""
            throw Diagnostic(
                .gnuplotFailed, subject,
                "gnuplot failed: " + Gnuplot.essence(of: text, status: process.terminationStatus),
                remedy: "gnuplot 5.4 or later with the pngcairo, pdfcairo and svg terminals is needed")
        }
    }

    /// The one telling line of gnuplot's standard error, which also echoes the script and points at the place with a caret.
    static func essence(of complaints: String, status: Int32) -> String {
        let lines = complaints.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && $0 != "^" && !$0.hasPrefix("gnuplot>") }
        let telling = lines.last { $0.contains(#/line \d+:/#) && !$0.contains("warning") } ?? lines.last
        return telling.map { String($0.prefix(300)) } ?? "exit status \(status)"
    }
}
