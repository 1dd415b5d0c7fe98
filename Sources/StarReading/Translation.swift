import Foundation
import SpecCLIP
import Spectra
import Torch

/// From embeddings to spectra, in the flux that an instrument prepares, whatever form the decoder gives.
extension StarReader {
    /// The spectra of stars as `target` would see them; for stars that it did see, their reconstruction.
    ///
    /// - Parameters:
    ///   - observations: one row each.
    ///   - embeddings: of the observations, `[observations, d]`, as ``embed(_:)`` gives them.
    ///   - target: whose spectrum is predicted.
    /// - Returns: flux row by row, `target.grid.count` values an observation.
    public func translate(
        _ observations: [Observation], _ embeddings: Tensor, to target: Instrument
    ) throws -> [Float] {
        let pixels = target.grid.count
        var flux = [Float](repeating: .nan, count: observations.count * pixels)
        for (source, places) in byInstrument(observations) {
            let rows = try embeddings.indexSelect(0, Tensor(places.map { Int64($0) }, shape: [places.count])).to(device)
            let found = try catchingTorchErrors {
                try withoutGradient { try model.translate(rows, from: source, to: target) }
            }.to(.cpu).floats()
            for (row, place) in places.enumerated() {
                let spectrum = found[row * pixels..<(row + 1) * pixels]
                let isStandardised = source == target && reconstruction(of: target) == .standardised
                flux.replaceSubrange(
                    place * pixels..<(place + 1) * pixels,
                    with: isStandardised
                        ? Self.restored(spectrum, like: observations[place].prepared.flux) : Array(spectrum))
            }
        }
        return flux
    }

    private func reconstruction(of instrument: Instrument) -> ReconstructionTarget {
        model.descriptionOfModel.branches.first { $0.instrument == instrument }?.reconstruction ?? .prepared
    }

    /// A standardised spectrum with the mean and the standard deviation of the one it reconstructs.
    private static func restored(_ spectrum: ArraySlice<Float>, like flux: [Float]) -> [Float] {
        let count = Double(max(2, flux.count))
        let mean = flux.reduce(0) { $0 + Double($1) } / count
        let variance = flux.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / (count - 1)
        return spectrum.map { Float(Double($0) * variance.squareRoot() + mean) }
    }
}

extension StarReader {
    /// The spectrum of an instrument that an embedding stands for, as the model itself draws it.
    /// - Parameters:
    ///   - embedding: of that instrument's spectra, `[1, d]`; its private part may be missing where the model has none.
    ///   - instrument: whose spectrum it is.
    /// - Returns: flux, `instrument.grid.count` values, prepared or standardised as the decoder gives it.
    /// - Throws: `Diagnostic` where the model has no decoder, or the embedding lacks what it reads.
    package func reconstruction(of embedding: Tensor, as instrument: Instrument) throws -> [Float] {
        try catchingTorchErrors {
            try withoutGradient { try model.translate(embedding.to(device), from: instrument, to: instrument) }
        }.to(.cpu).floats()
    }

    /// What the flux of ``reconstruction(of:as:)`` was divided by, in words.
    package func reconstructionScale(of instrument: Instrument) -> String {
        reconstruction(of: instrument) == .standardised
            ? "mean and standard deviation" : instrument.normalisation.divisor
    }
}
