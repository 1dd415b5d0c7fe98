import Foundation
import Testing
import Torch
@testable import SpecCLIP

@Suite struct EncoderTests {
    /// The published sizes; the counts are those of the published checkpoints (reference, sections 3 and 5).
    @Test func publishedParameterCounts() throws {
        let configuration = try Configuration(named: "paper")
        let parts = try configuration.resolvedInstruments()
        let counts = Dictionary(
            uniqueKeysWithValues: parts.map { part in
                (
                    part.instrument.name,
                    part.configuration.encoder.makeEncoder(pixels: part.instrument.grid.count).parameterCount
                )
            })
        #expect(counts == ["lamost-lrs": 42_677_013, "gaia-xp": 42_846_129])
    }

    @Test func publishedClipPRParameterCount() throws {
        let model = SpecCLIPModel(try Configuration(named: "paper").alignedModel())
        #expect(model.parameterCount == 168_293_752)
    }

    /// Heads and decoders have the shapes of the published checkpoint (reference, section 8.3), on encoders of width 768.
    @Test func publishedClipSplitParameterCount() throws {
        let model = SpecCLIPModel(try Configuration(named: "paper-split").alignedModel())
        #expect(model.parameterCount == 126_229_506)
    }

    @Test func tokensHoldStatisticsAndOverlappingSections() {
        let flux = Tensor((0..<2 * 1462).map { Float(sin(Double($0) * 0.37) + 2) }, shape: [2, 1462])
        let tokens = SpectrumTokenizer()(flux)
        #expect(tokens.shape == [2, 146, 21])
        let spectra = Standardised(flux)
        #expect(abs(tokens.select(0, 1).select(0, 0).floats()[0] - spectra.std.log10().floats()[1]) < 1e-6)
        // Token t holds pixels 10(t-1) ..< 10(t-1)+20 behind one zero.
        let token = tokens.select(0, 0).select(0, 145).floats()
        #expect(token[0] == 0)
        #expect(Array(token[1...]) == Array(spectra.flux.select(0, 0).floats()[1440..<1460]))
    }

    @Test(arguments: [(1462, 20, 10, 145), (1462, 40, 20, 72), (343, 1, 1, 343), (40, 20, 10, 2)])
    func sectionsAreCounted(pixels: Int, section: Int, step: Int, expected: Int) {
        #expect(SpectrumTokenizer(section: section, step: step).sections(pixels: pixels) == expected)
    }

    @Test func masksHideOneRunPerPart() {
        let mask = TokenMask(chunks: 6, width: 10)
        let hidden = mask.draw(batch: 200, tokens: 146)
        #expect(hidden.to(.int64).sum(dims: [1]).int64s() == Array(repeating: 60, count: 200))
        let (starts, places) = mask.parts(tokens: 146)
        #expect(starts == [0, 24, 48, 73, 97, 121] && places == 14)
        for (i, start) in starts.enumerated() {
            let end = i + 1 < starts.count ? starts[i + 1] : 146
            let part = hidden.narrow(1, start: start, length: end - start).to(.int64)
            #expect(part.sum(dims: [1]).int64s() == Array(repeating: 10, count: 200))
        }
    }

    @Test func embeddingsOfABatchOfOneKeepTheirAxis() throws {
        var configuration = try Configuration(named: "tiny")
        configuration.embedding = 16
        let model = SpecCLIPModel(try configuration.alignedModel())
        model.evaluate()
        for instrument in model.instruments {
            let flux = Tensor.rand([3, instrument.grid.count])
            let all = try withoutGradient { try model.embed(flux, from: instrument) }
            let one = try withoutGradient { try model.embed(flux.narrow(0, start: 1, length: 1), from: instrument) }
            #expect(all.shape == [3, 16] && one.shape == [1, 16])
            for (a, b) in zip(one.floats(), all.floats()[16..<32]) { #expect(abs(a - b) < 1e-5) }
            for other in model.instruments {
                let spectrum = try withoutGradient { try model.translate(one, from: instrument, to: other) }
                #expect(spectrum.shape == [1, other.grid.count])
            }
        }
    }
}
