import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// What is known of stars whose spectra are asked for: what encoders made of other spectra of them, and labels.
public struct SpectrumKnowledge {
    /// Stars.
    public let count: Int
    /// Summaries of encoders by the instrument's `embeddingKey`, `[B, F]`; 0 in the rows of stars that it has not seen.
    private(set) var summaries: [String: Tensor] = [:]
    /// Whether an instrument has seen each star, and the signal to noise per pixel; NaN where unknown.
    private(set) var seen: [String: [Bool]] = [:], snr: [String: [Double]] = [:]
    /// Labels by name, in the form that is learned; NaN where unknown.
    private(set) var labels: [String: [Double]] = [:]
    /// Signal to noise per pixel of the spectra that are asked for, where they are there to be compared; NaN where unknown. Bright stars
    /// are others than faint ones.
    package private(set) var ownSNR: [Double]?

    /// Nothing is known of so many stars.
    public init(stars count: Int) { self.count = count }

    /// Adds what an encoder made of spectra.
    /// - Parameters:
    ///   - summaries: `[B, F]`; the rows of stars that were not seen do not count.
    ///   - instrument: whose spectra they are.
    ///   - seen: whether each star was seen.
    ///   - snr: signal to noise per pixel; NaN where unknown.
    mutating func add(_ summaries: Tensor, of instrument: Instrument, seen: [Bool], snr: [Double]) {
        let key = instrument.embeddingKey
        (self.summaries[key], self.seen[key], self.snr[key]) = (summaries, seen, snr)
    }

    /// Adds a label that is known.
    /// - Parameters:
    ///   - label: which it is.
    ///   - values: one a star, in its unit; NaN where unknown.
    public mutating func add(_ label: StellarLabel, _ values: [Double]) {
        labels[label.name] = values.map(label.learned)
    }

    /// Adds a label that all stars have.
    public mutating func add(_ label: StellarLabel, _ value: Double) {
        add(label, [Double](repeating: value, count: count))
    }

    /// Adds the signal to noise per pixel of the spectra that are asked for, where they are there to be compared.
    package mutating func add(ownSNR: [Double]) { self.ownSNR = ownSNR }

    /// The same of some of the stars.
    package func rows(_ rows: [Int]) -> SpectrumKnowledge {
        var found = SpectrumKnowledge(stars: rows.count)
        found.summaries = summaries.mapValues { $0.rows(rows) }
        found.seen = seen.mapValues { seen in rows.map { seen[$0] } }
        found.snr = snr.mapValues { snr in rows.map { snr[$0] } }
        found.labels = labels.mapValues { values in rows.map { values[$0] } }
        found.ownSNR = ownSNR.map { snr in rows.map { snr[$0] } }
        return found
    }

    /// The same without what an instrument saw, but for its signal to noise: for comparing with it.
    package func without(_ instrument: Instrument) -> SpectrumKnowledge {
        var found = self
        let key = instrument.embeddingKey
        found.ownSNR = snr[key]
        (found.summaries[key], found.seen[key], found.snr[key]) = (nil, nil, nil)
        return found
    }

    /// The same without any spectra.
    package func withoutSpectra() -> SpectrumKnowledge {
        var found = self
        (found.summaries, found.seen, found.snr) = ([:], [:], [:])
        return found
    }

    /// The same without labels.
    package func withoutLabels() -> SpectrumKnowledge {
        var found = self
        found.labels = [:]
        return found
    }

    /// The instruments that saw stars, by their `embeddingKey`, and the labels that are known, in the order of their names.
    package var instruments: [String] { summaries.keys.sorted() }
    /// The labels that are known, in the order of their names.
    package var labelNames: [String] { labels.keys.sorted() }

    /// Summaries in units of their spread among these stars, and those of others likewise, `[N, F]`; nil where there are none.
    package func standardisedSummaries(like others: SpectrumKnowledge) -> (stars: Tensor, queries: Tensor)? {
        let keys = instruments.filter { others.summaries[$0] != nil }
        guard !keys.isEmpty else { return nil }
        let own = Tensor.cat(keys.compactMap { summaries[$0] }, dim: 1)
        let queries = Tensor.cat(keys.compactMap { others.summaries[$0] }, dim: 1)
        let centre = own.mean(dims: [0], keepDims: true)
        let scale = own.std(dim: 0, unbiased: false, keepDims: true).clamp(min: 1e-6)
        return ((own - centre) / scale, (queries - centre) / scale)
    }

    /// A constant, labels in units of their spread, their squares and products, of these stars and of others, `[N, Q]`; unknown labels
    /// are at their mean. Nil where there are none.
    package func quadraticLabels(like others: SpectrumKnowledge) -> (stars: Tensor, queries: Tensor)? {
        let names = labelNames.filter { others.labels[$0] != nil }
        guard !names.isEmpty else { return nil }
        let scales = names.map { name -> (mean: Double, std: Double) in
            let values = (labels[name] ?? []).filter(\.isFinite)
            let mean = values.reduce(0, +) / Double(max(1, values.count))
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))
            return (mean, max(variance.squareRoot(), 1e-6))
        }
        func design(_ known: SpectrumKnowledge) -> Tensor {
            let rows = (0..<known.count).flatMap { star -> [Float] in
                let own = zip(names, scales).map { name, scale -> Float in
                    let value = known.labels[name]?[star] ?? .nan
                    return value.isFinite ? Float((value - scale.mean) / scale.std) : 0
                }
                return [1] + own + own.indices.flatMap { i in (i..<own.count).map { own[i] * own[$0] } }
            }
            return Tensor(rows, shape: [known.count, known.count > 0 ? rows.count / known.count : 0])
        }
        return (design(self), design(others))
    }
}

/// Stars of a data set with what is known of them, and what instruments saw of them, at rest.
package struct ObservedKnowledge {
    /// What is known.
    package private(set) var known: SpectrumKnowledge
    /// Prepared flux and inverse variance by the instrument's `embeddingKey`, `[N, P]`; 0 in the rows of stars that it has not seen.
    package private(set) var flux: [String: Tensor] = [:], ivar: [String: Tensor] = [:]
    /// Signal to noise of these, per pixel.
    package func signalToNoise(of instrument: Instrument) -> [Double] { known.snr[instrument.embeddingKey] ?? [] }
    /// The stars that an instrument has seen.
    package func rows(seenBy instrument: Instrument) -> [Int] {
        known.seen[instrument.embeddingKey].map { seen in seen.indices.filter { seen[$0] } } ?? []
    }

    private static let block = 256

    /// - Parameters:
    ///   - reader: of the model.
    ///   - data: stars.
    ///   - split: which of them.
    ///   - labels: to be taken from the data set where it has them.
    ///   - limit: at most so many stars, evenly sampled.
    package init(
        _ reader: StarReader, _ data: PairedDataSet, _ split: Split, labels: [StellarLabel], limit: Int = .max
    ) throws {
        let chosen = (0..<data.count(split)).evenlySampled(limit)
        known = SpectrumKnowledge(stars: chosen.count)
        for label in labels where data.labelNames.contains(label.name) {
            let all = try data.labels(label.name, split: split)
            known.add(label, chosen.map { all[$0] })
        }
        for instrument in reader.instruments where data.has(instrument) && !chosen.isEmpty {
            try add(instrument, reader, SpectrumRows(data, instrument, split, withErrors: true), chosen)
        }
    }

    private mutating func add(
        _ instrument: Instrument, _ reader: StarReader, _ rows: SpectrumRows, _ chosen: [Int]
    ) throws {
        let (count, pixels) = (chosen.count, instrument.grid.count)
        let width = reader.model.descriptionOfModel.summaryWidth(of: instrument)
        let all = Set(rows.seen)
        let isSeen = Set(chosen.indices.filter { all.contains(chosen[$0]) })
        var (flux, ivar, summaries): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
        var snr = [Double](repeating: .nan, count: count)
        for start in stride(from: 0, to: count, by: Self.block) {
            try Interruption.check()
            let block = Array(start..<min(start + Self.block, count))
            let own = block.filter(isSeen.contains)
            func spread(_ tensor: Tensor) -> Tensor {
                guard own.count < block.count else { return tensor }
                var places = [Int64](repeating: Int64(own.count), count: block.count)
                for (place, row) in own.enumerated() { places[row - start] = Int64(place) }
                let none = Tensor.zeros([1, tensor.size(1)])
                return Tensor.cat([tensor, none], dim: 0).indexSelect(0, Tensor(places, shape: [places.count]))
            }
            guard !own.isEmpty else {
                flux.append(Tensor.zeros([block.count, pixels]))
                ivar.append(Tensor.zeros([block.count, pixels]))
                summaries.append(Tensor.zeros([block.count, width]))
                continue
            }
            let wanted = own.map { chosen[$0] }
            let stored = try rows.spectra(wanted)
            for (place, row) in own.enumerated() { snr[row] = stored.signalToNoise(ofRow: place) ?? .nan }
            let resting = try reader.atRest(
                try rows.batch(wanted, for: reader.model.inputs(of: instrument).union(.ivar)), of: instrument)
            flux.append(spread(resting.spectra.flux))
            ivar.append(spread(resting.spectra.ivar ?? Tensor.zeros(like: resting.spectra.flux)))
            summaries.append(spread(resting.summaries))
        }
        let key = instrument.embeddingKey
        self.flux[key] = Tensor.cat(flux, dim: 0)
        self.ivar[key] = Tensor.cat(ivar, dim: 0)
        known.add(
            Tensor.cat(summaries, dim: 0), of: instrument, seen: (0..<count).map(isSeen.contains), snr: snr)
    }
}

extension ModelDescription {
    /// Numbers of an encoder's summary.
    func summaryWidth(of instrument: Instrument) -> Int {
        branches.first { $0.instrument.embeddingKey == instrument.embeddingKey }?.encoder.featureWidth ?? 0
    }
}

extension StarReader {
    /// Prepared spectra brought to rest, on the CPU, with the encoder's summaries of them, `[B, F]`.
    func atRest(
        _ spectra: SpectrumBatch, of instrument: Instrument
    ) throws -> (spectra: SpectrumBatch, summaries: Tensor) {
        try catchingTorchErrors {
            let input = try spectra.to(device)
            let rest = readsLabels ? try labels().restFrame(model, instrument) : nil
            let resting = try rest?(input, of: instrument)
            let features = try resting?.features ?? withoutGradient { try model.features(input, from: instrument) }
            let width = model.descriptionOfModel.summaryWidth(of: instrument)
            let summaries = features.narrow(1, start: features.size(1) - width, length: width)
            return (try (resting?.spectra ?? input).to(.cpu), try summaries.to(.cpu))
        }
    }
}
