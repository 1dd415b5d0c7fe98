import ArgumentParser
import Datasets
import Foundation

/// Data sets that tell of spectra, with labels on the model's scale and without.
struct SpectrumSets: ParsableArguments {
    @Argument(help: ArgumentHelp("Data sets (HDF5) of stars seen by some instruments.", valueName: "data.h5"))
    var data: [String]
    @Option(
        help: ArgumentHelp(
            "A data set whose labels are on another scale, and are not looked at; may be repeated.",
            valueName: "data.h5"))
    var unlabelled: [String] = []

    /// Opens one after the other, and says whether its labels count.
    func forEach(_ body: (PairedDataSet, Bool) throws -> Void) throws {
        for (paths, isLabelled) in [(data, true), (unlabelled, false)] {
            for path in paths { try body(try PairedDataSet(opening: URL(fileURLWithPath: path)), isLabelled) }
        }
    }
}
