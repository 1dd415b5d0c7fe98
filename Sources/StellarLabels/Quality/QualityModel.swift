import Foundation
import SpecCLIP
import Spectra
import Torch
import Training

/// Tells spectra of an instrument that a model should not be trusted with; stored in the model file.
public final class QualityModel {
    static let part = "quality"

    /// What is stored beside the tensors of the domain.
    private struct Description: Codable {
        var features: Int
        var components: Int
        var references: Int
        var reconstruction: ReconstructionCheck?
        /// S/N that 99 % of the training spectra exceed; nil where unknown.
        var leastSNR: Double?
    }

    private let domain: TrainingDomain
    private let description: Description

    /// Learns what spectra of the training's kind look like.
    /// - Parameter heldOut: other spectra of the same kind.
    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, training: LabelledFeatures, heldOut: LabelledFeatures
    ) throws {
        domain = TrainingDomain(training.features, heldOut: heldOut.features)
        let known = training.snr.filter(\.isFinite).sorted()
        let device = model.parameters().first?.parameter.value.device ?? .cpu
        var residuals: [[Float]] = []
        let shownRows = Tensor(heldOut.shownRows.map(Int64.init), shape: [heldOut.shownRows.count])
        let shownFeatures = heldOut.features.indexSelect(0, shownRows)
        for start in stride(from: 0, to: heldOut.shownRows.count, by: 256) {
            let length = min(256, heldOut.shownRows.count - start)
            let flux = try heldOut.shown.narrow(0, start: start, length: length).to(device)
            let features = try shownFeatures.narrow(0, start: start, length: length).to(device)
            residuals += try Self.residuals(model, flux, features, instrument) ?? []
        }
        description = Description(
            features: training.features.shape[1], components: domain.projection.value.shape[1],
            references: domain.reference.value.shape[0],
            reconstruction: residuals.isEmpty ? nil : ReconstructionCheck(residuals),
            leastSNR: known.isEmpty ? nil : known[known.count / 100])
    }

    /// Reads what a model file holds for an instrument; nil where it holds nothing.
    public init?(_ file: ModelFile, _ instrument: Instrument, device: Device = .cpu) throws {
        guard let text = file.header(Self.part) else { return nil }
        let key = instrument.embeddingKey
        guard let all = try? JSONDecoder().decode([String: Description].self, from: Data(text.utf8)) else {
            throw ModelError.file(
                path: file.url.path, problem: "the 'quality' entry of the header cannot be read; get the file anew")
        }
        guard let own = all[key] else { return nil }
        let sizes = [own.features, own.components, own.references]
        guard sizes.allSatisfy({ (1...(1 << 20)).contains($0) }) else {
            throw ModelError.file(
                path: file.url.path, problem: "the 'quality' entry of the header describes nothing possible: \(sizes)")
        }
        description = own
        domain = TrainingDomain(features: own.features, components: own.components, references: own.references)
        try file.load(domain, part: "\(Self.part).\(key)")
        try domain.to(device)
    }

    /// What speaks against each spectrum.
    /// - Parameters:
    ///   - flux: prepared spectra, `[B, pixels]`.
    ///   - features: of the same spectra, from `SpecCLIPModel.features`.
    ///   - snr: signal to noise per pixel, NaN where unknown.
    ///   - masked: shares of pixels that rest on bad or missing data.
    public func flags(
        _ model: SpecCLIPModel, _ flux: Tensor, features: Tensor, from instrument: Instrument, snr: [Double],
        masked: [Double]
    ) throws -> [QualityFlags] {
        let distances = domain.distances(features)
        let (values, pixels) = (flux.floats(), flux.size(1))
        let rows = (0..<flux.size(0)).map { values[$0 * pixels..<($0 + 1) * pixels] }
        // Where nobody tells the noise, what the flux shows of it is the least that a pure noise must not pass by.
        let ratios = snr.enumerated().map { star, ratio in
            ratio.isFinite ? ratio : PreparedSpectrum.signalToNoise(ofFlux: rows[star]) ?? ratio
        }
        let residuals = try description.reconstruction == nil ? nil : Self.residuals(model, flux, features, instrument)
        return distances.indices.map { star in
            var flags: QualityFlags = []
            // Not a number is as far out as can be.
            if !(distances[star] <= 1) { flags.insert(.outsideDomain) }
            if let check = description.reconstruction, let residuals, !(check(residuals[star]) <= 1) {
                flags.insert(.poorReconstruction)
            }
            if let least = description.leastSNR, ratios[star] < least { flags.insert(.lowSignal) }
            if masked[star] > 0.1 { flags.insert(.maskedPixels) }
            return flags
        }
    }

    /// Spectra less what the model draws of them, in the form in which it draws; nil where it draws nothing.
    private static func residuals(
        _ model: SpecCLIPModel, _ flux: Tensor, _ features: Tensor, _ instrument: Instrument
    ) throws -> [[Float]]? {
        guard try model.branch(instrument).decoder != nil else { return nil }
        let description = model.descriptionOfModel
        let isStandardised =
            description.branches.first { $0.instrument == instrument }?.reconstruction == .standardised
        let width = description.embeddingWidth(ofKey: instrument.embeddingKey)
        let residual = try catchingTorchErrors {
            try withoutGradient {
                let drawn = try model.translate(
                    features.narrow(1, start: 0, length: width), from: instrument, to: instrument)
                return try ((isStandardised ? Standardised(flux).flux : flux) - drawn).to(.cpu)
            }
        }
        let (pixels, values) = (residual.shape[1], residual.floats())
        return (0..<residual.shape[0]).map { Array(values[$0 * pixels..<($0 + 1) * pixels]) }
    }

    /// The part of a model file that holds these, by `embeddingKey`.
    static func part(_ models: [String: QualityModel]) throws -> ModelFilePart {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let header = try encoder.encode(models.mapValues(\.description))
        return ModelFilePart(
            name: part, header: String(decoding: header, as: UTF8.self),
            tensors: models.sorted { $0.key < $1.key }.flatMap { key, model in
                model.domain.stateDictionary().map { (key + "." + $0.0, $0.1) }
            })
    }
}
