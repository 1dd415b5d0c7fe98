import Spectra
import Support

/// The instruments that come with the library: one line each.
extension Instrument {
    /// The instruments that come with the library.
    public static let builtIn: [Instrument] = [.lamostLRS, .gaiaXP]

    /// The built-in instrument called `name` (also accepted: its embedding key).
    ///
    /// - Throws: ``Diagnostic`` that lists the known names.
    public static func named(_ name: String) throws -> Instrument {
        let wanted = name.lowercased()
        if let found = builtIn.first(where: { $0.name == wanted || $0.embeddingKey == wanted }) { return found }
        throw Diagnostic(
            "instrument", field: name, problem: "no such instrument",
            remedy: "known are " + builtIn.map(\.name).joined(separator: ", "))
    }
}
