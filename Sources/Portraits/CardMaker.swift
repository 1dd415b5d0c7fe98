import Datasets
import Figures
import Foundation
import Instruments
import Spectra
import StarReading
import Support
import Torch

/// Gathers what the card of a star shows.
package struct CardMaker {
    package private(set) var card: Card
    private let star: Observation
    private let reader: StarReader
    /// The star's embedding, `[1, d]`.
    package let embedding: Tensor
    private var estimates: [LabelEstimate] = []
    /// The instrument whose spectrum is predicted, if the model can.
    private let other: Instrument?

    /// - Parameters:
    ///   - star: as it was observed.
    ///   - reader: of the model.
    /// - Throws: `Diagnostic` where the model cannot compute with it.
    package init(_ star: Observation, _ reader: StarReader) throws {
        self.star = star
        self.reader = reader
        embedding = try reader.embed([star])
        other =
            reader.model.descriptionOfModel.branches
            .first { $0.instrument != star.instrument && $0.crossDecoder != nil }?.instrument
        card = Card(title: (star.name as NSString).lastPathComponent, instrument: star.instrument.title)
        card.sourceID = star.sourceID.isEmpty ? nil : star.sourceID
        card.rightAscension = star.raw?.ra
        card.declination = star.raw?.dec
        card.signalToNoise = star.prepared.snr
        card.model = reader.file.url.deletingPathExtension().lastPathComponent
        card.dataTier = reader.file.description.provenance["tier"]
        card.observed = star.raw.map { Self.observed($0, star) }
        try addModelInput()
        try addTranslation()
        try addParameters()
    }

    /// What the other instrument observed, beside the prediction.
    package mutating func add(observed path: String) throws {
        guard let other, card.translation != nil else {
            throw Diagnostic(
                "--observed \(path)", problem: "the model predicts no other instrument's spectrum",
                remedy: "leave it out, or use an aligned model")
        }
        let spectra = try SpectrumReader.read(URL(fileURLWithPath: path), as: other)
        // Of a table with many stars, the same one, where identifiers tell.
        guard let own = spectra.first(where: { $0.sourceID == card.sourceID }) ?? spectra.first else { return }
        card.translation?.observed = try other.prepare(own, options: star.options).flux.map { Double($0) }
    }

    /// Look-alikes among the spectra of the star's own instrument, else of the one that is predicted.
    package mutating func addNeighbours(in url: URL, _ split: Split, top: Int) throws {
        let data = try PairedDataSet(opening: url)
        let instrument = data.has(star.instrument) ? star.instrument : other ?? star.instrument
        let search = try LookAlikes(data, split, among: instrument.name, with: reader)
        let found = try search.nearest(to: embedding, of: [star], top: top, excludingSelf: true).first ?? []
        let spectra = try data.spectra(instrument, split: split, indices: found.map(\.row))
        card.neighbours = found.enumerated().map { i, found in
            neighbour(found, flux: spectra.flux(ofRow: i).map { Double($0) })
        }
        card.neighbourSource = "\(url.lastPathComponent), \(split.rawValue)"
        card.neighbourWavelength = instrument.grid.wavelengths
        card.neighbourReference = instrument == star.instrument ? card.modelInput?.flux : card.translation?.flux
        if data.labelNames.contains("teff"), data.labelNames.contains("logg") {
            addKiel(teff: try data.labels("teff", split: .train), logg: try data.labels("logg", split: .train))
        }
    }

    /// Look-alikes among the stars that the model brings, if it does. Their spectra it does not bring.
    package mutating func addNeighboursOfModel(top: Int) throws {
        guard reader.hasAtlas else { return }
        let search = try reader.lookAlikes()
        let found = try search.nearest(to: embedding, of: [star], top: top, excludingSelf: true).first ?? []
        card.neighbours = found.map { neighbour($0, flux: nil) }
        card.neighbourSource = search.instruments.map(\.title).joined(separator: ", ") + ", in the model"
        if let labels = try reader.reference()?.stars.labels, let teff = labels["teff"], let logg = labels["logg"] {
            addKiel(teff: teff.map { $0 ?? .nan }, logg: logg.map { $0 ?? .nan })
        }
    }

    // MARK: - Parts

    private func neighbour(_ found: FoundStar, flux: [Double]?) -> Card.Neighbour {
        Card.Neighbour(
            sourceID: found.sourceID, similarity: found.similarity, teff: found.labels["teff"].flatMap(finite),
            logg: found.labels["logg"].flatMap(finite), feH: found.labels["fe_h"].flatMap(finite), flux: flux)
    }

    private static func observed(_ raw: Spectrum, _ star: Observation) -> Card.Observed {
        let bad = raw.flux.indices.map { i in
            (raw.mask?[i] ?? false) || !(raw.ivar.map { $0[i] > 0 } ?? true) || !raw.flux[i].isFinite
        }
        let continuum = star.prepared.continuum.map {
            interpolate(star.instrument.grid.wavelengths, $0, at: raw.wavelength)
        }
        let isPhysical = raw.flux.lazy.filter(\.isFinite).allSatisfy { abs($0) < 1e-8 }
        return Card.Observed(
            wavelength: raw.wavelength, flux: raw.flux, continuum: continuum, bad: bad.contains(true) ? bad : nil,
            fluxUnit: star.instrument == .gaiaXP && isPhysical ? "W m⁻² nm⁻¹" : "relative")
    }

    private mutating func addModelInput() throws {
        let branch = reader.model.descriptionOfModel.branches.first { $0.instrument == star.instrument }
        var reconstruction: [Double]?
        if branch?.decoder != nil {
            reconstruction = try reader.translate([star], embedding, to: star.instrument).map { Double($0) }
        }
        let mask = star.prepared.mask
        card.modelInput = Card.ModelInput(
            wavelength: star.instrument.grid.wavelengths, flux: star.prepared.flux.map { Double($0) },
            reconstruction: reconstruction, bad: mask.contains(true) ? mask : nil,
            normalisation: star.instrument.normalisation.divisor)
    }

    private mutating func addTranslation() throws {
        guard let other else { return }
        if let generator = try reader.generator(of: other) {
            let spectra = try reader.distributions([star], by: generator, to: other)
            card.translation = try spectra.first.map { try Card.Translation($0.spectra, star: 0, of: other) }
            return
        }
        let flux = try reader.translate([star], embedding, to: other)
        card.translation = Card.Translation(
            instrument: other.title, wavelength: other.grid.wavelengths, flux: flux.map { Double($0) },
            normalisation: other.normalisation.divisor)
    }

    private mutating func addParameters() throws {
        guard let heads = try? reader.labels().descriptions(for: star.instrument) else { return card.flags += doubts }
        let found = try reader.read([ObservedStar(star)]).first ?? StarLabels()
        estimates = found.estimates
        card.flags += found.flags.names.map { $0.replacingOccurrences(of: "-", with: " ") }
        if !reader.judges(star.instrument) { card.flags += doubts }
        let tiers = Set(heads.map(\.tier)).sorted().joined(separator: ", ")
        if let tier = card.dataTier, tier != tiers { card.dataTier = "\(tier) (parameters: \(tiers))" }
        card.parameters = estimates.map { estimate in
            Card.Parameter(
                symbol: estimate.label.plotted, value: estimate.value,
                error: estimate.error, unit: estimate.label.unit, decimals: estimate.label.digits)
        }
        for head in heads where head.trainingStars != nil && head.posterior == nil {
            for (label, (mean, std)) in zip(head.labels, zip(head.mean, head.std)) {
                guard let value = estimates.first(where: { $0.label == label })?.value else { continue }
                if abs(value - mean) > 3 * std {
                    card.flags.append("\(label.title) lies beyond 3σ of the training stars")
                }
            }
        }
    }

    /// The star's place among known ones, of which some thousand in grey show where stars are.
    private mutating func addKiel(teff known: [Double], logg gravities: [Double]) {
        func estimate(_ name: String) -> LabelEstimate? { estimates.first { $0.label.name == name } }
        guard let teff = estimate("teff"), let logg = estimate("logg") else { return }
        let pairs = zip(known, gravities).filter { $0.0.isFinite && $0.1.isFinite }
        guard pairs.count > 1 else { return }
        let shown = stride(from: 0, to: pairs.count, by: max(1, pairs.count / 3000)).map { pairs[$0] }
        card.kiel = Card.Kiel(
            teff: teff.value, logg: logg.value, teffError: teff.error, loggError: logg.error,
            backgroundTeff: shown.map(\.0), backgroundLogg: shown.map(\.1))
    }

    /// What speaks against a star where the model brings no flags of its own.
    private var doubts: [String] {
        var flags: [String] = []
        if let snr = star.prepared.snr, snr < 10 { flags.append(String(format: "low signal: S/N %.1f", snr)) }
        let mask = star.prepared.mask
        let share = Double(mask.filter { $0 }.count) / Double(max(1, mask.count))
        if share > 0.05 { flags.append(String(format: "%.0f %% of the pixels are bad", 100 * share)) }
        // Real LAMOST stars and rows of the demo's test split leave at most 0.11, a hot star unknown to the model 0.27.
        if let share = unexplainedShare, share > 0.2 {
            flags.append("poorly reconstructed: unlike the training spectra, do not trust the parameters")
        }
        return flags
    }

    /// The share of the spectrum's variance that the reconstruction leaves, beyond what noise explains.
    private var unexplainedShare: Double? {
        guard let input = card.modelInput, let reconstruction = input.reconstruction else { return nil }
        var (spread, left, noise) = (0.0, 0.0, 0.0)
        let good = input.flux.indices.filter { input.bad?[$0] != true }
        let mean = good.reduce(0.0) { $0 + input.flux[$1] } / Double(max(1, good.count))
        for i in good {
            let (deviation, residual) = (input.flux[i] - mean, input.flux[i] - reconstruction[i])
            spread += deviation * deviation
            left += residual * residual
            if let ivar = star.prepared.ivar?[i], ivar > 0 { noise += 1 / Double(ivar) }
        }
        return spread > 0 ? (left - noise) / spread : nil
    }

    private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}

/// Linear interpolation of `y` at the places `at`, both increasing; NaN outside of `x`.
private func interpolate(_ x: [Double], _ y: [Double], at places: [Double]) -> [Double] {
    guard let first = x.first, let last = x.last, x.count > 1 else { return places.map { _ in .nan } }
    var i = 0
    return places.map { place in
        guard place >= first, place <= last else { return .nan }
        while i < x.count - 2 && x[i + 1] < place { i += 1 }
        return y[i] + (y[i + 1] - y[i]) * (place - x[i]) / (x[i + 1] - x[i])
    }
}
