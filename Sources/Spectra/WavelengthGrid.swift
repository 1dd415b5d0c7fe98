import Foundation

/// The fixed vacuum wavelengths on which a model sees the spectra of an instrument.
public enum WavelengthGrid: Sendable, Codable, Hashable {
    /// Equal steps in log10(λ/Å), `count` pixels from `log10Start`.
    case logarithmic(log10Start: Double, step: Double, count: Int)
    /// Equal steps in λ: `start` and `step` in Å.
    case linear(start: Double, step: Double, count: Int)

    /// Number of pixels.
    public var count: Int {
        switch self {
        case .logarithmic(_, _, let count), .linear(_, _, let count): count
        }
    }

    /// Vacuum wavelengths, Å, `count` of them.
    public var wavelengths: [Double] {
        switch self {
        case .logarithmic: coordinates.map { pow(10, $0) }
        case .linear: coordinates
        }
    }

    /// First and last wavelength, Å.
    public var range: ClosedRange<Double> {
        let low = wavelength(at: 0)
        return low...max(low, wavelength(at: Double(count - 1)))
    }

    /// Width of the pixel in the middle, Å; 0 on a grid of one pixel.
    public var medianStep: Double {
        count < 2 ? 0 : wavelength(at: Double((count - 1) / 2 + 1)) - wavelength(at: Double((count - 1) / 2))
    }

    /// Pixels, range and step, in words.
    public var text: String {
        let step =
            switch self {
            case .logarithmic(_, let step, _): String(format: "%g dex a pixel", step)
            case .linear(_, let step, _): String(format: "%g Å a pixel", step)
            }
        return "\(count) pixels, "
            + String(format: "%.1f to %.1f Å (vacuum), ", range.lowerBound, range.upperBound) + step
    }

    /// Wavelength of a pixel, Å; fractions lie between pixels.
    package func wavelength(at pixel: Double) -> Double {
        switch self {
        case .logarithmic(let start, let step, _): pow(10, start + step * pixel)
        case .linear(let start, let step, _): start + step * pixel
        }
    }

    /// The pixel at a wavelength in Å; fractions lie between pixels.
    package func pixel(at wavelength: Double) -> Double {
        switch self {
        case .logarithmic(let start, let step, _): (log10(wavelength) - start) / step
        case .linear(let start, let step, _): (wavelength - start) / step
        }
    }

    /// The pixel whose wavelength is nearest to one in Å; nil on a grid without pixels.
    package func nearestPixel(to wavelength: Double) -> Int? {
        guard count > 0 else { return nil }
        let place = pixel(at: wavelength)
        // No logarithm: below all pixels.
        guard !place.isNaN else { return 0 }
        let below = Int(min(max(place.rounded(.down), 0), Double(count - 1)))
        // Halfway in the logarithm is not halfway.
        return (max(0, below - 1)...min(count - 1, below + 1)).min { first, second in
            abs(self.wavelength(at: Double(first)) - wavelength) < abs(self.wavelength(at: Double(second)) - wavelength)
        }
    }

    /// The wavelength axis in which the steps are equal (log10 λ or λ), computed as `numpy.linspace` does, bit for bit.
    var coordinates: [Double] {
        switch self {
        case .logarithmic(let start, let step, let count), .linear(let start, let step, let count):
            Self.linspace(start, start + step * Double(count - 1), count)
        }
    }

    /// Whether the steps are equal in log10 λ.
    package var isLogarithmic: Bool {
        if case .logarithmic = self { true } else { false }
    }

    private static func linspace(_ start: Double, _ stop: Double, _ count: Int) -> [Double] {
        guard count > 1 else { return count == 1 ? [start] : [] }
        let step = (stop - start) / Double(count - 1)
        var values = (0..<count).map { Double($0) * step + start }
        values[count - 1] = stop
        return values
    }
}
