import Datasets
import Foundation
import Spectra
import Statistics
import Support
import Tables

/// One spectrum of a star on its way through the reader, prepared for the instrument that took it.
public struct Observation: Sendable {
    /// Where it came from: `file`, `file#row` for tables, `pairs.h5#row` for data sets.
    public var name: String
    /// Identifier of the source; empty if unknown.
    public var sourceID: String
    /// How `raw` was prepared.
    public var options: PrepareOptions
    /// Where it stands in the input.
    public var position: RowPosition

    private var contents: Contents

    /// What is large; copies of an observation share it until one of them changes it.
    private final class Contents: @unchecked Sendable {
        var instrument: Instrument, prepared: PreparedSpectrum, raw: Spectrum?

        init(_ instrument: Instrument, _ prepared: PreparedSpectrum, _ raw: Spectrum?) {
            (self.instrument, self.prepared, self.raw) = (instrument, prepared, raw)
        }
    }

    private var ownContents: Contents {
        mutating get {
            if !isKnownUniquelyReferenced(&contents) {
                contents = Contents(contents.instrument, contents.prepared, contents.raw)
            }
            return contents
        }
    }

    /// Whose spectrum it is, among the instruments that the model reads.
    public var instrument: Instrument {
        _read { yield contents.instrument }
        _modify { yield &ownContents.instrument }
    }

    /// Flux on the instrument's grid, with mask, continuum and signal-to-noise where the input has them.
    public var prepared: PreparedSpectrum {
        _read { yield contents.prepared }
        _modify { yield &ownContents.prepared }
    }

    /// The spectrum as the file has it; absent for rows of a data set, which are stored prepared.
    public var raw: Spectrum? {
        _read { yield contents.raw }
        _modify { yield &ownContents.raw }
    }

    /// Prepares a spectrum.
    /// - Parameters:
    ///   - spectrum: as its file has it.
    ///   - instrument: whose spectrum it is; nil takes the one whose pixels are most like the spectrum's.
    ///   - known: instruments that the model reads.
    ///   - options: how the spectrum is prepared.
    ///   - drawn: instruments of which a missing band is drawn (``StarReader/instrumentsWithDrawnBands``).
    /// - Throws: `Diagnostic` where the spectrum is of no use.
    public init(
        _ spectrum: Spectrum, of instrument: Instrument? = nil, among known: [Instrument],
        options: PrepareOptions = PrepareOptions(), drawingBandsOf drawn: [Instrument] = []
    ) throws {
        guard let instrument = instrument ?? Self.instrument(of: spectrum, among: known) else {
            throw Diagnostic(spectrum.origin, problem: "the model knows no instrument")
        }
        name = spectrum.origin
        sourceID = spectrum.sourceID ?? ""
        let prepared = try instrument.prepare(
            spectrum, options: options, acceptsMissingBands: drawn.contains(instrument))
        contents = Contents(instrument, prepared, spectrum)
        self.options = options
        position = RowPosition(part: 0, row: 0)
        if drawn.contains(instrument), lacksBand { self.prepared.notes.append(Self.drawnBand) }
    }

    /// A row of a data set, which another program may have written: files are checked when they are prepared, rows come
    /// prepared and would otherwise turn into answers without a number.
    /// - Parameters:
    ///   - row: its place among `spectra`.
    ///   - spectra: as files have them, or rows of a data set.
    ///   - instrument: whose spectra they are.
    ///   - name: `file#row`.
    ///   - sourceID: identifier of the source; empty if unknown.
    /// - Throws: `Diagnostic` for flux that is not finite, constant, or too large to compute with.
    public init(
        row: Int, of spectra: StoredSpectra, _ instrument: Instrument, name: String, sourceID: String
    ) throws {
        let flux = spectra.flux(ofRow: row)
        try Self.check(flux, of: instrument, name: name)
        let weights = spectra.ivar(ofRow: row).map(Array.init)
        self.name = name
        self.sourceID = sourceID
        let prepared = PreparedSpectrum(
            flux: Array(flux), ivar: weights, mask: weights?.map { !BadPixels.isGood($0) } ?? [],
            snr: spectra.signalToNoise(ofRow: row), origin: name, sourceID: sourceID)
        contents = Contents(instrument, prepared, nil)
        options = PrepareOptions()
        position = RowPosition(part: 0, row: 0)
    }

    /// An observation from its parts, for tests of what looks at names alone.
    init(name: String, sourceID: String, instrument: Instrument, prepared: PreparedSpectrum, raw: Spectrum?) {
        (self.name, self.sourceID, options) = (name, sourceID, PrepareOptions())
        contents = Contents(instrument, prepared, raw)
        position = RowPosition(part: 0, row: 0)
    }

    /// Inverse variances as they were stated; of an instrument of which a part of a spectrum is enough, else as the flux tells them.
    var knownIvar: [Float]? { prepared.ivar ?? (instrument.leastCoverage != nil ? prepared.estimatedIvar : nil) }

    /// Share of the grid that rests on bad or missing data, 0…1.
    var maskedShare: Double {
        let (mask, blind) = (prepared.mask, instrument.blind)
        var (pixels, seen, masked) = (mask.indices, 0, 0)
        // Beyond the ends of what an instrument may see a part of, and where it never sees anything, nothing is missing.
        if instrument.leastCoverage != nil, let first = mask.firstIndex(of: false),
            let last = mask.lastIndex(of: false)
        {
            pixels = first..<last + 1
        }
        for pixel in pixels where blind?[pixel] != true {
            seen += 1
            masked += mask[pixel] ? 1 : 0
        }
        return Double(masked) / Double(max(1, seen))
    }

    /// The observation without a radial velocity, km/s: prepared anew where its file's spectrum is at hand.
    func atRest(removing velocity: Double) -> Observation {
        var (moved, options) = (self, options)
        options.radialVelocity += velocity
        if let raw, let prepared = try? instrument.prepare(raw, options: options) {
            moved.prepared = prepared
        } else {
            // A row of a data set, or a spectrum that ends where it would have to be moved from.
            moved.prepared.flux = instrument.atRest(prepared.flux, removing: velocity)
        }
        return moved
    }

    private static func check(_ flux: ArraySlice<Float>, of instrument: Instrument, name: String) throws {
        var (low, high) = (Float.infinity, -Float.infinity)
        var bad = 0
        for value in flux {
            if value.isFinite {
                low = min(low, value)
                high = max(high, value)
            } else {
                bad += 1
            }
        }
        let problem: String? =
            if bad > 0 {
                "is NaN or infinite at \(bad) of \(flux.count) pixels"
            } else if !(high > low) {
                "has zero variance: it is \(low) at every pixel"
            } else if max(high, -low) > largest {
                "reaches \(max(high, -low)): that is no normalised flux"
            } else {
                nil
            }
        guard let problem else { return }
        throw Diagnostic(
            name, field: "\(instrument.dataSetKey)_spectra", problem: problem,
            remedy: "leave the row out, or make the data set anew")
    }

    /// Squares beyond it leave the range of 32-bit numbers.
    private static let largest: Float = 1e15
}

extension Observation {
    /// The instrument whose pixels are most like the spectrum's where both have any: pixels of 1 Å and of 20 Å cannot be
    /// mistaken for each other, while the wavelength ranges of instruments overlap.
    static func instrument(of spectrum: Spectrum, among known: [Instrument]) -> Instrument? {
        guard known.count > 1 else { return known.first }
        let step = medianStep(spectrum.wavelength)
        func nearest(_ instruments: [Instrument]) -> Instrument? {
            instruments.min { distance(step, $0.grid.medianStep) < distance(step, $1.grid.medianStep) }
        }
        // Any spectrograph means: where there is no instrument of these pixels and this range.
        let anyOnes = known.filter { $0.leastCoverage != nil }
        guard !anyOnes.isEmpty, let first = spectrum.wavelength.first, let last = spectrum.wavelength.last else {
            return nearest(known)
        }
        let covered = known.filter { $0.isCovered(from: first, to: last) && step < 3 * $0.grid.medianStep }
        let own = covered.filter { $0.leastCoverage == nil && $0.grid.medianStep < 3 * step }
        return nearest(own) ?? nearest(covered.filter { $0.leastCoverage != nil }) ?? nearest(known)
    }

    /// How many times two steps differ, as a logarithm.
    private static func distance(_ step: Double, _ other: Double) -> Double {
        step > 0 && other > 0 ? abs(log(step / other)) : .infinity
    }

    /// Of the last few wavelengths, which rows of a table share.
    private static let steps = SharedCache<[Double], Double>(capacity: 2)

    private static func medianStep(_ wavelength: [Double]) -> Double {
        steps.value(for: wavelength) {
            let steps = zip(wavelength.dropFirst(), wavelength).map { $0 - $1 }.filter(\.isFinite)
            return steps.isEmpty ? 0 : ordered(steps, at: steps.count / 2)
        }
    }
}

/// The observations of one star that are read together: visits, by one instrument or several.
public struct ObservedStar: Sendable {
    /// At least one.
    public private(set) var observations: [Observation]

    /// A star that was observed once.
    public init(_ observation: Observation) { observations = [observation] }

    /// All observations of a star; nil where there are none.
    public init?(_ observations: [Observation]) {
        guard !observations.isEmpty else { return nil }
        self.observations = observations
    }

    /// Each observation by itself.
    public static func apart(_ observations: [Observation]) -> [ObservedStar] { observations.map(ObservedStar.init) }

    /// Where the first observation stands in the input.
    public var position: RowPosition { observations[0].position }
}
