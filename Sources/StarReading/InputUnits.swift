import Foundation
import Support
import Tables

/// A piece of an input that is read by itself: a file, or a partition of a HATS catalogue.
public struct InputUnit: Sendable, Hashable {
    /// As people name it: the path, or the partition within its catalogue.
    public var name: String
    /// Files to read, one after the other.
    public var paths: [String]
    /// Where the stars of a partition are.
    public var cell: HEALPixCell?

    /// A file.
    public init(_ path: String) { (name, paths) = (path, [path]) }

    private init(_ partition: HATSCatalogue.Partition, of path: String, in folder: String) {
        // As the user wrote the folder, whatever the system resolves it to.
        paths = partition.files.map { file in
            file.path.hasPrefix(folder) ? path + file.path.dropFirst(folder.count) : file.path
        }
        name = "\(path)/Norder=\(partition.cell.order)/Npix=\(partition.cell.index)"
        cell = partition.cell
    }

    /// The units of some paths, in their order: of a HATS catalogue its partitions.
    /// - Throws: `Diagnostic` for a catalogue of no use.
    public static func units(of paths: [String]) throws -> [InputUnit] {
        try paths.flatMap { path -> [InputUnit] in
            guard HATSCatalogue.isCatalogue(path) else { return [InputUnit(path)] }
            var plain = path
            while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
            let url = URL(fileURLWithPath: plain)
            return try HATSCatalogue(opening: url).partitions.map { InputUnit($0, of: plain, in: url.path) }
        }
    }
}

/// One of several workers that share an input: which of its units are its own follows from two numbers, so that nobody has to
/// ask another.
public struct Shard: Sendable, Hashable, Codable, CustomStringConvertible {
    /// From 1.
    public let number: Int
    /// Of all workers.
    public let count: Int

    /// A worker.
    /// - Throws: `Diagnostic` for numbers that make no sense.
    public init(_ number: Int, of count: Int) throws {
        guard count >= 1, count <= 1_000_000, (1...count).contains(number) else {
            throw Diagnostic("--shard \(number)/\(count)", problem: "is none", remedy: "give 1/N to N/N")
        }
        (self.number, self.count) = (number, count)
    }

    /// As the scheduler names it: a Slurm array (`SLURM_ARRAY_TASK_ID` among `SLURM_ARRAY_TASK_MIN` … of
    /// `SLURM_ARRAY_TASK_COUNT`), or `RANK` of `WORLD_SIZE`, as torchrun and many launchers say.
    /// - Parameter environment: of the process.
    /// - Throws: `Diagnostic` where neither is there.
    public init(of environment: [String: String]) throws {
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        if let id = number("SLURM_ARRAY_TASK_ID"), let count = number("SLURM_ARRAY_TASK_COUNT") {
            let step = max(1, number("SLURM_ARRAY_TASK_STEP") ?? 1)
            try self.init((id - (number("SLURM_ARRAY_TASK_MIN") ?? 0)) / step + 1, of: count)
        } else if let rank = number("RANK"), let count = number("WORLD_SIZE") {
            try self.init(rank + 1, of: count)
        } else {
            throw Diagnostic(
                "--shard auto", problem: "neither SLURM_ARRAY_TASK_ID and _COUNT nor RANK and WORLD_SIZE are set",
                remedy: "give --shard K/N")
        }
    }

    /// Whether a unit is its own.
    public func owns(_ unit: Int) -> Bool { unit % count == number - 1 }

    /// Whether a star is its own, by the hash of what is said of it: FNV-1a of 64 bits, mixed as in MurmurHash3.
    func owns(star hash: UInt64) -> Bool { hash % UInt64(count) == UInt64(number - 1) }

    /// `2/8`.
    public var description: String { "\(number)/\(count)" }
}
