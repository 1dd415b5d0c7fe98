import ArgumentParser
import Datasets
import Foundation
import Support
import Tables
import Torch

struct DataInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print what a data set holds, or what the cache does.",
        discussion: """
            EXAMPLES
              specclip data info            (the libraries in the cache)
              specclip data info pairs.h5
            """)

    @Argument(help: ArgumentHelp("A data set (HDF5).", valueName: "file")) var file: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        if let file {
            let report = try DataSetReport(PairedDataSet(opening: URL(fileURLWithPath: file)), shown: file)
            print(json ? try JSONText.encode(report) : report.text)
        } else {
            let report = CacheReport()
            print(json ? try JSONText.encode(report) : report.text)
        }
    }
}
