import SpecCLIP
import Spectra
import StellarLabels
import Torch

/// Reads the labels of stars, with what speaks against them.
struct StarReader {
    private let loaded: LoadedModel
    private let inference: LabelInference
    private let options: PrepareOptions

    /// - Parameters:
    ///   - options: how the stars were prepared.
    ///   - draws: samples of each posterior; the reader's own number when nil.
    init(_ loaded: LoadedModel, _ options: PrepareOptions, draws: Int? = nil) throws {
        self.loaded = loaded
        self.options = options
        inference = try LabelInference(loaded.file, loaded.model, draws: draws, device: loaded.device)
    }

    /// The heads of the model.
    var labels: LabelReader { inference.labels }

    /// Whether flags say all there is to doubt of an instrument's spectra.
    func judges(_ instrument: Instrument) -> Bool { inference.judges(instrument) }

    /// Whether spectra of two instruments are read together with their prior counted once.
    var countsPriorOnce: Bool { inference.countsPriorOnce }

    /// What was read from each star, of which there are spectra of one instrument or two.
    func read(_ sightings: [Sightings]) throws -> [StarLabels] {
        let readings = try readings(sightings.flatMap(\.spectra))
        var next = 0
        return try sightings.map { star in
            defer { next += star.spectra.count }
            let first = readings[next]
            guard star.spectra.count > 1 else { return first.reading.stars[first.row] }
            let second = readings[next + 1]
            return try inference.combined(first.reading, second.reading, rows: (first.row, second.row))
        }
    }

    /// For each star the reading it is in, and where.
    private func readings(_ stars: [Star]) throws -> [(reading: LabelInference.Reading, row: Int)] {
        var found: [Int: (reading: LabelInference.Reading, row: Int)] = [:]
        var seen: Set<String> = []
        for instrument in stars.map(\.instrument) where seen.insert(instrument.name).inserted {
            let own = stars.indices.filter { stars[$0].instrument == instrument }
            let reading = try read(own.map { stars[$0] }, of: instrument)
            for (row, place) in own.enumerated() { found[place] = (reading, row) }
        }
        return stars.indices.compactMap { found[$0] }
    }

    private func read(_ stars: [Star], of instrument: Instrument) throws -> LabelInference.Reading {
        let masked = stars.map { star in
            Double(star.prepared.mask.count { $0 }) / Double(max(1, star.prepared.mask.count))
        }
        return try inference.read(
            try loaded.flux(stars, of: instrument), from: instrument,
            .init(ivar: stars.map(\.prepared.ivar), snr: stars.map { $0.prepared.snr ?? .nan }, masked: masked)
        ) { [options] rows, velocities in
            try loaded.flux(
                parallelMap(Array(zip(rows, velocities))) { stars[$0].atRest(removing: $1, options) }, of: instrument)
        }
    }
}

extension Star {
    /// The star without a radial velocity, km/s: prepared anew where its file's spectrum is at hand.
    fileprivate func atRest(removing velocity: Double, _ options: PrepareOptions) -> Star {
        var (star, options) = (self, options)
        options.radialVelocity += velocity
        if let raw, let prepared = try? instrument.prepare(raw, options: options) {
            star.prepared = prepared
        } else {
            // A row of a data set, or a spectrum that ends where it would have to be moved from.
            star.prepared.flux = instrument.atRest(prepared.flux, removing: velocity)
        }
        return star
    }
}
