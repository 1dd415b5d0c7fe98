import Spectra
import StarReading
import Synchronization

/// What is made of a model once, when it is first asked for; nothing in it changes afterwards.
final class KnownParts: Sendable {
    private struct State {
        var generators: [String: SpectrumGenerator?] = [:]
        var finder: ModelPart<OutlierFinder>?
    }

    private let reader: StarReader
    private let state = Mutex(State())

    init(_ reader: StarReader) { self.reader = reader }

    /// What draws spectra of an instrument; nil where nothing does.
    func generator(of target: Instrument) throws -> SpectrumGenerator? {
        try state.withLock { state in
            if let own = state.generators[target.name] { return own }
            let own = try reader.generator(of: target)
            state.generators[target.name] = .some(own)
            return own
        }
    }

    /// What tells odd spectra.
    func outlierFinder() throws -> ModelPart<OutlierFinder> {
        try state.withLock { state in
            if let finder = state.finder { return finder }
            let own = ModelPart(value: try OutlierFinder(reader))
            state.finder = own
            return own
        }
    }
}

/// A part of a model: it does not change once it is made, and is asked to compute by the engine's thread alone.
struct ModelPart<Value>: @unchecked Sendable {
    let value: Value
}
