import Support
import Testing
@testable import Spectra

/// The pixels of a grid.
struct WavelengthGridTests {
    /// Found at once is what a search through all pixels finds.
    @Test(arguments: [Instrument.lamostLRS, .gaiaXP, .optical].map(\.grid))
    func theNearestPixelIsNearest(_ grid: WavelengthGrid) {
        let pixels = (0..<grid.count).map { grid.wavelength(at: Double($0)) }
        let (first, last) = (pixels[0], pixels[pixels.count - 1])
        var random = SeededGenerator(seed: 5)
        let anywhere = (0..<200).map { _ in Double.random(in: 0.9 * first...1.1 * last, using: &random) }
        let between = zip(pixels, pixels.dropFirst()).map { ($0 + $1) / 2 }
        for wavelength in anywhere + between + pixels + [first, last, 0, -1, 1e9] {
            let found = grid.nearestPixel(to: wavelength)
            let searched = pixels.indices.min { abs(pixels[$0] - wavelength) < abs(pixels[$1] - wavelength) }
            #expect(found == searched, "\(wavelength)")
        }
    }
}
