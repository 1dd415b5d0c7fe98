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
