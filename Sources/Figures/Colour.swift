/// A colour, 24-bit sRGB.
public struct Colour: Sendable, Hashable {
    /// Red, green and blue as 0xRRGGBB.
    public let rgb: UInt32

    /// A colour from 0xRRGGBB.
    public init(_ rgb: UInt32) { self.rgb = rgb & 0xFFFFFF }

    /// "#rrggbb" as gnuplot reads it, or "#aarrggbb" with its inverted alpha when not opaque.
    func specification(opacity: Double = 1) -> String {
        func hex(_ value: UInt32, digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let colour = hex(rgb, digits: 6)
        guard opacity < 1 else { return "#" + colour }
        return "#" + hex(UInt32(((1 - max(0, opacity)) * 255).rounded()), digits: 2) + colour
    }

    // The colour-blind-safe set of Okabe & Ito, https://jfly.uni-koeln.de/color/

    /// Okabe–Ito black.
    public static let black = Colour(0x000000)
    /// Okabe–Ito orange.
    public static let orange = Colour(0xE69F00)
    /// Okabe–Ito sky blue.
    public static let skyBlue = Colour(0x56B4E9)
    /// Okabe–Ito bluish green.
    public static let green = Colour(0x009E73)
    /// Okabe–Ito yellow.
    public static let yellow = Colour(0xF0E442)
    /// Okabe–Ito blue.
    public static let blue = Colour(0x0072B2)
    /// Okabe–Ito vermilion.
    public static let vermilion = Colour(0xD55E00)
    /// Okabe–Ito reddish purple.
    public static let purple = Colour(0xCC79A7)

    /// Grey for frames, background stars and secondary text.
    public static let grey = Colour(0x8A8A8A)
    /// Dark grey for axes and labels.
    public static let ink = Colour(0x222222)
    /// Light grey for rules between table rows.
    public static let rule = Colour(0xC8C8C8)

    /// Colours for successive curves on white, most distinct first.
    public static let cycle: [Colour] = [blue, vermilion, green, purple, orange, skyBlue, black]

    /// Stops of the viridis colour map, perceptually uniform (Smith & van der Walt, https://bids.github.io/colormap/).
    static let viridis: [Colour] = [
        0x440154, 0x472D7B, 0x3B528B, 0x2C728E, 0x21918C, 0x28AE80, 0x5EC962, 0xADDC30, 0xFDE725,
    ]
    .map { Colour($0) }
}
