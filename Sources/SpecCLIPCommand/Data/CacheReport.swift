import Foundation
import Simulation

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
