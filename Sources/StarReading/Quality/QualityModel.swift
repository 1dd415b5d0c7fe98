import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// Reasons to mistrust what was read from a star, as bits of the column `flag`; 0 is a star without any.
public struct QualityFlags: OptionSet, Sendable, Hashable, Codable {
    /// The bits.
    public let rawValue: Int

    /// Flags from their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Less signal to noise than nearly all spectra that the model was trained on.
    public static let lowSignal = QualityFlags(rawValue: 1 << 0)
    /// More than a tenth of the pixels are missing or masked.
    public static let maskedPixels = QualityFlags(rawValue: 1 << 1)
    /// The spectrum lies where hardly any training spectrum does: not a star, or one of a kind that was not trained.
    public static let outsideDomain = QualityFlags(rawValue: 1 << 2)
    /// The model cannot draw the spectrum it was given: features that it does not know.
    public static let poorReconstruction = QualityFlags(rawValue: 1 << 3)
    /// A label, or much of its posterior, lies beyond the labels that were trained.
    public static let extrapolated = QualityFlags(rawValue: 1 << 4)
    /// The posterior of a label has two separate peaks: one value and an error do not tell it.
    public static let multimodal = QualityFlags(rawValue: 1 << 5)
    /// Two spectra say what cannot both be true of one star.
    public static let instrumentsDisagree = QualityFlags(rawValue: 1 << 6)

    /// All flags with their names and meanings, in the order of their bits.
    public static let all: [(flag: QualityFlags, name: String, meaning: String)] = [
        (.lowSignal, "low-signal", "S/N below that of nearly all training spectra"),
        (.maskedPixels, "masked-pixels", "more than 10 % of the pixels missing or masked"),
        (.outsideDomain, "outside-domain", "unlike any training spectrum"),
        (.poorReconstruction, "poor-reconstruction", "the model cannot draw the spectrum"),
        (.extrapolated, "extrapolated", "a label beyond the training labels"),
        (.multimodal, "multimodal", "a posterior with two separate peaks"),
        (.instrumentsDisagree, "instruments-disagree", "spectra of the star contradict each other"),
    ]

    /// The names of the flags that are set.
    public var names: [String] { Self.all.filter { contains($0.flag) }.map(\.name) }
}

/// Tells spectra of an instrument that a model should not be trusted with; stored in the model file.
public final class QualityModel {
    package static let part = "quality"

    /// What is stored beside the tensors.
    private struct Description: Codable {
        var features: Int
        var components: Int
        var references: Int
        var reconstruction: ReconstructionCheck?
        /// S/N that 99 % of the training spectra exceed; nil where unknown.
        var leastSNR: Double?
    }

    /// What is known of spectra beside their flux.
    public struct Circumstances {
        /// Inverse variances of the pixels, per spectrum; nil where unknown.
        public var ivar: [[Float]?]
        /// Signal to noise per pixel, NaN where unknown.
        public var snr: [Double]
        /// Shares of pixels that rest on bad or missing data.
        public var masked: [Double]

        /// - Parameters:
        ///   - ivar: inverse variances, per spectrum; nil where unknown.
        ///   - snr: signal to noise per pixel; NaN where unknown.
        ///   - masked: none when nil.
        public init(ivar: [[Float]?], snr: [Double], masked: [Double]? = nil) {
            self.ivar = ivar
            self.snr = snr
            self.masked = masked ?? snr.map { _ in 0 }
        }
    }

    private let domain: TrainingDomain
    /// What draws spectra; nil where the model's own decoder does.
    private let shapes: SpectralComponents?
    private let description: Description

    /// Learns what spectra of the training's kind look like.
    /// - Parameter heldOut: other spectra of the same kind.
    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, training: LabelledFeatures, heldOut: LabelledFeatures
    ) throws {
        domain = TrainingDomain(training.features, heldOut: heldOut.features)
        shapes =
            instrument.isDrawnByComponents && training.shown.size(0) > 1
            ? SpectralComponents(instrument.asinhScaled(training.shown)) : nil
        let known = training.snr.filter(\.isFinite).sorted()
        let device = model.device
        try shapes?.to(device)
        var residuals: [ReconstructionCheck.Residual] = []
        let rows = Tensor(heldOut.shownRows.map(Int64.init), shape: [heldOut.shownRows.count])
        let shownFeatures = heldOut.features.indexSelect(0, rows)
        for start in stride(from: 0, to: heldOut.shownRows.count, by: 256) {
            let length = min(256, heldOut.shownRows.count - start)
            let flux = try heldOut.shown.narrow(0, start: start, length: length).to(device)
            let features = try shownFeatures.narrow(0, start: start, length: length).to(device)
            let ivar = Array(heldOut.shownIvar[start..<start + length])
            residuals += try Self.residuals(model, instrument, shapes, flux, features, ivar) ?? []
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
            throw Diagnostic(
                file.url.path, problem: "the 'quality' entry of the header cannot be read; get the file anew")
        }
        guard let own = all[key] else { return nil }
        let sizes = [own.features, own.components, own.references]
        guard sizes.allSatisfy({ (1...(1 << 20)).contains($0) }), own.reconstruction?.isConsistent ?? true else {
            throw Diagnostic(
                file.url.path, problem: "the 'quality' entry of the header describes nothing possible: \(sizes)")
        }
        description = own
        domain = TrainingDomain(features: own.features, components: own.components, references: own.references)
        try file.load(domain, part: "\(Self.part).\(key)")
        try domain.to(device)
        shapes = instrument.isDrawnByComponents ? SpectralComponents(pixels: instrument.grid.count) : nil
        if let shapes {
            try file.load(shapes, part: "\(Self.shapesPart).\(key)")
            try shapes.to(device)
        }
    }

    /// How far features lie from those of the training.
    func distances(_ features: Tensor) -> [Double] { domain.distances(features) }

    /// Where features lie among those of the training, in units of their spread, `[B, K]`.
    func places(_ features: Tensor) -> Tensor { withoutGradient { domain.whitened(features) } }

    /// What speaks against each spectrum.
    /// - Parameters:
    ///   - model: with its weights.
    ///   - flux: prepared spectra, `[B, pixels]`.
    ///   - features: of the same spectra, from `SpecCLIPModel.features`.
    ///   - instrument: whose spectra they are.
    ///   - circumstances: what is known of the spectra beside the flux.
    public func flags(
        _ model: SpecCLIPModel, _ flux: Tensor, features: Tensor, from instrument: Instrument,
        _ circumstances: Circumstances
    ) throws -> [QualityFlags] {
        let distances = domain.distances(features)
        let (values, pixels) = (flux.floats(), flux.size(1))
        let shown = (0..<flux.size(0)).map { star in
            let row = values[star * pixels..<(star + 1) * pixels]
            // Straight lines across what is missing are no signal.
            guard instrument.leastCoverage != nil, let ivar = circumstances.ivar[star] else {
                return PreparedSpectrum.signalToNoise(ofFlux: row) ?? .infinity
            }
            let own = PreparedSpectrum.signalToNoise(ofFlux: zip(row, ivar).filter { $1 > 0 }.map(\.0)) ?? .infinity
            return own * Self.lineAllowance
        }
        // Where nobody tells the noise, the flux does.
        let ivar = circumstances.ivar.enumerated().map { star, own -> [Float]? in
            if let own { return own }
            let ratio = circumstances.snr[star].isFinite ? circumstances.snr[star] : shown[star]
            guard ratio > 0, ratio.isFinite else { return nil }
            return values[star * pixels..<(star + 1) * pixels].map { pow(Float(ratio) / max(abs($0), 0.1), 2) }
        }
        let residuals =
            try description.reconstruction == nil
            ? nil : Self.residuals(model, instrument, shapes, flux, features, ivar)
        return distances.indices.map { star in
            var flags: QualityFlags = []
            // Not a number is as far out as can be.
            if !(distances[star] <= 1) { flags.insert(.outsideDomain) }
            if let check = description.reconstruction, let residuals, !(check(residuals[star]) <= 1) {
                flags.insert(.poorReconstruction)
            }
            // Pure noise may come with any errors: what the flux shows counts as well.
            if let least = description.leastSNR, min(shown[star], circumstances.snr[star]) < least {
                flags.insert(.lowSignal)
            }
            if circumstances.masked[star] > 0.1 { flags.insert(.maskedPixels) }
            return flags
        }
    }

    /// Spectra less what is drawn of them, in the form in which they are drawn; nil where nothing draws.
    private static func residuals(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ shapes: SpectralComponents?, _ flux: Tensor,
        _ features: Tensor, _ ivar: [[Float]?]
    ) throws -> [ReconstructionCheck.Residual]? {
        let parts = try catchingTorchErrors {
            try withoutGradient { () throws -> (left: Tensor, scale: Tensor)? in
                if let shapes {
                    let spectra = instrument.asinhScaled(flux)
                    return (spectra - shapes.drawn(spectra), instrument.asinhSlope(flux))
                }
                guard try model.branch(instrument).decoder != nil else { return nil }
                let description = model.descriptionOfModel
                let width = description.embeddingWidth(ofKey: instrument.embeddingKey)
                let drawn = try model.translate(
                    features.narrow(1, start: 0, length: width), from: instrument, to: instrument)
                let form = description.branches.first { $0.instrument == instrument }?.reconstruction
                guard form == .standardised else { return (flux - drawn, Tensor.ones(like: flux)) }
                let standard = Standardised(flux)
                return (standard.flux - drawn, standard.std.reciprocal().expanded(flux.shape))
            }
        }
        guard let parts else { return nil }
        let (left, scale, pixels) = (parts.left.floats(), parts.scale.contiguous().floats(), flux.size(1))
        return (0..<flux.size(0)).map { star in
            let row = star * pixels..<(star + 1) * pixels
            // Of an instrument that a part of a spectrum is enough for, what is missing is no part of the comparison.
            if instrument.leastCoverage != nil, let ivar = ivar[star] {
                let seen = ivar.map { $0 > 0 }
                return .init(
                    values: zip(left[row], seen).map { $1 ? $0 : .nan },
                    errors: zip(zip(ivar, scale[row]), seen).map { $1 ? $0.1 / $0.0.squareRoot() : .nan })
            }
            let errors = ivar[star].map { ivar in
                // A pixel without weight may be anything: as if it were off by its whole flux.
                zip(ivar, scale[row]).map { $0 > 0 ? $1 / $0.squareRoot() : $1 }
            }
            return .init(values: Array(left[row]), errors: errors ?? [Float](repeating: 0, count: pixels))
        }
    }

    /// Lines count as noise where the flux alone tells it: a cool star shows half of its signal to noise, or less.
    private static let lineAllowance = 2.0

    /// Tensors of the components stand apart from those of the domain.
    private static let shapesPart = part + ".shapes"

    /// The part of a model file that holds these, by `embeddingKey`.
    package static func part(_ models: [String: QualityModel]) throws -> ModelFilePart {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let header = try encoder.encode(models.mapValues(\.description))
        return ModelFilePart(
            name: part, header: String(decoding: header, as: UTF8.self),
            tensors: models.sorted { $0.key < $1.key }.flatMap { key, model in
                model.domain.stateDictionary().map { (key + "." + $0.0, $0.1) }
                    + (model.shapes?.stateDictionary() ?? []).map { ("shapes." + key + "." + $0.0, $0.1) }
            })
    }
}

extension Instrument {
    /// Whether spectra keep their shape, of which few components tell most.
    fileprivate var isDrawnByComponents: Bool {
        if case .pixel = normalisation { true } else { false }
    }
}
