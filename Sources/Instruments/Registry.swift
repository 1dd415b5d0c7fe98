import Spectra
import Support
import Synchronization

/// The instruments that are known by name: one line each for those that come with the library.
extension Instrument {
    /// The instruments of the published models, whose definitions data sets and checkpoints need not bring.
    public static let builtIn: [Instrument] = [.lamostLRS, .gaiaXP]

    private static let registered = Mutex<[Instrument]>([])

    /// Makes an instrument known by its name, as if it came with the library.
    public static func register(_ instrument: Instrument) {
        registered.withLock { known in
            known.removeAll { $0.name == instrument.name }
            known.append(instrument)
        }
    }

    /// Those that come with the library, and those that were registered.
    public static var known: [Instrument] { builtIn + [.optical, .opticalR500] + registered.withLock { $0 } }

    /// The instrument with what files of before do not tell of it, where it is one that is known.
    package var completed: Instrument {
        guard resolution == nil, let own = Self.known.first(where: { $0 == self }) else { return self }
        return own
    }

    /// The known instrument called `name` (also accepted: its embedding key).
    ///
    /// - Throws: `Diagnostic` that lists the known names.
    public static func named(_ name: String) throws -> Instrument {
        let wanted = name.lowercased()
        if let found = known.first(where: { $0.name == wanted || $0.embeddingKey == wanted }) { return found }
        throw Diagnostic(
            "instrument", field: name, problem: "no such instrument",
            remedy: "known are " + known.map(\.name).joined(separator: ", "))
    }
}
