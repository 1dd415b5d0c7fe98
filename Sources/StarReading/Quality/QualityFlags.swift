/// Reasons to mistrust what was read from a star, as bits of the column `flag`; 0 is a star without any.
public struct QualityFlags: OptionSet, Sendable, Hashable, Codable {
    /// The bits.
    public let rawValue: Int

    /// Flags from their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Less signal to noise than nearly all spectra that the model was trained on.
    public static let lowSignal = QualityFlags(rawValue: 1 << 0)
    /// More than a tenth of the pixels are missing or masked.
    public static let maskedPixels = QualityFlags(rawValue: 1 << 1)
    /// The spectrum lies where hardly any training spectrum does: not a star, or one of a kind that was not trained.
    public static let outsideDomain = QualityFlags(rawValue: 1 << 2)
    /// The model cannot draw the spectrum it was given: features that it does not know.
    public static let poorReconstruction = QualityFlags(rawValue: 1 << 3)
    /// A label, or much of its posterior, lies beyond the labels that were trained.
    public static let extrapolated = QualityFlags(rawValue: 1 << 4)
    /// The posterior of a label has two separate peaks: one value and an error do not tell it.
    public static let multimodal = QualityFlags(rawValue: 1 << 5)
    /// Two instruments say what cannot both be true of one star.
    public static let instrumentsDisagree = QualityFlags(rawValue: 1 << 6)

    /// All flags with their names and meanings, in the order of their bits.
    public static let all: [(flag: QualityFlags, name: String, meaning: String)] = [
        (.lowSignal, "low-signal", "S/N below that of nearly all training spectra"),
        (.maskedPixels, "masked-pixels", "more than 10 % of the pixels missing or masked"),
        (.outsideDomain, "outside-domain", "unlike any training spectrum"),
        (.poorReconstruction, "poor-reconstruction", "the model cannot draw the spectrum"),
        (.extrapolated, "extrapolated", "a label beyond the training labels"),
        (.multimodal, "multimodal", "a posterior with two separate peaks"),
        (.instrumentsDisagree, "instruments-disagree", "two instruments contradict each other"),
    ]

    /// The names of the flags that are set.
    public var names: [String] { Self.all.filter { contains($0.flag) }.map(\.name) }
}
