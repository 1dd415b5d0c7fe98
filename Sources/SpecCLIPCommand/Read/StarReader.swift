import SpecCLIP
import Spectra
import StellarLabels
import Torch

/// Reads the labels of stars, with what speaks against them.
struct StarReader {
    private let loaded: LoadedModel
    private let labels: LabelReader
    /// By the instrument's `embeddingKey`; none in models without posteriors.
    private let quality: [String: QualityModel]

    /// - Parameter draws: samples of each posterior; the reader's own number when nil.
    init(_ loaded: LoadedModel, draws: Int? = nil) throws {
        self.loaded = loaded
        var labels = try LabelReader(loaded.file, device: loaded.device)
        if let draws { labels.draws = draws }
        self.labels = labels
        var quality: [String: QualityModel] = [:]
        for instrument in loaded.model.instruments {
            quality[instrument.embeddingKey] = try QualityModel(loaded.file, instrument, device: loaded.device)
        }
        self.quality = quality
    }

    /// What is read from some instrument, in the order of a catalogue.
    var allLabels: [StellarLabel] { labels.allLabels }

    /// What was read from each star, whatever their instruments.
    func read(_ stars: [Star]) throws -> [StarLabels] {
        var found = [StarLabels](repeating: StarLabels(), count: stars.count)
        var seen: Set<String> = []
        for instrument in stars.map(\.instrument) where seen.insert(instrument.name).inserted {
            let own = stars.indices.filter { stars[$0].instrument == instrument }
            for (place, labels) in zip(own, try read(own.map { stars[$0] }, of: instrument)) { found[place] = labels }
        }
        return found
    }

    private func read(_ stars: [Star], of instrument: Instrument) throws -> [StarLabels] {
        let flux = try loaded.flux(stars, of: instrument)
        let features = try catchingTorchErrors {
            try withoutGradient { try loaded.model.features(flux, from: instrument) }
        }
        let snr = stars.map { $0.prepared.snr ?? .nan }
        var found = try catchingTorchErrors { try labels.read(features, from: instrument, snr: snr) }
        guard let judge = quality[instrument.embeddingKey] else { return found }
        let masked = stars.map { star in
            Double(star.prepared.mask.count { $0 }) / Double(max(1, star.prepared.mask.count))
        }
        let flags = try judge.flags(loaded.model, flux, features: features, from: instrument, snr: snr, masked: masked)
        for (star, doubts) in flags.enumerated() { found[star].flags.formUnion(doubts) }
        return found
    }
}
