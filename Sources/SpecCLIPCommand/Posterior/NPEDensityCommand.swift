import ArgumentParser
import Foundation
import Posteriors
import Support
import Tables
import Torch

/// `specclip npe density`.
struct NPEDensityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "density",
        abstract: "Write log densities of parameters given data.",
        usage: "specclip npe density <posterior> <data.npz> -o <densities.npz>",
        discussion: """
            One row per pair: `log_density`, in nats; with --marginals also
            `log_marginal_<name>` of every parameter by itself. Parameters that are NaN are
            left out. Without --output a table is printed.

            EXAMPLE  specclip npe density posterior.safetensors pairs.npz -o p.csv
            """)

    @Argument(help: "The posterior.") var posterior: String
    @Argument(help: "Pairs (.npz).") var data: String
    @Option(help: ArgumentHelp("Array of parameters.", valueName: "name")) var theta = "theta"
    @Option(help: ArgumentHelp("Array of data.", valueName: "name")) var x = "x"
    @Flag(help: "Densities of single parameters too.") var marginals = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        _ = try compute.prepare()
        let url = try output.url(extensions: TableFile.extensions)
        let posterior = try LabelPosterior(contentsOf: URL(fileURLWithPath: posterior))
        let archive = try MatrixArchive(data)
        let context = try archive.context(x, of: posterior)
        let labels = try archive.matrix(theta, option: "--theta")
        let names = posterior.description.labels
        try archive.requireColumns(labels, theta, names.count)
        guard labels.size(0) == context.size(0) else {
            throw Diagnostic(
                data, field: theta, problem: "\(labels.size(0)) rows for \(context.size(0)) of \(x)",
                remedy: "give pairs")
        }
        var columns = [
            Column(
                "log_density",
                .numbers(try posterior.logDensity(labels, given: context).doubles()), digits: 4)
        ]
        if marginals {
            let values = try posterior.logMarginals(labels, given: context)
            columns += names.enumerated().map { index, name in
                .init("log_marginal_" + name, .numbers(values.select(1, index).doubles()), digits: 4)
            }
        }
        let table = Table(columns)
        guard let url else { return print(table.text(.table), terminator: "") }
        try TableFile.write(table, to: url)
        print(url.path)
    }
}
