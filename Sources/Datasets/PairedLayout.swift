/// Where things are in the files of paired data sets: the layout of the published SpecCLIP code, with labels, inverse
/// variances, a validation split and attributes added.
///
/// ```
/// /                     @tier @provenance (JSON) @format_version @creator
/// /<split>/<key>_spectra   float32 (N, L, 1)     @instrument (JSON; only when not built in)
/// /<split>/<key>_ivar      float32 (N, L)
/// /<split>/<key>_present   int64 (N), 0 where the instrument has not seen the star; left out where it has seen all
/// /<split>/source_ids      text (N)
/// /<split>/labels/<name>   float64 (N), NaN = missing
/// ```
/// Accepted as well: `/<split>/spectra` and `/<split>/ivar`, the form for pre-training on one instrument; spectra of
/// shape (N, L); `source_ids` of integers; files without validation, labels or attributes.
enum PairedLayout {
    static let formatVersion = "1"
    static let tier = "tier"
    static let provenance = "provenance"
    static let version = "format_version"
    static let creator = "creator"
    static let instrument = "instrument"
    /// Longest source identifier, in bytes of UTF-8.
    static let idBytes = 64

    static func spectra(_ split: Split, _ key: String?) -> String {
        split.rawValue + "/" + (key.map { $0 + "_spectra" } ?? "spectra")
    }
    static func ivar(_ split: Split, _ key: String?) -> String {
        split.rawValue + "/" + (key.map { $0 + "_ivar" } ?? "ivar")
    }
    static func present(_ split: Split, _ key: String) -> String { split.rawValue + "/" + key + "_present" }
    static func sourceIDs(_ split: Split) -> String { split.rawValue + "/source_ids" }
    static func labels(_ split: Split) -> String { split.rawValue + "/labels" }
    static func label(_ split: Split, _ name: String) -> String { labels(split) + "/" + name }
}
