import Support
import Torch

/// Cuts a spectrum into overlapping sections, the words of a transformer.
///
/// Token 0 holds the statistics, every further token a section of the standardised flux; the two use different
/// columns, so that a section never looks like a statistic. SpecCLIP, reference sections 3.1 and 4.
public struct SpectrumTokenizer: Codable, Sendable, Hashable {
    /// Pixels in a section.
    public var section: Int
    /// Pixels from one section's start to the next.
    public var step: Int
    /// What token 0 tells.
    public var statistics: SpectrumStatistics

    enum CodingKeys: String, CodingKey, CaseIterable { case section, step, statistics }

    /// - Parameters: defaults are those of the published LAMOST transformer.
    public init(section: Int = 20, step: Int = 10, statistics: SpectrumStatistics = .logStd) {
        self.section = section
        self.step = step
        self.statistics = statistics
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        section = try fields(.section, default: 20)
        step = try fields(.step, default: 10)
        statistics = try fields(.statistics, default: .logStd)
        guard section >= 1, step >= 1, step <= section else {
            throw Diagnostic.invalid(
                path: decoder.codingPath.map(\.stringValue).joined(separator: "."),
                problem: "section \(section), step \(step); need 1 <= step <= section")
        }
    }

    /// Numbers per token.
    public var width: Int { statistics.count + section }

    /// Sections cut from a spectrum. The published code drops the last one even where it is whole (quirk Q6).
    public func sections(pixels: Int) -> Int {
        if section == 1 { return pixels }
        let overlap = section - step
        return (pixels - overlap + step - 1) / step - 1
    }

    /// Tokens of a spectrum, the statistics token included.
    public func tokens(pixels: Int) -> Int { sections(pixels: pixels) + (statistics == .none ? 0 : 1) }

    /// - Parameter flux: `[B, N]`.
    /// - Returns: `[B, tokens, width]`.
    public func callAsFunction(_ flux: Tensor) -> Tensor {
        let spectra = Standardised(flux)
        let sections = spectra.flux.unfold(1, size: section, step: step)
            .narrow(1, start: 0, length: sections(pixels: flux.shape[1]))
        guard let columns = statistics.columns(of: spectra) else { return sections }
        let first = columns.padded([0, section], value: 0).unsqueezed(1)
        return Tensor.cat([first, sections.padded([statistics.count, 0], value: 0)], dim: 1)
    }
}

/// Which tokens are hidden in pre-training: one run of `width` tokens in each of `chunks` equal parts
/// (reference, section 3.3).
public struct TokenMask: Codable, Sendable, Hashable {
    /// Parts a spectrum is divided into.
    public var chunks: Int
    /// Tokens hidden in each part.
    public var width: Int

    enum CodingKeys: String, CodingKey, CaseIterable { case chunks, width }

    /// - Parameters: defaults are those of the published LAMOST transformer.
    public init(chunks: Int = 6, width: Int = 10) {
        self.chunks = chunks
        self.width = width
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        chunks = try fields(.chunks, default: 6)
        width = try fields(.width, default: 10)
    }

    /// The first token of each part, plus the number of places a run can start at within it.
    func parts(tokens: Int) -> (starts: [Int], places: Int) {
        ((0..<chunks).map { $0 * tokens / chunks }, tokens / chunks - width)
    }

    /// Draws masks from the default generator: true where a token is hidden, `[B, tokens]`.
    public func draw(batch: Int, tokens: Int) -> Tensor {
        let (starts, places) = parts(tokens: tokens)
        let starting = Tensor(starts.map(Int64.init), shape: [1, chunks])
        return hidden(starts: starting + Tensor.randint(low: 0, high: places, [batch, chunks]), tokens: tokens)
    }

    /// The mask that hides runs from given first tokens.
    /// - Parameters:
    ///   - starts: `[B, chunks]`, int64.
    ///   - tokens: in a spectrum.
    public func hidden(starts: Tensor, tokens: Int) -> Tensor {
        let first = starts.unsqueezed(2)
        let index = Tensor.arange(tokens).reshaped([1, 1, tokens])
        return index.ge(first).logicalAnd(index.lt(first + Double(width))).sum(dims: [1], keepDims: false).gt(0)
    }
}

/// Spectra brought to zero mean and unit standard deviation, each by its own statistics.
///
/// The standard deviation is the unbiased one. There is no epsilon (reference, quirk Q5): a constant spectrum has no
/// standard form, and `Instrument.prepare` refuses it before it gets here.
public struct Standardised {
    /// `(flux - mean) / std`, `[B, N]`.
    public let flux: Tensor
    /// `[B, 1]`.
    public let mean: Tensor
    /// `[B, 1]`.
    public let std: Tensor

    /// - Parameters:
    ///   - flux: `[B, N]`.
    ///   - minimumStd: what smaller standard deviations are raised to.
    public init(_ flux: Tensor, minimumStd: Double? = nil) {
        mean = flux.mean(dims: [1], keepDims: true)
        let std = flux.std(dim: 1, unbiased: true, keepDims: true)
        self.std = minimumStd.map { std.clamp(min: $0) } ?? std
        self.flux = (flux - mean) / self.std
    }
}

/// Which statistics of a spectrum a model is told beside its standardised shape.
public enum SpectrumStatistics: String, Codable, Sendable, Hashable {
    /// log₁₀ of the standard deviation: the mean stays unknown (LAMOST models).
    case logStd = "log10-std"
    /// Mean and standard deviation as they are (Gaia XP models).
    case meanStd = "mean-std"
    /// Mean and standard deviation compressed by asinh: heavily reddened stars, whose flux at 550 nm is close to 0,
    /// have means in the thousands, and a squared error of those would drown every other star.
    case asinhMeanStd = "asinh-mean-std"
    case none

    /// How many numbers that is.
    public var count: Int {
        switch self {
        case .logStd: 1
        case .meanStd, .asinhMeanStd: 2
        case .none: 0
        }
    }

    /// The statistics as columns, `[B, count]`; `nil` for `.none`.
    func columns(of spectra: Standardised) -> Tensor? {
        switch self {
        case .logStd: spectra.std.log10()
        case .meanStd: Tensor.cat([spectra.mean, spectra.std], dim: 1)
        case .asinhMeanStd: Tensor.cat([spectra.mean.asinh(), spectra.std.asinh()], dim: 1)
        case .none: nil
        }
    }
}
