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

    /// Writes what draws spectra of some instruments, with what draws those of the others: into the file that holds it, or a new one of its
    /// own. Normal stars are judged by what draws their spectra, and are left out.
    /// - Parameters:
    ///   - generators: new ones.
    ///   - keepsNormalStars: whether these are judged as before.
    ///   - url: the file.
    public func write(_ generators: [SpectrumGenerator], keepsNormalStars: Bool = false, to url: URL) throws {
        let new = Set(generators.map(\.about.instrument))
        let kept = try instruments.filter { !new.contains($0.embeddingKey) }.compactMap(generator)
        let (holder, part) = (try spectraFile(), try SpectrumGenerator.part(generators + kept))
        guard holder.url != holder.modelURL else { return try file.write(addition: part, to: url) }
        try holder.write(adding: part, without: keepsNormalStars ? [] : [NormalStars.part], to: url)
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
            let ivar = resting.spectra.ivar ?? Tensor.zeros(like: flux)
            return (places, try generator.distribution(known).given(flux, ivar: Self.completed(ivar, of: own, flux)))
        }
    }

    /// Inverse variances of observations, from their signal to noise where they state none.
    static func completed(_ ivar: Tensor, of observations: [Observation], _ flux: Tensor) -> Tensor {
        let pixels = flux.size(1)
        let valid = observations.flatMap { observation -> [Float] in
            let bad = observation.prepared.mask
            return bad.count == pixels ? bad.map { $0 ? 0 : 1 } : [Float](repeating: 1, count: pixels)
        }
        return completed(
            ivar, flux, valid: Tensor(valid, shape: [observations.count, pixels]),
            snr: observations.map { $0.prepared.snr ?? .nan })
    }

    /// Inverse variances, from the signal to noise where a spectrum states none, `[B, P]`.
    /// - Parameters:
    ///   - ivar: as stated, `[B, P]`; all 0 in the rows of spectra that state none.
    ///   - flux: `[B, P]`.
    ///   - valid: 1 where a pixel has data, else 0, `[B, P]`.
    ///   - snr: signal to noise per pixel; NaN where unknown: such spectra tell nothing.
    static func completed(_ ivar: Tensor, _ flux: Tensor, valid: Tensor, snr: [Double]) -> Tensor {
        let isStated = ivar.max(dims: [1], keepDims: true).gt(0)
        let squares = Tensor(snr.map { $0 > 0 ? Float($0 * $0) : 0 }, shape: [snr.count, 1])
        return ivar.where(isStated, squares / flux.abs().clamp(min: 1e-3).square() * valid)
    }
}
