import Datasets
import Foundation
import Spectra
import Statistics
import Support
import Torch
import Training

/// Tells how wide drawn spectra are to be (`SpectrumWidths`), by stars that nothing was learned from: stretches distributions until their
/// middle 68 % hold as much, of bright stars and of faint ones, in all parts of the wavelengths.
public struct SpectrumCalibration {
    private let reader: StarReader
    private let progress: any ProgressSink
    private var stars: [ObservedKnowledge] = []

    /// - Parameters:
    ///   - reader: of the model whose encoders tell of spectra.
    ///   - progress: where to report.
    public init(_ reader: StarReader, progress: any ProgressSink = SilentProgress()) {
        (self.reader, self.progress) = (reader, progress)
    }

    /// Adds the stars of the calibration split of a data set, where it has one.
    /// - Parameters:
    ///   - data: the data set.
    ///   - isLabelled: whether its labels are on the scale that others are to be given on.
    public mutating func add(_ data: PairedDataSet, isLabelled: Bool) throws {
        guard data.count(.calibration) > 0 else { return }
        stars.append(
            try ObservedKnowledge(
                reader, data, .calibration, labels: isLabelled ? SpectrumGenerator.labels(of: reader) : []))
    }

    /// Sets how wide the spectra of all instruments are that the model draws, and writes that (``StarReader/write(_:keepsNormalStars:to:)``).
    /// - Parameters:
    ///   - url: the file.
    ///   - missingAlone: sets how wide missing parts of spectra are alone; all else stays to the bit.
    /// - Returns: the instruments of which there were stars, and how many told.
    /// - Throws: `Diagnostic` where the model draws no spectra, or there are no stars to tell by.
    public func write(to url: URL, missingAlone: Bool = false) throws -> [(instrument: Instrument, stars: Int)] {
        let generators = try reader.instruments.compactMap { instrument in
            try reader.generator(of: instrument).map { (instrument, $0) }
        }
        guard !generators.isEmpty else {
            throw Diagnostic(
                reader.file.url, problem: "draws no spectra as distributions",
                remedy: "make them with `specclip spectra fit`")
        }
        let counts = try generators.map { instrument, generator in
            (instrument, try calibrate(generator, of: instrument, missingAlone: missingAlone))
        }.filter { $0.1 > 0 }
        guard !counts.isEmpty else {
            throw Diagnostic(
                problem: "no stars of a calibration split to tell by",
                remedy: "give data sets that have one: data pairs and data stars make it with --calibration")
        }
        try reader.write(generators.map { $0.1 }, keepsNormalStars: missingAlone, to: url)
        return counts
    }

    /// Stars that tell how wide distributions are, in how many groups by their signal to noise.
    private static let enough = 2500
    private static let groups = 4
    /// Each round moves all factors towards what would hold 68 %, this part of the way: those of neighbouring parts act together.
    private static let (rounds, part) = (8, 0.7)
    /// Noise that is misstated shall not be paid for by what stars may be.
    private static let factors = 0.5...2.0

    /// Stars of like signal to noise.
    private struct Group {
        let known: SpectrumKnowledge
        let flux: Tensor, ivar: Tensor
    }

    /// Sets how wide the distributions of an instrument's spectra are; says so where there are no stars to tell by.
    /// - Parameters:
    ///   - generator: of its spectra.
    ///   - target: the instrument.
    ///   - missingAlone: sets how wide missing parts of spectra are alone; all else stays to the bit.
    /// - Returns: stars that told; 0 where none could.
    @discardableResult
    public func calibrate(
        _ generator: SpectrumGenerator, of target: Instrument, missingAlone: Bool = false
    ) throws -> Int {
        let key = target.embeddingKey
        guard let stars = stars.first(where: { !$0.rows(seenBy: target).isEmpty }), let flux = stars.flux[key],
            let ivar = stars.ivar[key]
        else {
            progress.note("no calibration stars of \(target.name): distributions stay as they were learned")
            return 0
        }
        func group(_ rows: [Int]) -> Group {
            Group(known: stars.known.rows(rows).without(target), flux: flux.rows(rows), ivar: ivar.rows(rows))
        }
        let rows = stars.rows(seenBy: target).evenlySampled(Self.enough)
        if !missingAlone {
            // By signal to noise, so that groups are neighbours.
            let levels = stars.signalToNoise(of: target).map { $0 > 0 ? log10($0) : 0 }
            let sorted = rows.sorted { levels[$0] < levels[$1] }
            let groups = (0..<Self.groups).map { group in
                Array(sorted[sorted.count * group / Self.groups..<sorted.count * (group + 1) / Self.groups])
            }.filter { !$0.isEmpty }
            generator.about.stretch = SpectrumWidths(levels: groups.map { levels[$0[$0.count / 2]] })
            for kind in SpectrumWidths.Kind.allCases where !kind.seesItself {
                if kind.seesOthers, generator.about.sources.isEmpty { continue }
                if kind.knowsLabels, generator.about.labels.isEmpty { continue }
                try setFactors(of: kind, generator, groups.map(group))
            }
        }
        for kind in SpectrumWidths.Kind.allCases where kind.seesItself {
            try setFactor(of: kind, generator, group(rows))
        }
        return rows.count
    }

    /// A factor for each level of the signal to noise and each part of the wavelengths.
    private func setFactors(
        of kind: SpectrumWidths.Kind, _ generator: SpectrumGenerator, _ groups: [Group]
    ) throws {
        let judged = try groups.map { try Self.judged(generator, $0, kind) }
        for _ in 0..<Self.rounds {
            for (level, blocks) in judged.enumerated() {
                for (part, tally) in try Self.held(blocks).enumerated() {
                    let factor = generator.about.stretch[kind][level][part]
                    generator.about.stretch[kind][level][part] = Self.moved(factor, tally)
                }
            }
        }
    }

    /// One factor for all: few parts of a star's spectrum are hidden, and which of them is chance.
    private func setFactor(of kind: SpectrumWidths.Kind, _ generator: SpectrumGenerator, _ group: Group) throws {
        var factor = 1.0
        func set() { generator.about.stretch[kind] = generator.about.stretch[kind].map { $0.map { _ in factor } } }
        set()
        let judged = try Self.judged(generator, group, kind)
        for _ in 0..<Self.rounds {
            factor = Self.moved(factor, try Self.held(judged).reduce((0, 0)) { ($0.0 + $1.inside, $0.1 + $1.all) })
            set()
        }
    }

    /// A factor moved towards what would hold 68 %; as it is where hardly anything was seen.
    private static func moved(_ factor: Double, _ tally: (inside: Int, all: Int)) -> Double {
        guard tally.all >= fewest else { return factor }
        let held = min(max(Double(tally.inside) / Double(tally.all), 0.01), 0.99)
        let step = pow(normalScore(0.5 + held / 2), -part)
        return min(max(factor * min(max(step, 0.7), 1.4), factors.lowerBound), factors.upperBound)
    }

    /// Pixels of each spectrum that are looked at: neighbours say the same.
    private static let pixels = 100
    private static let draws = 100
    private static let fewest = 100

    /// Of some stars the probabilities that what is observed lies below it, by pixel or by part of the wavelengths, with the factors of now.
    private typealias Judged = () throws -> Tensor

    /// What a kind of distribution is judged by.
    ///
    /// Where all of a star's spectrum is to be drawn, pixels. Where parts of it are missing, the mean of each of these beside what the whole
    /// spectrum tells of it: labels hang on more than pixels.
    private static func judged(
        _ generator: SpectrumGenerator, _ group: Group, _ kind: SpectrumWidths.Kind
    ) throws -> [Judged] {
        var known = group.known
        if !kind.seesOthers { known = known.withoutSpectra() }
        if !kind.knowsLabels { known = known.withoutLabels() }
        return try stride(from: 0, to: known.count, by: kind.block).map { start in
            try Interruption.check()
            let stars = Array(start..<min(start + kind.block, known.count))
            let (own, flux, ivar) = (known.rows(stars), group.flux.rows(stars), group.ivar.rows(stars))
            guard kind.seesItself else {
                return {
                    try generator.distribution(own).probabilities(
                        flux, ivar: ivar, draws: draws, seed: UInt64(start), every: max(1, flux.size(1) / pixels))
                }
            }
            let hidden = stars.map { Self.hidden(kind, $0) }
            func marks(_ size: Int) -> Tensor {
                Tensor(
                    hidden.flatMap { hidden in
                        (0..<size).map { hidden.contains($0 * SpectrumWidths.parts / size) ? Float(1) : 0 }
                    }, shape: [stars.count, size])
            }
            let shown = ivar * (marks(flux.size(1)) * -1 + 1)
            let anything = try generator.distribution(own)
            // Factors are 1 as yet, and what the spectrum tells stays the same.
            let (part, whole) = (try anything.given(flux, ivar: shown), try anything.given(flux, ivar: ivar))
            let isHidden = marks(SpectrumWidths.parts)
            return {
                try part.widenedAnew(seeing: shown).partProbabilities(beside: whole)
                    .maskedFill(isHidden.eq(0), .nan)
            }
        }
    }

    /// How much of what is observed lies within the middle 68 % of its distribution, of how much, by part of the wavelengths.
    private static func held(_ blocks: [Judged]) throws -> [(inside: Int, all: Int)] {
        var held = [(inside: Int, all: Int)](repeating: (0, 0), count: SpectrumWidths.parts)
        for block in blocks {
            try Interruption.check()
            let found = try block()
            let pixels = found.size(1)
            for (place, value) in found.floats().enumerated() where value.isFinite {
                let part = place % pixels * SpectrumWidths.parts / pixels
                held[part].all += 1
                if abs(value - 0.5) < 0.34134 { held[part].inside += 1 }
            }
        }
        return held
    }

    /// Of each star another piece is hidden: three to six parts at one of the ends, or two between.
    private static func hidden(_ kind: SpectrumWidths.Kind, _ star: Int) -> Range<Int> {
        let parts = SpectrumWidths.parts
        switch kind {
        case .below: return 0..<3 + star % 4
        case .above: return parts - 3 - star % 4..<parts
        default:
            let first = 1 + star % (parts - 3)
            return first..<first + 2
        }
    }
}

extension SpectrumWidths.Kind {
    /// Stars that are worked on at once: of some all pixels are drawn.
    fileprivate var block: Int { seesItself ? 512 : 32 }
}
