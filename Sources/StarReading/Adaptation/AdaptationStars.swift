import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// The spectra of one instrument that labels of somebody's own are learned from: what the model reads of them in memory, the spectra
/// themselves on disk.
final class AdaptationStars {
    let instrument: Instrument
    /// The labels that the model reads, but for velocities.
    private(set) var known: [StellarLabel] = []
    /// The row of the catalogue that each spectrum is of.
    private(set) var rows: [Int] = []
    private(set) var names: [String] = []
    private var snr: [Double] = []
    private var features: [Tensor] = [], values: [Tensor] = []
    /// Numbers of the encoder's summary.
    private let width: Int
    private let writer: PairedDataSetWriter
    private let url: URL

    init(_ branch: BranchDescription, labels: [String], folder: URL) throws {
        (instrument, width) = (branch.instrument, branch.encoder.featureWidth)
        url = folder.appending(path: "stars-\(instrument.name).h5")
        writer = try PairedDataSetWriter(
            creating: url, instruments: [instrument], labels: labels, tier: "own-labels", force: true)
    }

    var count: Int { rows.count }

    /// Adds spectra.
    /// - Parameters:
    ///   - observations: of one instrument, in the order of the reading.
    ///   - rows: of the catalogue.
    ///   - labels: of each spectrum by name, in their units; what is missing is left out.
    func append(
        _ observations: [Observation], _ reading: LabelInference.Reading, rows: [Int], labels: [[String: Double]]
    ) throws {
        let own = reading.stars.first?.estimates.prefix(reading.ownLabels) ?? []
        known = own.map(\.label).filter { !$0.movesWithStar }
        let input = AdaptationInput(
            reading, snr: observations.map { $0.prepared.snr ?? .nan }, width: width)
        features.append(try input.features.to(.cpu))
        values.append(input.known)
        snr += input.snr
        self.rows += rows
        // A model file goes to others: folders of this machine are none of their business.
        names += observations.map {
            $0.sourceID.isEmpty ? URL(fileURLWithPath: $0.name).lastPathComponent : $0.sourceID
        }
        let pixels = instrument.grid.count
        let flux = try reading.spectra.flux.to(.cpu).floats()
        let ivar = try reading.spectra.ivar?.to(.cpu).floats()
        let key = instrument.dataSetKey
        try writer.append(
            split: .train,
            rows: observations.indices.map { star in
                let range = star * pixels..<(star + 1) * pixels
                let own = ivar.map { Array($0[range]) } ?? observations[star].knownIvar
                let isKnown = own?.contains { $0 > 0 } ?? false
                return PairedRow(
                    sourceID: names[names.count - observations.count + star], flux: [key: Array(flux[range])],
                    ivar: isKnown ? [key: own ?? []] : [:], labels: labels[star])
            })
    }

    /// All of them.
    func finished() throws -> (data: PairedDataSet, features: Tensor, known: Tensor, snr: [Double]) {
        try writer.finish()
        return (
            try PairedDataSet(opening: url), Tensor.cat(features, dim: 0), Tensor.cat(values, dim: 0), snr
        )
    }
}
