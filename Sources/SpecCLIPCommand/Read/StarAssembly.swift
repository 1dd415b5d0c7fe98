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

    /// Files of more bytes are read twice.
    private static let large = 1 << 28
    /// Spectra that are read at once.
    private static let batch = 64

    init(_ input: InputOptions, for reader: StarReader, by grouping: StarGrouping) {
        (self.input, self.reader, self.grouping) = (input, reader, grouping)
    }

    /// Hands stars to `body`, numbered from 0, in the order in which they come first; of large inputs in the order in which
    /// their last spectra come.
    /// - Parameter spectra: the input, of which no spectrum has been read.
    func forEachBatch(of spectra: StarInput, _ body: ([ObservedStar], Range<Int>) throws -> Void) throws {
        var (waiting, first) = ([ObservedStar](), 0)
        func hand(over all: Bool) throws {
            while !waiting.isEmpty, all || waiting.reduce(0, { $0 + $1.observations.count }) >= Self.batch {
                var (count, observations) = (0, 0)
                while count < waiting.count, observations < Self.batch {
                    observations += waiting[count].observations.count
                    count += 1
                }
                try body(Array(waiting.prefix(count)), first..<first + count)
                waiting.removeFirst(count)
                first += count
            }
        }
        if isLarge {
            var stars = UnfinishedStars(try groups(try clues()))
            try spectra.forEachBatch { batch in
                waiting += batch.compactMap { stars.add($0) }
                try hand(over: false)
            }
            waiting += stars.rest
        } else {
            var all: [Observation] = []
            try spectra.forEachBatch { all += $0 }
            let clues = all.map { StarGrouping.Clue($0, for: grouping) }
            waiting = ObservedStar.together(all, try groups(clues).groups)
        }
        try hand(over: true)
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
        try StarAssembly(input, for: reader, by: grouping).forEachBatch(of: stars) { batch, numbers in
            let left = zip(batch, numbers).filter { $1 > done }
            guard !left.isEmpty else { return }
            try body(left.map(\.0), left.map { RowPosition(part: 0, row: $1) })
        }
        return stars
    }
}

/// Stars of which some spectra are still to come.
struct UnfinishedStars {
    private var numbers: [RowPosition: Int] = [:]
    private var missing: [Int]
    private var begun: [Int: [Observation]] = [:]

    init(_ found: (clues: [StarGrouping.Clue], groups: StarGrouping.Groups)) {
        missing = [Int](repeating: 0, count: (found.groups.stars.max() ?? -1) + 1)
        for (clue, star) in zip(found.clues, found.groups.stars) {
            numbers[clue.position] = star
            missing[star] += 1
        }
    }

    /// The star of an observation, when it is the last one of it. What was not there before is a star by itself.
    mutating func add(_ observation: Observation) -> ObservedStar? {
        guard let star = numbers[observation.position] else { return ObservedStar(observation) }
        begun[star, default: []].append(observation)
        missing[star] -= 1
        return missing[star] == 0 ? begun.removeValue(forKey: star).flatMap(ObservedStar.init) : nil
    }

    /// Stars of which a spectrum did not come again.
    var rest: [ObservedStar] { begun.sorted { $0.key < $1.key }.compactMap { ObservedStar($0.value) } }
}
