import Foundation
import Testing
@testable import Figures

@Suite struct PlotTextTests {
    @Test func nothingInATextMeansAnythingToGnuplot() {
        #expect(PlotText("a_b^c{d}&e~f").quoted == #""a\134_b\134^c\134{d\134}\134&e\134~f""#)
        #expect(PlotText("@\\").quoted == #""\134\100\134\134""#)
        #expect(PlotText("it's `ls` $(ls) \"x\" # %s").quoted == #""it\047s \140ls\140 \044(ls) \042x\042 \043 %s""#)
        #expect(PlotText("two\nlines\tand\u{0}more").quoted == #""two lines and more""#)
        // "\0432" would be one code to gnuplot, of a character that no font has.
        #expect(PlotText("pairs.h5#127 #8").quoted == #""pairs.h5\043\061\062\067 \0438""#)
        #expect(PlotText.effectiveTemperature.quoted == #""{/:Italic T}_{eff}""#)
    }

    /// Marks without their ends, and names that only look like symbols, are drawn as they are.
    @Test func symbolsOfLabels() {
        #expect(PlotText(symbol: "*T*_{eff}") == .effectiveTemperature)
        #expect(PlotText(symbol: "log *g*").plain == "log g")
        for name in ["log_age", "[α/M]", "*T", "a_{b", "x*", "", "_{}", "**", "E(BP-RP)"] {
            #expect(PlotText(symbol: name).plain == name)
        }
    }

    @Test func textIsShortenedInTheMiddleToFit() {
        let name = PlotText("spec-55862-B6212_sp06-003" + String(repeating: "x", count: 200) + ".fits.gz")
        for width in stride(from: 20.0, to: 400, by: 37) {
            let fitted = name.fitted(width: width, size: 8)
            #expect(fitted.width(size: 8) <= width)
            #expect(fitted.plain.contains("…"))
        }
        #expect(name.fitted(width: 100, size: 8).plain.hasPrefix("spec-"))
        #expect(name.fitted(width: 100, size: 8).plain.hasSuffix(".fits.gz"))
        #expect(PlotText("short").fitted(width: 100, size: 8) == "short")
        #expect(PlotText("漢字").width(size: 10) == 20)
    }

    /// Random strings of troublesome characters: gnuplot must draw every one of them, and as it is.
    @Test(.enabled(if: hasGnuplot, needsGnuplot))
    func anyTextIsDrawnAsItIs() throws {
        let scratch = try Scratch()
        let alphabet = Array("ab_^{}@&~\\'\"`$#%!;|<>()[]*?=+-:/., é漢𝒳\n\t\u{7}\u{202E}")
        var generator = SplitMix(state: 7)
        let texts = (0..<200).map { _ in
            String(
                (0..<Int.random(in: 1...30, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "a"
                })
        }
        var figure = simpleFigure(title: PlotText(texts[0]))
        figure.texts = texts.enumerated().map { PageText(PlotText($1), x: 5, y: Double($0) / 2) }
        figure.panels[0].y.label = PlotText(texts[1])
        figure.panels[0].series = [.line(x: [0, 1], y: [0, 1], label: PlotText(texts[2]))]
        let output = scratch.file("texts.svg")
        try figure.write(to: output)
        let svg = try String(contentsOf: output, encoding: .utf8)
        let drawn = svg.matches(of: #/<text[^>]*>(.*?)</text>/#).map { match in
            match.1.replacing(#/<[^>]*>/#, with: "").replacing("&amp;", with: "&").replacing("&lt;", with: "<")
                .replacing("&gt;", with: ">").filter { !$0.isWhitespace && $0 != "\u{2060}" }
        }
        for text in texts {
            let expected = PlotText(text).plain.filter { !$0.isWhitespace }
            #expect(expected.isEmpty || drawn.contains(expected), "\(text.debugDescription)")
        }
    }
}

/// A small seeded generator, so that a failure can be repeated (Steele et al. 2014, SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
