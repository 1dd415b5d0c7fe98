import ArgumentParser
import Datasets

/// How spectra, or rows of another table, find the rows of a table.
struct MatchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What is matched by: file, id, position, or a column (default: what fits).", valueName: "how"))
    var match: String?
    @Option(help: ArgumentHelp("Within which places in the sky are one star.", valueName: "arcsec")) var radius = 3.0
    @Option(help: ArgumentHelp("Column of what stars share, such as a plate.", valueName: "column")) var group: String?

    func validate() throws {
        guard radius > 0, radius <= 60 else { throw ValidationError("--radius \(radius): give up to 60 arcsec") }
    }

    var key: LabelTable.Key? {
        switch match {
        case nil: nil
        case "file": .file
        case "id": .identifier
        case "position": .position
        case .some(let column): .column(column)
        }
    }
}
