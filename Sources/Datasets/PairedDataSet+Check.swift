import Spectra
import Support

extension PairedDataSet {
    /// Makes sure that the spectra of an instrument are such as a model of that instrument reads.
    ///
    /// A data set may define its instruments: one of a model's name must also have its grid and its normalisation, else
    /// pixels are taken for others without a word. A data set without the instrument passes.
    /// - Throws: `Diagnostic` that names the file and says what differs.
    public func check(against instrument: Instrument) throws {
        guard let own = instruments.first(where: { $0.dataSetKey == instrument.dataSetKey }),
            let difference = own.difference(from: instrument, called: "the model's")
        else { return }
        throw Diagnostic(
            url, field: "\(instrument.dataSetKey)_spectra", problem: difference,
            remedy: "make the data set for this \(instrument.name), or train a model on it")
    }
}

extension Instrument {
    /// In what spectra of this instrument differ from those of another of its name; nil where they do not.
    func difference(from other: Instrument, called name: String) -> String? {
        if grid != other.grid { return "is on another grid (\(grid.text)) than \(name) (\(other.grid.text))" }
        if gaps != other.gaps { return "has other gaps than \(name)" }
        guard normalisation != other.normalisation else { return nil }
        return normalisation.text == other.normalisation.text
            ? "is \(normalisation.text) by another recipe than \(name)"
            : "is \(normalisation.text), \(name) is \(other.normalisation.text)"
    }
}
