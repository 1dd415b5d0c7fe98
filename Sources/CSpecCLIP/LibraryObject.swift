import Support
import Tables

/// Something that programs in other languages hold and ask: a reader of stars, say.
///
/// A new kind is a file with a conformance and a line in ``LibraryObjects``.
protocol LibraryObject: AnyObject, Sendable {
    /// Makes one.
    /// - Throws: `Diagnostic` for options or arguments that cannot be used.
    init(_ options: Options, _ arguments: Arguments) throws

    /// Answers a question with tables, each with a name; that of the result is "rows".
    /// - Throws: `Diagnostic` for a question that it does not know, or cannot answer from what was given.
    func answer(_ question: String, _ options: Options, _ arguments: Arguments) throws -> [(name: String, table: Table)]
}

/// The kinds of things that `specclip_make` makes.
enum LibraryObjects {
    private static let kinds: [String: any LibraryObject.Type] = [
        "reader": ReaderObject.self, "adaptation": AdaptationObject.self, "bottleneck": BottleneckObject.self,
        "flow": FlowObject.self,
    ]

    static func make(_ kind: String, _ options: Options, _ arguments: Arguments) throws -> any LibraryObject {
        guard let type = kinds[kind] else {
            throw Diagnostic(
                "specclip_make", field: kind, problem: "is nothing that can be made",
                remedy: suggestion(for: kind, among: kinds.keys.sorted()))
        }
        let made = try type.init(options, arguments)
        try options.finish()
        return made
    }
}
