import Foundation
import SpecCLIP
import Spectra
import Torch

/// From embeddings to spectra, in the flux that an instrument prepares, whatever form the decoder gives.
struct Translator {
    private let loaded: LoadedModel

    init(_ loaded: LoadedModel) { self.loaded = loaded }

    /// The instrument called `name` among those of the model.
    func instrument(named name: String) throws -> Instrument {
        let known = loaded.model.instruments
        if let found = known.first(where: { $0.name == name.lowercased() || $0.embeddingKey == name }) { return found }
        throw CommandError(
            subject: "--to \(name)", problem: "the model does not predict it",
            remedy: "it knows " + known.map(\.name).joined(separator: ", "))
    }

    /// The spectra of stars as `target` would see them; for stars that it did see, their reconstruction.
    ///
    /// - Parameter embeddings: `[stars, d]`, one row a star.
    /// - Returns: flux row by row, `target.grid.count` values a star.
    func spectra(_ stars: [Star], _ embeddings: Tensor, to target: Instrument) throws -> [Float] {
        let pixels = target.grid.count
        var flux = [Float](repeating: .nan, count: stars.count * pixels)
        for source in loaded.model.instruments {
            let own = stars.indices.filter { stars[$0].instrument == source }
            guard !own.isEmpty else { continue }
            let rows = try embeddings.indexSelect(0, Tensor(own.map { Int64($0) }, shape: [own.count])).to(
                loaded.device)
            let found = try catchingTorchErrors {
                try withoutGradient { try loaded.model.translate(rows, from: source, to: target) }
            }.to(.cpu).floats()
            for (row, star) in own.enumerated() {
                let spectrum = found[row * pixels..<(row + 1) * pixels]
                let isStandardised = source == target && reconstruction(of: target) == .standardised
                flux.replaceSubrange(
                    star * pixels..<(star + 1) * pixels,
                    with: isStandardised ? Self.restored(spectrum, like: stars[star].prepared.flux) : Array(spectrum))
            }
        }
        return flux
    }

    private func reconstruction(of instrument: Instrument) -> ReconstructionTarget {
        loaded.model.descriptionOfModel.branches.first { $0.instrument == instrument }?.reconstruction ?? .prepared
    }

    /// A standardised spectrum with the mean and the standard deviation of the one it reconstructs.
    private static func restored(_ spectrum: ArraySlice<Float>, like flux: [Float]) -> [Float] {
        let count = Double(max(2, flux.count))
        let mean = flux.reduce(0) { $0 + Double($1) } / count
        let variance = flux.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / (count - 1)
        return spectrum.map { Float(Double($0) * variance.squareRoot() + mean) }
    }
}
