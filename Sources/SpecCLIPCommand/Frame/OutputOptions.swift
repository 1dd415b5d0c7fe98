import ArgumentParser
import Figures
import Foundation
import Support
import Tables

/// Where a result goes.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The file to write; its extension chooses the format.", valueName: "file"))
    var output: String?

    @Flag(name: [.short, .long], help: "Replace an output file that exists.")
    var force = false

    /// The output file, checked before any long work: its extension is known, its folder can be written, and nothing
    /// is lost that was not offered with `--force`.
    func url(extensions: [String]) throws -> URL? {
        try output.map { try OutputCheck.url($0, extensions: extensions, force: force) }
    }

    /// As `url(extensions:)`, for commands that cannot do without a file.
    func requiredURL(extensions: [String]) throws -> URL {
        guard let url = try url(extensions: extensions) else {
            throw ValidationError("Missing expected argument '--output <file>' (\(OutputCheck.list(extensions)))")
        }
        return url
    }
}

extension OutputOptions {
    /// Where a report goes, as JSON or as a figure, checked before any long work.
    func reportURL() throws -> URL? { try url(extensions: ["json", "png", "pdf", "svg"]) }

    /// Writes a report as its extension asks.
    func write(_ json: String, or figure: some FigureConvertible, to url: URL) throws {
        guard url.pathExtension.lowercased() == "json" else { return try figure.write(to: url, force: force) }
        try AtomicFile.write(json + "\n", to: url)
    }
}

/// Judges an output path before work begins.
enum OutputCheck {
    static func url(_ path: String, extensions: [String], force: Bool) throws -> URL {
        if isHATS(path), extensions.contains("hats") { return try folder(path, force: force) }
        let url = URL(fileURLWithPath: path)
        guard extensions.isEmpty || extensions.contains(url.pathExtension.lowercased()) else {
            throw Diagnostic(
                path, field: "extension",
                problem: url.pathExtension.isEmpty
                    ? "is missing" : "'.\(url.pathExtension)' is no format of this command",
                remedy: "name it \(list(extensions))")
        }
        try TableFile.requireLibrary(for: url)
        try check(url, shown: path, force: force)
        return url
    }

    /// Whether a path means a catalogue in HATS: a folder by its slash, or by its ending.
    static func isHATS(_ path: String) -> Bool {
        path.hasSuffix("/") || URL(fileURLWithPath: path).pathExtension.lowercased() == "hats"
    }

    /// The folder of a catalogue, which may be there: partitions that are done stay.
    private static func folder(_ path: String, force: Bool) throws -> URL {
        var plain = path
        while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
        let url = URL(fileURLWithPath: plain, isDirectory: false)
        try TableFile.requireLibrary(for: url, isCatalogue: true)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) {
            guard isFolder.boolValue else {
                throw Diagnostic(
                    path, problem: "is a file, not the folder of a catalogue", remedy: "choose another name")
            }
            guard HATSMetadata.isOurs(url) else {
                throw Diagnostic(
                    path, problem: "is a folder of other files",
                    remedy: "name a folder that is none yet, or a catalogue")
            }
            // Whether its disk can be written.
            try check(url.appending(path: "dataset"), shown: path, force: true, isFolderFine: true)
        } else {
            try check(url, shown: path, force: force)
        }
        return url
    }

    /// - Parameter shown: the path as the user wrote it.
    static func check(_ url: URL, shown path: String, force: Bool, isFolderFine: Bool = false) throws {
        let manager = FileManager.default
        let folder = url.deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard manager.fileExists(atPath: folder, isDirectory: &isFolder) else {
            throw Diagnostic(
                path, problem: "its folder does not exist", remedy: "make it: mkdir -p '\(folder)'")
        }
        guard isFolder.boolValue else {
            throw Diagnostic(path, problem: "\(folder) is not a folder", remedy: "choose another path")
        }
        if manager.fileExists(atPath: url.path, isDirectory: &isFolder) {
            guard !isFolder.boolValue || isFolderFine else {
                throw Diagnostic(path, problem: "is a folder", remedy: "name a file in it")
            }
            guard force else {
                throw Diagnostic(
                    path, problem: "exists already", remedy: "choose another name, or replace it with --force")
            }
        }
        // Only an attempt tells: permissions, read-only disks and full ones all end here.
        var probe = Array((folder + "/.specclip-XXXXXX").utf8CString)
        let descriptor = mkstemp(&probe)
        guard descriptor >= 0 else {
            throw Diagnostic(
                path, problem: "its folder \(folder) cannot be written (\(String(cString: strerror(errno))))",
                remedy: "choose a folder that can be written")
        }
        close(descriptor)
        unlink(probe)
    }

    /// "a.x, b.y or c.z".
    static func list(_ extensions: [String]) -> String {
        let dotted = extensions.map { "." + $0 }
        guard let last = dotted.last, dotted.count > 1 else { return dotted.first ?? "" }
        return dotted.dropLast().joined(separator: ", ") + " or " + last
    }
}
