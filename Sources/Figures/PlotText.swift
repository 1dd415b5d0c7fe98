/// Text on a figure: plain by default, with subscripts, superscripts, bold and italic where asked for.
///
/// Whatever characters a file name or source id brings, they are drawn as they are: nothing in a plain run is read as
/// gnuplot's enhanced-text markup, and control characters become spaces.
///
///     let label = PlotText("T", .italic) + PlotText("eff", .subscript) + " [K]"
public struct PlotText: Sendable, Hashable, ExpressibleByStringLiteral {
    /// How a run of characters is set.
    public enum Style: Sendable, Hashable {
        case regular, bold, italic, `subscript`, superscript
        /// A superscript that takes no room: the subscript after it stands below it, as errors on either side do.
        case raised
    }

    private struct Run: Sendable, Hashable {
        var characters: String
        var style: Style
    }

    private var runs: [Run]

    /// A text of one style.
    public init(_ characters: String, _ style: Style = .regular) {
        let clean = characters.map { $0.isNewline || $0.isControl ? " " : $0 }
        runs = clean.isEmpty ? [] : [Run(characters: String(clean), style: style)]
    }

    /// A symbol as labels carry it: `*T*_{eff}` is an italic T with a subscript; all else, and a mark without its end, is
    /// drawn as it is.
    public init(symbol: String) {
        self = symbol.matches(of: /\*(?<italic>[^*]+)\*|_\{(?<below>[^}]+)\}|(?<plain>[^*_]+|.)/).reduce("") {
            text, match in
            if let italic = match.italic { return text + PlotText(String(italic), .italic) }
            if let below = match.below { return text + PlotText(String(below), .subscript) }
            return text + PlotText(String(match.plain ?? ""))
        }
    }

    /// A plain text.
    public init(stringLiteral value: String) { self.init(value) }

    /// The two texts one after the other.
    public static func + (left: PlotText, right: PlotText) -> PlotText {
        var joined = left
        joined.runs += right.runs
        return joined
    }

    /// The text with raised runs as superscripts, one after the other: gnuplot guesses widths in an SVG, and stacks badly.
    var unstacked: PlotText {
        var text = self
        text.runs = runs.flatMap { run in
            // Between a superscript and a subscript gnuplot's SVG forgets the small size; nothing, set normally, recalls it.
            run.style == .raised
                ? [Run(characters: run.characters, style: .superscript), Run(characters: "\u{2060}", style: .regular)]
                : [run]
        }
        return text
    }

    /// Whether nothing would be drawn.
    public var isEmpty: Bool { runs.isEmpty }

    /// The characters without their styles.
    public var plain: String { runs.map(\.characters).joined() }

    /// Estimated width in points when set in DejaVu Sans of `size` points.
    public func width(size: Double) -> Double {
        runs.reduce(0) { sum, run in
            if run.style == .raised { return sum }
            let scale = run.style == .subscript || run.style == .superscript ? 0.8 : 1
            let thousandths = run.characters.reduce(0) { $0 + FontMetrics.advance($1, bold: run.style == .bold) }
            return sum + thousandths / 1000 * scale * size
        }
    }

    /// The text itself if it fits in `width` points, else shortened with an ellipsis in the middle, so that both the
    /// beginning of a file name and its distinguishing end stay readable. A text of mixed styles loses them when shortened.
    public func fitted(width: Double, size: Double) -> PlotText {
        guard self.width(size: size) > width, let style = runs.first?.style else { return self }
        let characters = Array(plain)
        var kept = characters.count - 1
        while kept > 0 {
            let head = (kept + 1) / 2
            let short = PlotText(
                String(characters[..<head]) + "…" + String(characters[(characters.count - kept + head)...]), style)
            if short.width(size: size) <= width { return short }
            kept -= 1
        }
        return "…"
    }

    /// The text as a double-quoted gnuplot string in enhanced mode.
    ///
    /// Quotes, backslashes and every other character with a meaning to gnuplot's reader are written as octal codes. Single
    /// quotes would look simpler, but gnuplot 5.4 loses count of doubled ones and then runs what stands in backquotes
    /// as a shell command.
    var quoted: String {
        let markup = runs.map { run in
            let escaped = PlotText.escape(PlotText.keepingOuterSpaces(run.characters))
            switch run.style {
            case .regular: return escaped
            case .bold: return "{/:Bold \(escaped)}"
            case .italic: return "{/:Italic \(escaped)}"
            case .subscript: return "_{\(escaped)}"
            case .superscript: return "^{\(escaped)}"
            case .raised: return "@^{\(escaped)}"
            }
        }
        return "\"" + PlotText.octal(markup.joined()) + "\""
    }

    private static func octal(_ markup: String) -> String {
        var afterCode = false
        return markup.unicodeScalars.reduce(into: "") { literal, scalar in
            // gnuplot reads a code as far as octal digits go, so that a digit after a code must be one as well.
            let isDigit = ("0"..."7").contains(scalar)
            afterCode = "\"'`\\$@#".unicodeScalars.contains(scalar) || (afterCode && isDigit)
            if afterCode {
                let digits = String(scalar.value, radix: 8)
                literal += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            } else {
                literal.unicodeScalars.append(scalar)
            }
        }
    }

    /// Spaces at the ends as no-break spaces: SVG viewers drop plain ones where the style changes.
    private static func keepingOuterSpaces(_ characters: String) -> String {
        let head = characters.prefix { $0 == " " }.count
        let tail = characters.dropFirst(head).reversed().prefix { $0 == " " }.count
        // librsvg trims no-break spaces as well unless something (a word joiner, without width) stands beyond them.
        let (space, end) = ("\u{A0}", "\u{2060}")
        return (head > 0 ? end : "") + String(repeating: space, count: head)
            + characters.dropFirst(head).dropLast(tail) + String(repeating: space, count: tail) + (tail > 0 ? end : "")
    }

    /// Backslashes before the characters that enhanced text mode reads as markup.
    static func escape(_ characters: String) -> String {
        var escaped = ""
        for character in characters {
            if "\\_^{}@&~".contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
        return escaped
    }
}

extension Character {
    fileprivate var isControl: Bool {
        unicodeScalars.contains { $0.properties.generalCategory == .control || $0.properties.isBidiControl }
    }
}

/// Advance widths of DejaVu Sans, in thousandths of the font size, to lay out and shorten text before it is drawn.
///
/// The figures ask for DejaVu Sans; where it is absent, its stand-ins (Helvetica, Liberation Sans) are narrower, so a text
/// that fits here fits there.
enum FontMetrics {
    /// Width of `character` in thousandths of the font size.
    static func advance(_ character: Character, bold: Bool) -> Double {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        let table = bold ? boldWidths : regularWidths
        switch scalar.value {
        case 32..<127: return table[Int(scalar.value) - 32]
        // East Asian scripts and emoji are set in full-width squares.
        case 0x1100..<0x1160, 0x2E80..<0xA4D0, 0xAC00..<0xD7A4, 0xF900..<0xFB00, 0xFE30..<0xFE70, 0xFF00..<0xFF61,
            0x1F000...:
            return 1000
        default: return bold ? 760 : 690
        }
    }

    private static let regularWidths: [Double] = [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
        636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752,
        295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390,
        838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411,
        521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
    ]

    private static let boldWidths: [Double] = [
        348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696,
        696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821,
        837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457,
        365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687,
        716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
    ]
}
