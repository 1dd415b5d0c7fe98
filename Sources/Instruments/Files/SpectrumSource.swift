import Spectra

/// A file opened for reading spectra, one range of them at a time.
protocol SpectrumSource {
    /// Number of spectra in the file.
    var count: Int { get }
    /// The spectra of `range`, within 0..<count.
    func spectra(_ range: Range<Int>) throws -> [Spectrum]
}
