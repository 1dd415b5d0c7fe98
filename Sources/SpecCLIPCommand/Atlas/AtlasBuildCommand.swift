import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip atlas build`.
struct AtlasBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Make an atlas of embeddings, to be searched for look-alikes.",
        usage: "specclip atlas build <embeddings> ... --output <folder> [<options>]",
        discussion: """
            Takes tables that 'specclip embed' wrote with the same model, in any format, HATS too. Of other columns those are kept that \
            searches can filter by and answers show: labels, ra, dec, snr and flag, or what --columns names. Tables without \
            labels get them from --labels, by source id.

            Rows are kept in half precision, in groups of like ones; a search looks at as many groups as --recall needs. \
            Up to 50,000 rows are searched exactly.

            An interrupted build goes on where it was when the same command is given again.

            EXAMPLES
              specclip embed xp-*.parquet -o stars.fits
              specclip atlas build stars.fits -o atlas/
              specclip search star.fits --in atlas/ --where 'teff<5000'
              specclip atlas build new.fits -o atlas/ --append
            """)

    @Argument(help: "Tables or HATS catalogues of embeddings.") var embeddings: [String]
    @OptionGroup(title: "Atlas") var atlas: AtlasOptions
    @Option(help: ArgumentHelp("A catalogue with the labels of stars, found by source id.", valueName: "file"))
    var labels: String?
    @Flag(help: "Add to the atlas in the folder.") var append = false
    @OptionGroup var model: ModelOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let url = try atlas.url(replacing: append)
        let reader = try model.reader(compute)
        let former = append ? try StarAtlas(opening: url) : nil
        let builder = try atlas.builder(url, reader, width: former?.header.width)
        if let labels { builder.catalogue = try StarColumns(URL(fileURLWithPath: labels), columns: builder.columns) }
        try atlas.build(builder) {
            if let former { try builder.add(former) }
            for path in embeddings { try builder.add(URL(fileURLWithPath: path)) }
        }
    }
}
