import Support
import Yams

/// Configurations that say only what differs from a preset: `extends: small`, and below it the sections that are other.
///
/// Sections are merged key by key; a list, or a value, takes the place of the preset's, and so does a section of another `kind`.
enum PresetExtension {
    private static let key = "extends"

    /// The text with all that the preset says; the text itself where it extends none.
    /// - Throws: `Diagnostic` where there is no such preset.
    static func completed(_ yaml: String, source: String) throws -> String {
        // What is no YAML is told of by those who read it.
        guard let own = try? Yams.compose(yaml: yaml), let name = own.mapping?[Node(key)] else { return yaml }
        guard let preset = name.string.flatMap(Preset.init(rawValue:)) else {
            throw Diagnostic(
                source, problem: "\(key): no such preset '\(name.string ?? "")'; give one of \(Preset.names)")
        }
        let base = try completed(preset.yaml, source: "preset \(preset.rawValue)")
        guard let base = try? Yams.compose(yaml: base),
            let text = try? Yams.serialize(node: merged(plain(base), plain(own)))
        else {
            return yaml
        }
        return text
    }

    private static func merged(_ base: Node, _ own: Node) -> Node {
        guard let known = base.mapping, let changed = own.mapping else { return own }
        // An encoder of another kind has other sizes.
        if let kind = changed["kind"]?.string, let other = known["kind"]?.string, kind != other { return own }
        var result = known
        for (key, value) in changed where key.string != Self.key {
            result[key] = known[key].map { merged($0, value) } ?? value
        }
        return .mapping(result)
    }

    /// A node without its anchors: an alias stands for what it names already.
    private static func plain(_ node: Node) -> Node {
        switch node {
        case .mapping(let mapping):
            .mapping(
                .init(
                    mapping.map { (plain($0.key), plain($0.value)) }, mapping.tag, mapping.style, mapping.mark))
        case .sequence(let sequence): .sequence(.init(sequence.map(plain), sequence.tag, sequence.style, sequence.mark))
        case .scalar(let scalar): .scalar(.init(scalar.string, scalar.tag, scalar.style, scalar.mark))
        case .alias: node
        }
    }
}
