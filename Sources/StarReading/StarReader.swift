import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// Reads stars with a model: the one door that the command line, the demo, the evaluation, the benchmarks and programs of
/// others come in by. What one of them says of a star, all say.
///
/// ```swift
/// let reader = try StarReader(contentsOf: URL(fileURLWithPath: "Models/specclip-small.safetensors"))
/// for star in try reader.read(SpectrumReader.read(URL(fileURLWithPath: "spec-55862-B6212_sp11-164.fits"))) {
///     for estimate in star.estimates { print(estimate.label.title, estimate.value, estimate.error ?? .nan) }
/// }
/// ```
/// The weights do not change once they are loaded: a reader may be used by several threads.
public final class StarReader: @unchecked Sendable {
    /// The file the model comes from.
    public let file: ModelFile
    /// Encoders, projections and decoders.
    public let model: SpecCLIPModel
    /// Where the model computes.
    public let device: Device
    /// What reads labels, if the model has any.
    let inference: LabelInference
    /// The scale that labels are told on, as the model file spells it; nil where they are as the model learned them.
    public let scale: String?
    /// What leads there, by the instrument that it holds for.
    private let scales: [String: LabelScale]
    /// What draws missing bands, by the instrument: read from its file where it is first asked for.
    let drawing = SharedCache<Instrument, SpectrumGenerator?>(capacity: 8)
    /// What fills missing pixels, likewise.
    let filling = SharedCache<Instrument, MissingPixels?>(capacity: 8)
    /// The stars that the model brings, as its file has them and as they are searched.
    let references = SharedCache<String, ReferenceAtlas?>(capacity: 1)
    let known = SharedCache<String, AtlasPart>(capacity: 1)

    /// Loads a model file.
    /// - Parameters:
    ///   - url: the file.
    ///   - device: where to compute.
    ///   - draws: samples of each posterior, from 100 on; 2000 by default.
    ///   - width: uses the first numbers of embeddings alone (models aligned with `clip-ordered`).
    ///   - scale: brings labels onto a scale that the model file knows (`specclip compare`).
    /// - Throws: `Diagnostic` for a file that is no model, a width that its embeddings do not have, or a scale that it does not
    ///   know.
    public convenience init(
        contentsOf url: URL, device: Device = .cpu, draws: Int? = nil, width: Int? = nil, scale: String? = nil
    ) throws {
        try self.init(ModelFile(contentsOf: url), device: device, draws: draws, width: width, scale: scale)
    }

    /// As ``init(contentsOf:device:draws:width:scale:)``, for a file that is open.
    public init(
        _ file: ModelFile, device: Device = .cpu, draws: Int? = nil, width: Int? = nil, scale: String? = nil
    ) throws {
        self.file = file
        self.device = device
        scales = try scale.map { try LabelScale.named($0, in: file) } ?? [:]
        self.scale = scales.values.first?.name
        // Hundreds of steps, all of them small: with several threads each it would take longer.
        (model, inference) = try TorchRuntime.withOneThread {
            let model = try catchingTorchErrors { try file.model(on: device) }
            return (model, try LabelInference(file, model, draws: draws, device: device))
        }
        guard let width else { return }
        let full = file.description.embedding ?? 0
        guard width <= full else {
            throw Diagnostic(
                "--width \(width)",
                problem: full == 0 ? "the model is not aligned" : "the model's embeddings have \(full) numbers",
                remedy: full == 0 ? "leave it out" : "give 1 to \(full)")
        }
        model.truncatedWidth = width
    }

    /// The instruments whose spectra it reads.
    public var instruments: [Instrument] { model.instruments }

    /// The instrument called `name` (also accepted: its embedding key).
    /// - Parameters:
    ///   - name: of the instrument, or its embedding key.
    ///   - option: where the name was given, for the error line.
    /// - Throws: `Diagnostic` that lists the known names.
    public func instrument(named name: String, option: String = "instrument") throws -> Instrument {
        try Self.instrument(named: name, among: instruments, option: option)
    }

    /// As ``instrument(named:option:)``, among other instruments.
    public static func instrument(
        named name: String, among known: [Instrument], option: String = "--instrument"
    ) throws -> Instrument {
        if let found = known.first(where: { $0.name == name.lowercased() || $0.embeddingKey == name }) { return found }
        throw Diagnostic(
            "\(option) \(name)", problem: "is not known here",
            remedy: "known are " + known.map(\.name).joined(separator: ", "))
    }

    // MARK: - Labels

    /// Whether the model reads labels at all.
    public var readsLabels: Bool { LabelReader.isPart(of: file) || !adaptations.isEmpty }

    /// The heads of the model.
    /// - Throws: `Diagnostic` when it has none.
    public func labels() throws -> LabelReader { try labelInference().labels }

    /// The labels that the model's own heads read.
    public var modelLabels: [StellarLabel] { inference.labels.allLabels }

    /// What somebody taught the model, by instrument and set.
    public var adaptations: [AdaptationDescription] { inference.adaptations }

    /// Names of the sets that somebody taught the model, each once.
    public var adaptationNames: [String] { Set(adaptations.map(\.name)).sorted() }

    /// The labels that are told on ``scale``, by name.
    public var scaledLabels: Set<String> { Set(scales.values.flatMap { $0.corrections.map(\.label.name) }) }

    /// Brings what was read of a star onto ``scale``.
    /// - Parameter instruments: of its observations.
    /// - Throws: `Diagnostic` where the scale holds for other instruments alone.
    func putOnScale(_ star: inout StarLabels, instruments: [Instrument]) throws {
        guard let scale else { return }
        let name = StarCatalogue.joined(instruments.map(\.name))
        guard let own = scales[name] else {
            throw Diagnostic(
                "--scale \(scale)",
                problem: "holds for \(scales.keys.sorted().joined(separator: ", ")), not for \(name)",
                remedy: "give spectra of these alone, or add it for \(name) with 'specclip compare'")
        }
        own.apply(to: &star)
    }

    /// All that is read from some instrument, in the order of a catalogue: the model's own labels first.
    /// - Throws: `Diagnostic` when it reads none.
    public func catalogueLabels() throws -> [StellarLabel] {
        let added = try labelInference().adaptations.flatMap { $0.labels.map(\.label) }
        return (modelLabels + added).reduce(into: []) { all, label in
            if !all.contains(where: { $0.name == label.name }) { all.append(label) }
        }
    }

    /// Whether flags say all there is to doubt of an instrument's spectra.
    public func judges(_ instrument: Instrument) -> Bool { inference.judges(instrument) }

    /// Whether spectra of two instruments are read together with their prior counted once.
    public var countsPriorOnce: Bool { inference.countsPriorOnce }

    /// What the model reads from spectra as files have them.
    /// - Parameters:
    ///   - spectra: as files have them, or rows of a data set.
    ///   - instrument: whose spectra they are; nil tells it from each spectrum's pixels.
    ///   - options: how the spectra are prepared.
    /// - Throws: `Diagnostic` for the first spectrum that is of no use.
    public func read(
        _ spectra: [Spectrum], of instrument: Instrument? = nil, options: PrepareOptions = PrepareOptions()
    ) throws -> [StarLabels] {
        let drawn = instrumentsWithDrawnBands
        return try read(
            ObservedStar.apart(
                spectra.map {
                    try Observation(
                        $0, of: instrument, among: instruments, options: options, drawingBandsOf: drawn)
                }))
    }

    /// Labels, posteriors and features of spectra of one instrument.
    /// - Parameters:
    ///   - observations: of the instrument.
    ///   - instrument: whose they are.
    ///   - needsLabels: whether it is an error where the model reads none.
    package func reading(
        _ observations: [Observation], of instrument: Instrument, needsLabels: Bool = true
    ) throws -> LabelInference.Reading {
        let circumstances = QualityModel.Circumstances(
            ivar: observations.map(\.knownIvar), snr: observations.map { $0.prepared.snr ?? .nan },
            masked: observations.map(\.maskedShare))
        let missing = try missingPixels(of: instrument)
        return try (needsLabels ? labelInference(instrument) : inference).read(
            try batch(observations, of: instrument), from: instrument, circumstances,
            moved: { rows, velocities in
                try self.batch(
                    concurrentMap(Array(zip(rows, velocities))) { observations[$0].atRest(removing: $1) },
                    of: instrument)
            }, filled: { try missing?.filled($0, snr: circumstances.snr) })
    }

    /// As ``reading(_:of:)``, of spectra that exist prepared alone, such as those that noise was drawn for.
    package func reading(
        _ spectra: SpectrumBatch, from instrument: Instrument, _ circumstances: QualityModel.Circumstances
    ) throws -> LabelInference.Reading {
        let missing = try missingPixels(of: instrument)
        return try labelInference(instrument).read(
            spectra, from: instrument, circumstances, filled: { try missing?.filled($0, snr: circumstances.snr) })
    }

    /// For each observation the reading it is in, and where.
    func readings(_ all: [Observation]) throws -> [(reading: LabelInference.Reading, row: Int)] {
        let completed = try completed(all)
        guard !completed.isEmpty else { return try readingsOfWhole(all) }
        let own = all.indices.map { completed[$0] ?? [all[$0]] }
        let found = try readingsOfWhole(own.flatMap(\.self))
        var next = 0
        return try own.map { parts in
            defer { next += parts.count }
            guard parts.count > 1 else { return found[next] }
            return (try LabelInference.Reading(pooling: Array(found[next..<next + parts.count])), 0)
        }
    }

    /// As ``readings(_:)``, of spectra of which no band is missing.
    private func readingsOfWhole(_ all: [Observation]) throws -> [(reading: LabelInference.Reading, row: Int)] {
        var found: [Int: (reading: LabelInference.Reading, row: Int)] = [:]
        for (places, reading) in try sharedOut(all, { try reading($0, of: $1) }) {
            for (row, place) in places.enumerated() { found[place] = (reading, row) }
        }
        return all.indices.compactMap { found[$0] }
    }

    /// What `work` makes of the observations of each instrument, of which every thread gets its share.
    /// - Returns: with the places of the observations that it is of.
    private func sharedOut<Found: Sendable>(
        _ all: [Observation], _ work: @Sendable ([Observation], Instrument) throws -> Found
    ) throws -> [(places: [Int], found: Found)] {
        let parts = byInstrument(all).flatMap { instrument, places in
            shares(of: places).map { (instrument: instrument, places: $0) }
        }
        let isShared = device == .cpu && parts.count > 1 && TorchRuntime.threads > 1
        guard isShared else { return try parts.map { ($0.places, try work($0.places.map { all[$0] }, $0.instrument)) } }
        let found = concurrentMap(parts) { part in
            TorchRuntime.withOneThread { Result { try work(part.places.map { all[$0] }, part.instrument) } }
        }
        return try zip(parts, found).map { ($0.places, try $1.get()) }
    }

    /// What each thread reads of some places. On the processor a star takes many small steps, few of them libtorch's: threads
    /// that read stars of their own, from the first step to the last, are all busy, those that share each step are not.
    private func shares(of places: [Int]) -> [[Int]] {
        let count = device == .cpu ? min(TorchRuntime.threads, places.count / Self.fewestAtOnce) : 1
        guard count > 1 else { return [places] }
        return (0..<count).map { Array(places[places.count * $0 / count..<places.count * ($0 + 1) / count]) }
    }

    /// Stars for which it pays to go through a network together.
    private static let fewestAtOnce = 8

    /// - Parameter instrument: whose labels are asked for; nil for those of any.
    func labelInference(_ instrument: Instrument? = nil) throws -> LabelInference {
        guard readsLabels else { throw LabelReader.absent(from: file) }
        if let instrument, !inference.reads(instrument) { _ = try inference.labels.labels(for: instrument) }
        return inference
    }

    // MARK: - Embeddings

    /// Numbers of an embedding.
    public var embeddingWidth: Int {
        instruments.first.map { model.descriptionOfModel.embeddingWidth(ofKey: $0.embeddingKey) } ?? 0
    }

    /// Whether the model brings known stars to search among.
    public var hasAtlas: Bool { file.header(ReferenceAtlas.part) != nil }

    /// Embeddings of spectra, `[observations, d]` on the CPU, in their order, whatever their instruments.
    public func embed(_ observations: [Observation]) throws -> Tensor {
        let completed = try completed(observations)
        guard !completed.isEmpty else { return try embedWhole(observations) }
        let own = observations.indices.map { completed[$0] ?? [observations[$0]] }
        let all = try embedWhole(own.flatMap(\.self))
        var next = 0
        return try catchingTorchErrors {
            Tensor.cat(
                own.map { parts in
                    defer { next += parts.count }
                    return all.narrow(0, start: next, length: parts.count).mean(dims: [0], keepDims: true)
                }, dim: 0)
        }
    }

    /// As ``embed(_:)``, of spectra of which no band is missing.
    private func embedWhole(_ observations: [Observation]) throws -> Tensor {
        let parts = try sharedOut(observations) { own, instrument in
            let input = try batch(own, of: instrument)
            return try catchingTorchErrors { try withoutGradient { try model.embed(input, from: instrument) } }.to(.cpu)
        }
        let order = parts.flatMap(\.places)
        let all = parts.count == 1 ? parts[0].found : Tensor.cat(parts.map(\.found), dim: 0)
        guard order != Array(observations.indices) else { return all }
        var place = [Int64](repeating: 0, count: order.count)
        for (row, observation) in order.enumerated() { place[observation] = Int64(row) }
        return all.indexSelect(0, Tensor(place, shape: [place.count]))
    }

    /// Prepared spectra of one instrument with what its encoder asks for, and `more`, on the model's device.
    func batch(
        _ observations: [Observation], of instrument: Instrument, adding more: SpectrumInputs = []
    ) throws -> SpectrumBatch {
        var flux: [Float] = []
        flux.reserveCapacity(observations.count * instrument.grid.count)
        for observation in observations { flux += observation.prepared.flux }
        return try SpectrumBatch(
            Tensor(flux, shape: [observations.count, instrument.grid.count]), of: instrument,
            ivar: observations.map(\.prepared.ivar), masks: observations.map(\.prepared.mask),
            for: model.inputs(of: instrument).union(more)
        ).to(device)
    }

    /// The places of each instrument's observations, in the order of the model's instruments.
    func byInstrument(_ observations: [Observation]) -> [(instrument: Instrument, places: [Int])] {
        instruments.map { instrument in
            (instrument, observations.indices.filter { observations[$0].instrument == instrument })
        }.filter { !$0.places.isEmpty }
    }
}
