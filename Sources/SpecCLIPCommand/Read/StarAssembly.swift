import Foundation
import StarReading
import Support
import Tables

/// Puts the spectra of files together to stars.
///
/// Which spectra are of one star is known when all were looked at. Small inputs are kept meanwhile; large ones are looked at
/// first and read then, each star as soon as its last spectrum has come, so that memory grows with the stars that are begun
/// and not with the files.
struct StarAssembly {
    private let input: InputOptions
    private let reader: StarReader
    private let grouping: StarGrouping
    /// The worker whose stars are handed over; nil for all.
    private let shard: Shard?

    /// Files of more bytes are read twice.
    private static let large = 1 << 28
    /// Spectra that are read at once.
    private static let batch = 64

    init(_ input: InputOptions, for reader: StarReader, by grouping: StarGrouping, shard: Shard? = nil) {
        (self.input, self.reader, self.grouping, self.shard) = (input, reader, grouping, shard)
    }

    /// Hands stars to `body`, numbered from 0, in the order in which they come first; of large inputs in the order in which
    /// their last spectra come. A shard is handed its own, under the numbers that they have among all.
    /// - Parameter spectra: the input, of which no spectrum has been read.
    /// - Returns: what a shard has seen; nil where there are no shards.
    func forEachBatch(
        of spectra: StarInput, _ body: ([ObservedStar], [Int]) throws -> Void
    ) throws -> ShardRecord.Stars? {
        var waiting: [NumberedStar] = []
        var own = 0
        func hand(over all: Bool) throws {
            while !waiting.isEmpty, all || waiting.reduce(0, { $0 + $1.star.observations.count }) >= Self.batch {
                var (count, observations) = (0, 0)
                while count < waiting.count, observations < Self.batch {
                    observations += waiting[count].star.observations.count
                    count += 1
                }
                own += observations
                try body(waiting.prefix(count).map(\.star), waiting.prefix(count).map(\.number))
                waiting.removeFirst(count)
            }
        }
        let (share, total): (StarShare?, Int)
        if isLarge {
            let (clues, groups) = try groups(try clues())
            share = shard.map { StarShare(clues, groups, of: $0) }
            var stars = UnfinishedStars(clues, groups, share, grouping)
            try spectra.forEachBatch { batch in
                waiting += batch.compactMap { stars.add($0) }
                try hand(over: false)
            }
            waiting += stars.rest()
            total = stars.count
        } else {
            var all: [Observation] = []
            try spectra.forEachBatch { all += $0 }
            let (clues, groups) = try groups(all.map { StarGrouping.Clue($0, for: grouping) })
            share = shard.map { StarShare(clues, groups, of: $0) }
            let stars = ObservedStar.together(all, groups)
            waiting = stars.enumerated().filter { share?.owns($0.offset) != false }.map { ($0.element, $0.offset) }
            total = stars.count
        }
        try hand(over: true)
        return share.map {
            ShardRecord.Stars(
                spectra: $0.spectra, own: own, failures: spectra.failures, stars: total, content: $0.content)
        }
    }

    private var isLarge: Bool {
        guard !input.inputs.contains(where: ObservationStream.isPipe) else { return false }
        let paths = (try? input.units().flatMap(\.paths)) ?? input.inputs
        let sizes = paths.map { path -> Int in
            (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        }
        return sizes.reduce(0, +) > Self.large
    }

    /// What all spectra say of their stars. What fails is told when they are read.
    private func clues() throws -> [StarGrouping.Clue] {
        let stream = try ObservationStream(input.observations(among: reader.instruments), among: reader.instruments)
        var (clues, progress) = ([StarGrouping.Clue](), ProgressLine("look at"))
        defer { progress.finish() }
        stream.onProgress = { progress.update($0, of: $1) }
        try stream.forEachBatch { batch in clues += batch.map { StarGrouping.Clue($0, for: grouping) } }
        return clues
    }

    private func groups(
        _ clues: [StarGrouping.Clue]
    ) throws -> (clues: [StarGrouping.Clue], groups: StarGrouping.Groups) {
        let groups = try grouping.groups(clues)
        let what =
            switch grouping {
            case .sourceID: "source id"
            case .position: "position"
            case .column(let name): name
            }
        if groups.untold > 0, clues.count > 1, groups.untold < clues.count || grouping != .sourceID {
            Program.note("specclip: \(groups.untold) of \(clues.count) spectra have no \(what): each is read alone")
        }
        if clues.count > 1, groups.untold < clues.count || grouping == .sourceID,
            Set(groups.stars).count == clues.count
        {
            let others = grouping == .sourceID ? " (--group-by position, or a column)" : ""
            Program.note("specclip: no two spectra have the same \(what): each is read alone\(others)")
        }
        return (clues, groups)
    }
}

extension GroupingOptions {
    /// - Throws: `Diagnostic` for an input whose stars are known without being asked for.
    func check(_ input: InputOptions) throws {
        guard let groupBy, input.inputs.contains(where: ObservationStream.isDataSet) else { return }
        throw Diagnostic(
            "--group-by \(groupBy)", problem: "is for files: a row of a data set is one star", remedy: "leave it out")
    }

    /// Hands the stars of an input to `body`, with where their rows go: each spectrum by itself, or all of a star together.
    /// - Parameters:
    ///   - doing: what is done with them, for the progress line.
    ///   - drawsBands: whether a missing band is drawn, of stars that are read alone: visits are averaged, which needs both.
    ///   - output: where rows go; what it has from an interrupted run is left out.
    /// - Returns: the input, to be finished.
    func forEachBatch(
        of input: InputOptions, for reader: StarReader, doing: String, drawsBands: Bool = false,
        into output: RowOutput?, _ body: ([ObservedStar], [RowPosition]) throws -> Void
    ) throws -> StarInput {
        guard together, !input.inputs.contains(where: ObservationStream.isDataSet) else {
            let stars = try StarInput(
                input, among: reader.instruments, doing: doing, rowsComeWhole: together,
                drawingBandsOf: drawsBands && !together ? reader.instrumentsWithDrawnBands : [], into: output)
            // Small batches: what is done is on disk, or on the screen, within a second or two.
            try stars.forEachBatch(of: 64) { batch in
                let observed = together ? try ObservedStar.together(batch) : ObservedStar.apart(batch)
                try body(observed, observed.map(\.position))
            }
            return stars
        }
        // All files are looked at again: which are of one star shows only then.
        let stars = try StarInput(input, among: reader.instruments, doing: doing)
        let done = output?.last?.row ?? -1
        output?.stars = try StarAssembly(input, for: reader, by: grouping, shard: output?.shard).forEachBatch(of: stars)
        {
            batch, numbers in
            let left = zip(batch, numbers).filter { $1 > done }
            guard !left.isEmpty else { return }
            try body(left.map(\.0), left.map { RowPosition(part: 0, row: $1) })
        }
        return stars
    }
}

/// A star with its number among all.
typealias NumberedStar = (star: ObservedStar, number: Int)

/// Stars of which some spectra are still to come; they are numbered as they are completed.
struct UnfinishedStars {
    private var numbers: [RowPosition: Int] = [:]
    private var missing: [Int]
    /// Of stars of other shards nothing is kept but that they have begun.
    private var begun: [Int: [Observation]] = [:]
    private let share: StarShare?
    private let grouping: StarGrouping
    /// Stars that were completed, those of other shards too.
    private(set) var count = 0

    init(_ clues: [StarGrouping.Clue], _ groups: StarGrouping.Groups, _ share: StarShare?, _ grouping: StarGrouping) {
        (self.share, self.grouping) = (share, grouping)
        missing = [Int](repeating: 0, count: (groups.stars.max() ?? -1) + 1)
        for (clue, star) in zip(clues, groups.stars) {
            numbers[clue.position] = star
            missing[star] += 1
        }
    }

    /// The star of an observation, when it is the last one of it and the star is to be read here. What was not there before is
    /// a star by itself.
    mutating func add(_ observation: Observation) -> NumberedStar? {
        guard let star = numbers[observation.position] else {
            let isOwn = share?.owns(StarGrouping.Clue(observation, for: grouping)) != false
            return numbered(isOwn ? [observation] : [])
        }
        begun[star, default: []] += share?.owns(star) != false ? [observation] : []
        missing[star] -= 1
        return missing[star] == 0 ? begun.removeValue(forKey: star).flatMap { numbered($0) } : nil
    }

    /// Stars of which a spectrum did not come again.
    mutating func rest() -> [NumberedStar] {
        defer { begun = [:] }
        return begun.sorted { $0.key < $1.key }.compactMap { numbered($0.value) }
    }

    private mutating func numbered(_ observations: [Observation]) -> NumberedStar? {
        defer { count += 1 }
        return ObservedStar(observations).map { ($0, count) }
    }
}
