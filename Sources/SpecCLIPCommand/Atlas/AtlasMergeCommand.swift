import ArgumentParser
import Foundation
import StarReading

/// `specclip atlas merge`.
struct AtlasMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Make one atlas of several, such as those of shards.",
        usage: "specclip atlas merge <atlas> ... --output <folder> [<options>]")

    @Argument(help: "Atlases of one model.") var atlases: [String]
    @OptionGroup(title: "Atlas") var atlas: AtlasOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let url = try atlas.url(replacing: false)
        let all = try atlases.map { try StarAtlas(opening: URL(fileURLWithPath: $0)) }
        let builder = try atlas.builder(url, model.reader(compute), width: all.map(\.header.width).min())
        try atlas.build(builder) { for one in all { try builder.add(one) } }
    }
}
