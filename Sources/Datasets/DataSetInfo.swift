import Statistics

/// What a paired data set holds, for `specclip data info`.
public struct DataSetInfo: Sendable, Codable {
    /// One instrument.
    public struct InstrumentInfo: Sendable, Codable {
        /// Name, e.g. `lamost-lrs`.
        public var name: String
        /// Pixels of a spectrum.
        public var pixels: Int
        /// First and last wavelength, Å.
        public var wavelengths: [Double]
    }

    /// One label in one split.
    public struct LabelInfo: Sendable, Codable {
        /// Name, e.g. `teff`.
        public var name: String
        /// Sources that have it.
        public var present: Int
        /// Sources that lack it.
        public var missing: Int
        /// Smallest, median and largest value; empty if no source has it.
        public var range: [Double]
    }

    /// One split.
    public struct SplitInfo: Sendable, Codable {
        /// `train`, `validation` or `test`.
        public var split: Split
        /// Rows.
        public var count: Int
        /// Different sources among them.
        public var sources: Int
        /// Labels, sorted by name.
        public var labels: [LabelInfo]
    }

    /// The file.
    public var file: String
    /// Kind of data.
    public var tier: String
    /// How it was made, JSON.
    public var provenance: String
    /// Instruments with spectra.
    public var instruments: [InstrumentInfo]
    /// The splits that are told of.
    public var splits: [SplitInfo]

    /// Reads what is to be told about a data set; no spectra are read.
    public init(_ data: PairedDataSet) throws {
        file = data.url.path
        tier = data.tier
        provenance = data.provenance
        instruments = data.instruments.map {
            InstrumentInfo(
                name: $0.name, pixels: $0.grid.count, wavelengths: [$0.grid.range.lowerBound, $0.grid.range.upperBound])
        }
        splits = try data.splits.map { split in
            SplitInfo(
                split: split, count: data.count(split), sources: Set(try data.sourceIDs(split)).count,
                labels: try data.labelNames.map { name in
                    let values = try data.labels(name, split: split)
                    let present = values.filter { !$0.isNaN }
                    let range = [present.min(), median(present), present.max()].compactMap(\.self)
                    return LabelInfo(
                        name: name, present: present.count, missing: values.count - present.count,
                        range: present.isEmpty ? [] : range)
                })
        }
    }
}
