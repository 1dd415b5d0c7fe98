import ArgumentParser
import Foundation
import StarReading
import Tables

/// How a command takes part in making a catalogue.
struct CatalogueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read the Kth of N shares of the input's files or partitions alone, with --together of its stars; auto takes K and N from a Slurm array, or RANK and WORLD_SIZE.",
            valueName: "K/N"))
    var shard: ShardName?

    @Flag(help: "Write where stars stand, too: ra and dec (in HATS they always are).") var positions = false

    @Option(
        help: ArgumentHelp(
            "Rows of a HATS partition at the most (default: 1000000; of a HATS input those that it has).",
            valueName: "n"))
    var partitionRows: Int?

    func validate() throws {
        if let partitionRows, partitionRows < 1 {
            throw ValidationError("--partition-rows \(partitionRows): must be at least 1")
        }
    }

    /// This worker's share, if there are others.
    /// - Throws: `Diagnostic` where nothing says which it is.
    func share() throws -> Shard? {
        switch shard {
        case nil: nil
        case .given(let shard): shard
        case .auto: try Shard(of: ProcessInfo.processInfo.environment)
        }
    }
}

/// `2/8`, or `auto`.
enum ShardName: ExpressibleByArgument {
    case given(Shard), auto

    init?(argument: String) {
        let numbers = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        if argument == "auto" {
            self = .auto
        } else if numbers.count == 2, let number = numbers[0], let count = numbers[1],
            let shard = try? Shard(number, of: count)
        {
            self = .given(shard)
        } else {
            return nil
        }
    }
}
