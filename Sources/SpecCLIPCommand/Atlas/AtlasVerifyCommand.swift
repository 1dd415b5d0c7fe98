import ArgumentParser
import Foundation
import StarReading

/// `specclip atlas verify`.
struct AtlasVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Look whether an atlas is as it was built, every number.")

    @Argument(help: "The folder of the atlas.") var atlas: String

    func run() throws {
        let atlas = try StarAtlas(opening: URL(fileURLWithPath: atlas))
        try atlas.verify()
        print("\(atlas.url.lastPathComponent): whole; \(atlas.header.parts.reduce(0) { $0 + $1.rows }) rows")
    }
}
