import Datasets
import Foundation
import SpecCLIP
import Spectra
import Statistics
import Support
import Torch
import Training

/// Teaches a model labels of somebody's own, from a table and spectra of some of its stars: the way from "my 150 stars" to a
/// catalogue.
///
/// Several ways to read each label are tried, each without a fold of the stars at a time, and the one is kept that is least off on
/// the stars that it had not seen. What was read of these is also what errors are made of. The model itself stays as it is; the new
/// labels come beside those that it reads.
///
/// ```swift
/// let adaptation = try Adaptation(reader, LabelTable(url), catalogue: "mine.csv", folder: work)
/// try adaptation.add(observations)
/// let found = try adaptation.fit()
/// try adaptation.write(found, to: URL(fileURLWithPath: "mine.safetensors"))
/// ```
public final class Adaptation {
    /// What can be chosen.
    public struct Options: Sendable {
        /// What the labels are called together.
        public var name = "own"
        /// Whose labels they are.
        public var scale: String?
        /// Folds of the stars.
        public var folds = 5
        /// Seed of folds and weights.
        public var seed: UInt64 = 42
        /// Ways that are tried; those that a model without labels cannot go are left out.
        public var methods = AdaptationMethod.allCases
        /// Stars that each instrument needs.
        public var fewest = 30

        /// The defaults.
        public init() {}
    }

    /// What was learned from the spectra of one instrument.
    public struct Result {
        /// Whose spectra they were.
        public let instrument: Instrument
        /// What is known of it.
        public var description: AdaptationDescription { labels.description }
        let labels: AdaptedLabels
    }

    /// How spectra found their rows.
    public private(set) var matches = MatchCounts()

    private let reader: StarReader
    private let table: LabelTable
    private let options: Options
    private let folder: URL
    private let catalogue: String
    /// The labels as they will be called.
    public let labels: [StellarLabel]
    private var stars: [String: AdaptationStars] = [:]
    private var places: [Int: SkyPlace] = [:]

    /// - Parameters:
    ///   - reader: of the model.
    ///   - table: labels.
    ///   - catalogue: what the table is called.
    ///   - options: folds, ways, names.
    ///   - folder: where to work; what is finished there is not done again.
    /// - Throws: `Diagnostic` where the folder cannot be made.
    public init(
        _ reader: StarReader, _ table: LabelTable, catalogue: String, options: Options = Options(), folder: URL
    ) throws {
        (self.reader, self.table, self.options, self.folder) = (reader, table, options, folder)
        self.catalogue = catalogue
        let others = reader.adaptations.filter { $0.name != options.name }.flatMap { $0.labels.map(\.label) }
        labels = Self.names(table.labels, beside: reader.modelLabels + others, options)
        for label in labels { StellarLabel.register(label) }
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw Diagnostic(folder.path, problem: "cannot be made", remedy: "choose another output")
        }
    }

    // MARK: - Stars

    /// Adds spectra; what is in no row of the table is counted and left out.
    public func add(_ observations: [Observation]) throws {
        var chosen: [(observation: Observation, row: Int)] = []
        for observation in observations {
            let match = table.match(
                LabelTable.Facts(name: observation.name, sourceID: observation.sourceID, observation.raw))
            matches.add(match, of: observation.name)
            guard case .row(let row, _) = match else { continue }
            guard table.labels.contains(where: { $0.values[row].isFinite }) else {
                matches.addUnlabelled()
                continue
            }
            if let raw = observation.raw, let ra = raw.ra, let dec = raw.dec {
                places[row] = SkyPlace(ra: ra, dec: dec)
            }
            chosen.append((observation, row))
        }
        for (key, own) in Dictionary(grouping: chosen, by: \.observation.instrument.embeddingKey) {
            let instrument = own[0].observation.instrument
            let known =
                try stars[key]
                ?? AdaptationStars(reader.model.description(of: instrument), labels: labels.map(\.name), folder: folder)
            stars[key] = known
            for start in stride(from: 0, to: own.count, by: 256) {
                let part = Array(own[start..<min(start + 256, own.count)])
                let reading = try reader.reading(part.map(\.observation), of: instrument, needsLabels: false)
                let values = part.enumerated().map { place, star in
                    zip(labels, table.labels).reduce(into: [String: Double]()) { found, label in
                        let value = label.1.values[star.row]
                        guard value.isFinite else { return }
                        let moved = label.0.movesWithStar ? reading.velocities?[place] ?? 0 : 0
                        found[label.0.name] = value - moved
                    }
                }
                try known.append(part.map(\.observation), reading, rows: part.map(\.row), labels: values)
            }
        }
    }

    /// Spectra that found a row with a label, by instrument.
    public var counts: [(instrument: Instrument, spectra: Int)] {
        stars.sorted { $0.key < $1.key }.map { ($0.value.instrument, $0.value.count) }
    }

    // MARK: - Learning

    /// Learns from the spectra of each instrument.
    /// - Parameter progress: where to report.
    /// - Throws: `Diagnostic` where there are too few stars, or groups; `Interrupted` when a stop was asked for.
    public func fit(progress: any ProgressSink = SilentProgress()) throws -> [Result] {
        let enough = stars.filter { $0.value.count >= options.fewest }.sorted { $0.key < $1.key }.map(\.value)
        guard !enough.isEmpty else { throw tooFew() }
        for few in stars.values where few.count < options.fewest {
            progress.note(
                "\(few.count) spectra of \(few.instrument.name) are too few to learn from, and are left out")
        }
        return try enough.map { stars in
            let fit = try AdaptationFit(
                stars, reader, labels: labels, catalogue: catalogue, options, groups: groups(of: stars),
                errors: errors(of: stars), folder: folder, progress: progress)
            return Result(instrument: stars.instrument, labels: try fit.run())
        }
    }

    private func tooFew() -> Diagnostic {
        let found = stars.values.map(\.count).max() ?? 0
        let remedy =
            found == 0
            ? "spectra are matched by \(table.keys): see --match" : "give at least \(options.fewest), or fewer labels"
        return Diagnostic(
            catalogue, problem: found == 0 ? "no spectrum is of one of its stars" : "\(found) spectra have labels",
            remedy: remedy)
    }

    /// The group of each spectrum: what the table says, else its row; stars within 3″ are one.
    private func groups(of stars: AdaptationStars) -> [String] {
        let own = stars.rows.map { row in table.groups.map { $0[row].isEmpty ? "row \(row)" : $0[row] } ?? "row \(row)"
        }
        return SkyPlace.joined(own, at: stars.rows.map { places[$0] ?? SkyPlace(ra: .nan, dec: .nan) })
    }

    /// Errors of the labels, per label, per spectrum; NaN where none is stated.
    private func errors(of stars: AdaptationStars) -> [[Double]] {
        table.labels.map { label in stars.rows.map { label.errors?[$0] ?? .nan } }
    }

    /// Writes a copy of the model with what was learned; sets of other names stay, one of the same name is replaced.
    /// - Parameters:
    ///   - results: what was learned.
    ///   - url: the file.
    ///   - alone: writes what was learned alone, as an addition that is read where the model lies beside it.
    public func write(_ results: [Result], to url: URL, alone: Bool = false) throws {
        var descriptions = try AdaptedLabels.descriptions(in: reader.file)
        var tensors = try reader.file.tensors(AdaptedLabels.part)
        for key in descriptions.keys where descriptions[key]?.name == options.name {
            descriptions[key] = nil
            tensors = tensors.filter { !$0.key.hasPrefix(key + ".") }
        }
        for result in results {
            let key = AdaptedLabels.key(result.instrument, options.name)
            descriptions[key] = result.description
            for (name, tensor) in result.labels.keptTensors() { tensors["\(key).\(name)"] = tensor }
        }
        let part = try ModelFilePart(
            name: AdaptedLabels.part, about: descriptions, tensors: tensors.sorted { $0.key < $1.key })
        if alone { try reader.file.write(addition: part, to: url) } else { try reader.file.write(with: part, to: url) }
    }

    // MARK: - Names

    /// Columns that a catalogue has anyway.
    private static let taken: Set<String> = ["file", "flag", "source_id", "instrument", "snr"]

    /// Labels as they will be called: as the table calls them, but for names that the catalogue of the model has already.
    private static func names(
        _ labels: [LabelTable.Label], beside model: [StellarLabel], _ options: Options
    ) -> [StellarLabel] {
        let used = taken.union(model.flatMap { [$0.name, "e_\($0.name)", "\($0.name)_16", "\($0.name)_84"] })
        return labels.map { label in
            let plain = String(label.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
                .split(separator: "_").joined(separator: "_")
            let base = plain.isEmpty ? "label" : plain
            let suffix = "_" + (options.scale?.lowercased() ?? options.name)
            let name = used.contains(base.lowercased()) ? base.lowercased() + suffix : base
            let known = StellarLabel(named: base.lowercased())
            let isKnown = known.unit != "" || known.title != known.name
            let values = label.values.filter(\.isFinite)
            // Three digits of what spectra could tell at best: a thousandth of the spread.
            let spread = max(robustSigma(values), 1e-12)
            let digits = min(max(Int((2 - log10(spread)).rounded(.up)), 0), 6)
            return StellarLabel(
                name, title: isKnown ? known.title + (options.scale.map { " (\($0))" } ?? "") : label.name,
                symbol: isKnown ? known.symbol : nil, unit: label.unit.isEmpty ? known.unit : label.unit,
                digits: max(digits, isKnown ? known.digits : 0),
                isLogarithmic: known.isLogarithmic && values.allSatisfy { $0 > 0 })
        }
    }
}
