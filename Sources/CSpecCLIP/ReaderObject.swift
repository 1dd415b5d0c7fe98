import Datasets
import Foundation
import Spectra
import StarReading
import Statistics
import Support
import Synchronization
import Tables
import Torch

/// Reads stars with a model: what the commands `predict`, `embed`, `translate`, `search` and `outliers` do, for arrays.
final class ReaderObject: LibraryObject {
    private let reader: StarReader
    private let shared = Shared()

    init(_ options: Options, _ arguments: Arguments) throws {
        try arguments.check(known: [])
        guard let path = try options.text("path") else {
            throw Diagnostic("path", problem: "is not given", remedy: "name a model file")
        }
        let draws = try options.integer("draws", in: 100...1_000_000)
        let width = try options.integer("width", in: 1...Int.max)
        if let threads = try options.integer("threads", in: 1...1024) { TorchRuntime.threads = threads }
        reader = try StarReader(
            contentsOf: URL(fileURLWithPath: path), draws: draws, width: width, scale: options.text("scale"))
    }

    func answer(
        _ question: String, _ options: Options, _ arguments: Arguments
    ) throws -> [(name: String, table: Table)] {
        switch question {
        case "facts": return try facts()
        case "grid": return try grid(options)
        case "rates": return try rates(arguments)
        case "predict": return try predict(options, arguments)
        case "posterior": return try posterior(options, arguments)
        case "embed": return try embed(options, arguments)
        case "translate": return try translate(options, arguments)
        case "search": return try search(options, arguments)
        case "outliers": return try outliers(options, arguments)
        default:
            let known = [
                "facts", "grid", "rates", "predict", "posterior", "embed", "translate", "search", "outliers",
            ]
            throw Diagnostic(
                question, problem: "is nothing that a reader answers", remedy: suggestion(for: question, among: known))
        }
    }

    /// - Parameter drawsBands: whether a missing band is drawn, as the command does where it does.
    private func input(
        _ options: Options, _ arguments: Arguments, drawsBands: Bool = false
    ) throws -> ReaderInput {
        try ReaderInput(
            options, arguments, among: reader.instruments,
            drawingBandsOf: drawsBands ? reader.instrumentsWithDrawnBands : [])
    }

    // MARK: - The model

    private func facts() throws -> [(name: String, table: Table)] {
        let instruments = reader.instruments
        let labels = reader.readsLabels ? try reader.catalogueLabels() : []
        return [
            (
                "instruments",
                Table([
                    Column("name", .text(instruments.map(\.name))), Column("title", .text(instruments.map(\.title))),
                    Column("pixels", .integers(instruments.map(\.grid.count))),
                    Column("first", unit: "Å", .numbers(instruments.map(\.grid.range.lowerBound))),
                    Column("last", unit: "Å", .numbers(instruments.map(\.grid.range.upperBound))),
                ])
            ),
            (
                "labels",
                Table([
                    Column("name", .text(labels.map(\.name))), Column("unit", .text(labels.map(\.unit))),
                    Column("title", .text(labels.map(\.title))),
                ])
            ),
            (
                "flags",
                Table([
                    Column("value", .integers(QualityFlags.all.map(\.flag.rawValue))),
                    Column("name", .text(QualityFlags.all.map(\.name))),
                    Column("meaning", .text(QualityFlags.all.map(\.meaning))),
                ])
            ),
            ("embedding", Table([Column("width", .integers([reader.embeddingWidth]))])),
        ]
    }

    private func grid(_ options: Options) throws -> [(name: String, table: Table)] {
        let instrument = try reader.instrument(named: options.text("instrument") ?? "")
        return [("rows", Table([Column("wavelength", unit: "Å", .numbers(instrument.grid.wavelengths))]))]
    }

    // MARK: - Labels

    private func predict(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let together = try options.flag("together")
        let floor = try options.number("rv_floor") ?? VisitVelocities.usualFloor
        guard (0...1000).contains(floor) else {
            throw Diagnostic("--rv-floor \(floor)", problem: "must lie between 0 and 1000 km/s")
        }
        let (labels, input) = (try reader.catalogueLabels(), try input(options, arguments, drawsBands: !together))
        let stars = together ? try ObservedStar.together(input.observations) : ObservedStar.apart(input.observations)
        let found = stars.isEmpty ? [] : try reader.read(stars, velocityFloor: floor)
        let rows = StarCatalogue.labels(
            labels, stars, found, sets: reader.adaptationNames,
            scale: reader.scale.map { ($0, reader.scaledLabels) }, together: together)
        return input.answer(rows, stars: stars.map(\.position.row))
    }

    private func posterior(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let (labels, input) = (try reader.labels().allLabels, try input(options, arguments, drawsBands: true))
        if let scale = reader.scale {
            throw Diagnostic(
                "--scale \(scale)", problem: "moves labels and errors, not samples", remedy: "load the model without it"
            )
        }
        let found = input.observations.isEmpty ? [] : try reader.samples(input.observations)
        let draws = found.first?.draws.first?.count ?? 0
        let columns = labels.map { label in
            let values = found.flatMap { star in
                star.labels.firstIndex(of: label).map { star.draws[$0] } ?? [Float](repeating: .nan, count: draws)
            }
            return Column(label.name, unit: label.unit, .vectors(values, width: max(1, draws)))
        }
        return input.answer(Table(columns))
    }

    // MARK: - Embeddings and spectra

    private func embed(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let width = reader.model.truncatedWidth ?? reader.embeddingWidth
        let input = try input(options, arguments, drawsBands: true)
        let values =
            input.observations.isEmpty
            ? [] : try reader.embed(input.observations).narrow(1, start: 0, length: width).floats()
        return input.answer(StarCatalogue.vectors("embedding", input.observations, values, width: width))
    }

    private func translate(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let target = try reader.instrument(named: options.text("to") ?? "", option: "--to")
        let samples = try options.integer("samples", in: 0...1000) ?? 0
        let given = try options.numbers("given") ?? [:]
        let generator = try shared.generator(of: target) { try reader.generator(of: target) }
        if generator == nil, !given.isEmpty || samples > 0 {
            throw Diagnostic(
                reader.file.url, problem: "draws no spectra of \(target.title) as distributions",
                remedy: "leave out given and samples, or teach it with `specclip spectra fit`")
        }
        var (known, doubts) = ([(label: StellarLabel, value: Double)](), [String]())
        if let generator {
            for (name, value) in given.sorted(by: { $0.key < $1.key }) {
                let (label, doubt) = try generator.given(name, value, option: "given \(name)=\(value)")
                known.append((label, value))
                doubts += [doubt].compactMap(\.self)
            }
        }
        let input = try input(options, arguments)
        let columns = try reader.translation(
            input.observations, to: target, by: generator, given: known, samples: samples)
        let rows = StarCatalogue.vectors(columns, input.observations, width: target.grid.count)
        return input.answer(rows) + [("doubts", Table([Column("doubt", .text(doubts))]))]
    }

    // MARK: - Other stars

    private func search(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let (among, top) = (try options.text("among") ?? "both", try options.integer("top", in: 1...10_000) ?? 5)
        let excludesSelf = try options.flag("exclude_self")
        let known = try known(among, options)
        let labels = known.labelNames.map { StellarLabel(named: $0) }
        let input = try input(options, arguments, drawsBands: true)
        let found =
            input.observations.isEmpty
            ? []
            : try known.nearest(
                to: try reader.embed(input.observations), of: input.observations, top: top, excludingSelf: excludesSelf)
        let stars = zip(input.observations, found).flatMap { star, own in own.map { _ in star.position.row } }
        return input.answer(StarCatalogue.neighbours(input.observations, found, labels), stars: stars)
    }

    /// The stars that are searched: those of an atlas on disk, or those that came with the model.
    private func known(_ among: String, _ options: Options) throws -> LookAlikes {
        let conditions = try options.text("where")?.split(separator: "\n").map {
            try LabelCondition(String($0), of: "--where")
        }
        let filter = AtlasFilter(conditions ?? [])
        guard let path = try options.text("atlas") else { return try reader.lookAlikes(among: among, filter: filter) }
        return try shared.lookAlikes("\(path)\n\(among)\n\(conditions ?? [])") {
            try LookAlikes(StarAtlas(opening: URL(fileURLWithPath: path)), reader, among: among, filter: filter)
        }
    }

    private func outliers(_ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)] {
        let finder = try shared.outlierFinder { try OutlierFinder(reader) }
        let input = try input(options, arguments)
        let stars =
            try options.flag("together")
            ? ObservedStar.together(input.observations) : ObservedStar.apart(input.observations)
        let spectra = stars.flatMap(\.observations)
        return input.answer(
            StarCatalogue.outliers(spectra, spectra.isEmpty ? [] : try finder.outliers(stars)),
            stars: spectra.map(\.position.row))
    }

    /// False-discovery rates, which are known when all stars are.
    private func rates(_ arguments: Arguments) throws -> [(name: String, table: Table)] {
        try arguments.check(known: ["p"])
        let p = try arguments.numbers("p") ?? []
        return [("rows", Table([Column("q", .numbers(falseDiscoveryRates(p).map(threeDigits)))]))]
    }
}

/// What is made once, when it is first asked for; nothing in it changes afterwards.
private final class Shared: @unchecked Sendable {
    private let lock = NSLock()
    private var generators: [String: SpectrumGenerator?] = [:]
    private var known: [String: LookAlikes] = [:]
    private var finder: OutlierFinder?

    func generator(of target: Instrument, make: () throws -> SpectrumGenerator?) rethrows -> SpectrumGenerator? {
        try lock.withLock {
            if let own = generators[target.name] { return own }
            let own = try make()
            generators[target.name] = .some(own)
            return own
        }
    }

    func lookAlikes(_ among: String, make: () throws -> LookAlikes) rethrows -> LookAlikes {
        try lock.withLock {
            if let own = known[among] { return own }
            let own = try make()
            known[among] = own
            return own
        }
    }

    func outlierFinder(make: () throws -> OutlierFinder) rethrows -> OutlierFinder {
        try lock.withLock {
            if let finder { return finder }
            let own = try make()
            finder = own
            return own
        }
    }
}
