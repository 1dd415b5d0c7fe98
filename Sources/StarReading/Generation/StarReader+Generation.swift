import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

extension StarReader {
    /// What draws spectra of an instrument as distributions: part of the model file, or of a file beside it that is called as the model
    /// is, with `-spectra`. Nil where there is neither.
    /// - Throws: `Diagnostic` where it is damaged, or of another model.
    public func generator(of target: Instrument) throws -> SpectrumGenerator? {
        try SpectrumGenerator(spectraFile(), of: target)
    }

    /// The file that holds what draws spectra: the model's own, or the one beside it.
    func spectraFile() throws -> ModelFile {
        guard file.header(SpectrumGenerator.part) == nil else { return file }
        let model = file.modelURL
        let beside = model.deletingPathExtension().path + "-" + SpectrumGenerator.part + "." + model.pathExtension
        guard FileManager.default.fileExists(atPath: beside) else { return file }
        return try ModelFile(contentsOf: URL(fileURLWithPath: beside))
    }

    /// How far features lie from those of the training, in units of what 99 % of held-out stars keep; nil where the model does not know.
    func distances(_ reading: LabelInference.Reading, of instrument: Instrument) -> [Double]? {
        inference.distances(reading.features, of: instrument)
    }

    /// Where features lie among those of the training, in units of their spread, `[B, K]`; nil where the model does not know.
    func places(_ reading: LabelInference.Reading, of instrument: Instrument) -> Tensor? {
        inference.places(reading.features, of: instrument)
    }

    /// The spectra that stars may have, at rest, given what was observed of them: by another instrument, or by the target itself, which
    /// is then denoised and has its gaps filled.
    /// - Parameters:
    ///   - observations: one row each.
    ///   - generator: of the target's spectra.
    ///   - target: the instrument.
    ///   - given: labels that are known beside, all stars the same.
    /// - Returns: per instrument of the observations, their places and distributions.
    public func distributions(
        _ observations: [Observation], by generator: SpectrumGenerator, to target: Instrument,
        given: [(label: StellarLabel, value: Double)] = []
    ) throws -> [(places: [Int], spectra: SpectrumDistribution)] {
        try byInstrument(observations).map { instrument, places in
            let own = places.map { observations[$0] }
            var known = SpectrumKnowledge(stars: own.count)
            for (label, value) in given { known.add(label, value) }
            let isOwn = instrument == target
            let resting = try atRest(
                batch(own, of: instrument, adding: isOwn ? .ivar : []), of: instrument)
            guard isOwn else {
                known.add(
                    resting.summaries, of: instrument, seen: own.map { _ in true },
                    snr: own.map { $0.prepared.snr ?? .nan })
                return (places, try generator.distribution(known))
            }
            let flux = resting.spectra.flux
            let ivar = try resting.spectra.ivar ?? Tensor.zeros(like: flux)
            return (places, try generator.distribution(known).given(flux, ivar: Self.completed(ivar, of: own, flux)))
        }
    }

    /// Inverse variances, from the scatter of neighbouring pixels where a spectrum tells none.
    static func completed(_ ivar: Tensor, of observations: [Observation], _ flux: Tensor) throws -> Tensor {
        let pixels = flux.size(1)
        let rows = observations.enumerated().map { star, observation -> Tensor in
            let own = ivar.select(0, star)
            guard own.max().item() <= 0, let snr = observation.prepared.snr, snr > 0 else { return own }
            let bad = observation.prepared.mask
            let level = flux.select(0, star).abs().clamp(min: 1e-3)
            let all = (level.square() / (snr * snr)).reciprocal()
            guard bad.count == pixels else { return all }
            return all * Tensor(bad.map { $0 ? Float(0) : 1 }, shape: [pixels])
        }
        return Tensor.stack(rows, dim: 0)
    }
}
