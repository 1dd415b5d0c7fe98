import ArgumentParser
import Datasets
import Foundation
import Spectra
import StarReading
import Support
import Tables
import Torch

/// Which stars of a data set a command works on as a whole.
struct DataSetOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The data set (HDF5).", valueName: "data.h5")) var data: String
    @Option(
        help: ArgumentHelp("gaia-xp, optical, … (default: the first that model and data share).", valueName: "name"))
    var instrument: String?
    @Option(
        name: .customLong("where"), parsing: .singleValue,
        help: ArgumentHelp("Stars with such labels only, as 'teff<8000'; may be repeated.", valueName: "condition"))
    var conditions: [LabelCondition] = []

    /// The data set, the instrument whose spectra are read, and the rows of a split that meet all conditions.
    /// - Throws: `Diagnostic` where model and data have no instrument in common, or no star is left.
    func open(
        for reader: StarReader, _ split: Split
    ) throws -> (set: PairedDataSet, instrument: Instrument, rows: [Int]) {
        let set = try PairedDataSet(opening: URL(fileURLWithPath: data))
        let shared = reader.instruments.filter { set.has($0) }
        let chosen = try instrument.map { try StarReader.instrument(named: $0, among: shared) } ?? shared.first
        guard let chosen else {
            throw Diagnostic(
                data, field: "instruments", problem: "holds none that the model reads",
                remedy: "the model reads " + reader.instruments.map(\.name).joined(separator: ", "))
        }
        let seen = Set(try set.rows(seenBy: [chosen], split: split))
        let rows = try set.rows(where: conditions, split: split).filter(seen.contains)
        guard !rows.isEmpty else {
            throw Diagnostic(
                data, field: split.rawValue, problem: "holds no such stars",
                remedy: "give another --split or --where")
        }
        return (set, chosen, rows)
    }
}
