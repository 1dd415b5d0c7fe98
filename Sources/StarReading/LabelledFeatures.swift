import Datasets
import Foundation
import Simulation
import SpecCLIP
import Spectra
import Support
import Torch

/// Features of a split's spectra with their labels, in memory: what posteriors learn from.
struct LabelledFeatures: Sendable {
    /// `[N, F]`, see `SpecCLIPModel.features`.
    private(set) var features: Tensor
    /// Some of the spectra as they were shown, evenly sampled, `[n, pixels]`, and which rows they are.
    private(set) var shown: Tensor, shownRows: [Int]
    /// Their inverse variances; nil where unknown.
    private(set) var shownIvar: [[Float]?]
    /// Per label, per row, as they are learned (log10 where `StellarLabel.isLogarithmic`); NaN where missing.
    private(set) var labels: [[Double]]
    /// Errors of the labels (`e_` + name), in the same form; NaN where the data set tells none.
    private(set) var errors: [[Double]]
    /// Signal to noise per pixel; NaN where unknown.
    private(set) var snr: [Double]
    /// Which star each row is of: a spectrum that is shown anew is of the same one.
    private(set) var sources: [String]

    var count: Int { features.shape[0] }

    /// Spectra that are kept.
    private static let keptSpectra = 2048

    /// - Parameters:
    ///   - chosen: rows of the split; nil for all that the instrument has seen.
    ///   - augmentation: how spectra are changed; nil takes them as they are, once.
    ///   - leastRows: spectra are shown as often as it takes to get so many rows, each time changed anew.
    ///   - rest: brings spectra to rest first; their radial velocity is then what is left.
    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, names: [String],
        chosen: [Int]? = nil, augmentation: Augmentation?, leastRows: Int, seed: UInt64, rest: RestFrame? = nil
    ) throws {
        let rows = try AugmentedRows(data, instrument, split, augmentation)
        let identifiers = try data.sourceIDs(split)
        let known = try names.map { try data.labels($0, split: split) }
        let stated = try names.map { name in
            data.labelNames.contains("e_" + name) ? try data.labels("e_" + name, split: split) : nil
        }
        let (seen, inputs) = (chosen ?? rows.seen, model.inputs(of: instrument))
        let passes = augmentation == nil || seen.isEmpty ? 1 : max(1, (leastRows + seen.count - 1) / seen.count)
        var (labels, errors) = (names.map { _ in [Double]() }, names.map { _ in [Double]() })
        var (snr, sources): ([Double], [String]) = ([], [])
        var (parts, shown): ([Tensor], [Tensor]) = ([], [])
        let isKept = Set((0..<passes * seen.count).evenlySampled(Self.keptSpectra))
        var (shownRows, shownIvar): ([Int], [[Float]?]) = ([], [])
        for pass in 0..<passes {
            parts.append(
                try model.features(seen.count, of: instrument) { places in
                    var random = StepRandom(seed, UInt64(pass), UInt64(places.first ?? 0), 0xFEA7)
                    let wanted = places.map { seen[$0] }
                    let batch = try rows.batch(wanted, random: &random)
                    let observed = batch.spectra(for: inputs)
                    let resting = try rest?(observed, of: instrument)
                    let spectra = resting?.spectra ?? observed
                    let flux = spectra.flux
                    let kept = wanted.indices.filter { isKept.contains(snr.count + $0) }
                    shown.append(flux.indexSelect(0, Tensor(kept.map(Int64.init), shape: [kept.count])))
                    shownRows += kept.map { snr.count + $0 }
                    shownIvar += kept.map { batch.ivar[$0] }
                    snr += batch.snr
                    sources += wanted.map { identifiers[$0] }
                    for (i, name) in names.enumerated() {
                        let label = StellarLabel(named: name)
                        for (place, row) in wanted.enumerated() {
                            let removed = name == RadialVelocity.label ? resting?.velocities[place] ?? 0 : 0
                            let value = known[i][row] + (batch.changes[place][name] ?? 0) - removed
                            let error = stated[i]?[row] ?? .nan
                            labels[i].append(label.learned(value))
                            errors[i].append(label.isLogarithmic ? error / value / log(10) : error)
                        }
                    }
                    return spectra
                })
        }
        features = Tensor.cat(parts, dim: 0)
        self.shown = shown.isEmpty ? Tensor.zeros([0, instrument.grid.count]) : Tensor.cat(shown, dim: 0)
        (self.labels, self.errors, self.snr, self.sources) = (labels, errors, snr, sources)
        (self.shownRows, self.shownIvar) = (shownRows, shownIvar)
    }

    /// The rows of several, one after the other.
    static func joined(_ parts: [LabelledFeatures]) -> LabelledFeatures? {
        guard var all = parts.first else { return nil }
        guard parts.count > 1 else { return all }
        for part in parts.dropFirst() {
            all.shownRows += part.shownRows.map { all.snr.count + $0 }
            all.shownIvar += part.shownIvar
            all.labels = zip(all.labels, part.labels).map { $0 + $1 }
            all.errors = zip(all.errors, part.errors).map { $0 + $1 }
            all.snr += part.snr
            all.sources += part.sources
        }
        all.features = Tensor.cat(parts.map(\.features), dim: 0)
        all.shown = Tensor.cat(parts.map(\.shown), dim: 0)
        return all
    }
}
