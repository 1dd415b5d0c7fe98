import Foundation
import Instruments
import SpecCLIP
import Spectra
import Torch
@testable import StarReading

/// A model of the tiny preset's make with untrained weights: enough for everything but sensible numbers.
enum TinyModel {
    /// Writes it, with label heads unless told otherwise.
    static func write(to url: URL, withLabels: Bool = true) throws {
        let configuration = try Configuration(named: "tiny")
        let branches = try configuration.resolvedInstruments().map { part in
            BranchDescription(
                instrument: part.instrument, encoder: part.configuration.encoder,
                projection: part.configuration.projection, decoder: part.configuration.decoder,
                crossDecoder: part.configuration.crossDecoder, reconstruction: part.configuration.reconstruction)
        }
        Generator.seed(1)
        let model = SpecCLIPModel(
            ModelDescription(
                embedding: configuration.embedding, branches: branches, provenance: ["tier": "none", "stage": "test"]))
        try ModelFile.write(model, parts: withLabels ? [try labels(configuration.embedding)] : [], to: url)
    }

    private static func labels(_ embedding: Int) throws -> ModelFilePart {
        let description = LabelHeadDescription(
            labels: ["teff", "logg", "fe_h"].map { StellarLabel(named: $0) }, mean: [5500, 4, -0.3],
            std: [800, 0.7, 0.4],
            errorScale: [1, 1, 1], hidden: [16], dropout: 0, trainingStars: 1000, tier: "none")
        let keys = Instrument.builtIn.map(\.embeddingKey)
        let header = try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: keys.map { ($0, description) }))
        let tensors = keys.flatMap { key in
            LabelHead(embedding: embedding, hidden: [16], dropout: 0, labels: 3).stateDictionary()
                .map { (key + "." + $0.0, $0.1) }
        }
        return ModelFilePart(name: "labels", header: String(decoding: header, as: UTF8.self), tensors: tensors)
    }
}
