import ArgumentParser
import Datasets
import Evaluation
import Foundation
import SpecCLIP
import StarReading
import Support
import Tables
import Torch

/// `specclip model retrieval`.
struct ModelRetrievalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retrieval",
        abstract: "How well aligned instruments agree, pair by pair.",
        usage: "specclip model retrieval <pairs.h5> -m <model> [<options>]",
        discussion: """
            For every pair of instruments, of held-out stars that both have seen: recall@1
            and recall@10 (is a star found by its spectrum from the other instrument, mean
            over both directions) and MKNN (the share of its k nearest neighbours that a
            star has in both spaces; arXiv 2405.07987), with bootstrap errors. Beside:

              labels   Teff, log g and [Fe/H] read from each spectrum by a network on the
                       features of the same encoders: what labels alone would give
              known    the same, with the catalogue's labels on one side
              chance   what guessing gives
              together training stars of the data that both instruments have seen

            EXAMPLE
              specclip model retrieval four.h5 -m runs/four/align/model.safetensors \\
                  --beside runs/hub/align/model.safetensors
            """)

    @Argument(help: "The data set: labels are learned from train, test is scored.") var data: String
    @OptionGroup var model: ModelOptions
    @Option(help: ArgumentHelp("A model of the same instruments, aligned on other stars.", valueName: "model"))
    var beside: [String] = []
    @Option(help: ArgumentHelp("Nearest neighbours of MKNN.", valueName: "k")) var neighbours = 10
    @Option(help: ArgumentHelp("At most so many stars a pair, evenly sampled.", valueName: "n")) var limit: Int?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func validate() throws {
        if neighbours < 1 { throw ValidationError("--neighbours \(neighbours): must be at least 1") }
        if let limit, limit < 3 { throw ValidationError("--limit \(limit): must be at least 3") }
    }

    func run() throws {
        let url = try output.url(extensions: ["json"])
        let device = try compute.prepare()
        let names = [try model.url().path] + beside
        let models = try names.map { path in
            let file = try ModelFile(contentsOf: try ShippedModel.url(of: path))
            guard file.description.embedding != nil else {
                throw Diagnostic(
                    path, problem: "is not aligned: it has no embeddings to compare",
                    remedy: "run 'specclip align' first")
            }
            return try catchingTorchErrors { try file.model(on: device) }
        }
        for (path, other) in zip(names, models).dropFirst() where other.instruments != models[0].instruments {
            throw Diagnostic(
                path, problem: "is a model of \(other.instruments.map(\.name).joined(separator: ", "))",
                remedy: "give one of \(models[0].instruments.map(\.name).joined(separator: ", "))")
        }
        let pairs = try PairedDataSet(opening: URL(fileURLWithPath: data))
        let titles = ["model"] + beside.indices.map { beside.count == 1 ? "beside" : "beside \($0 + 1)" }

        let report = try AlignmentEvaluation(
            Array(zip(titles, models)).map { (name: $0, model: $1) }, pairs, neighbours: neighbours,
            limit: limit ?? .max
        ).run { Program.progress($0) }
        let encoded = try JSONText.encode(report)
        if let url { try AtomicFile.write(encoded + "\n", to: url) }
        print(json ? encoded : report.text)
    }
}

extension AlignmentReport {
    /// For people: one block a measure, a line a pair.
    var text: String {
        var lines = ["Held-out stars, tier \(tier); per cent, ± over resampled stars"]
        let measures: [(String, (Method) -> Score, (Chance) -> Double)] = [
            ("recall@1", \.top1, \.top1), ("recall@10", \.top10, \.top10),
            ("MKNN, k = \(neighbours)", \.mutual, \.mutual),
        ]
        for (name, score, chance) in measures {
            let methods = pairs.first?.methods.map(\.name) ?? []
            let titles = methods.map { $0 == "one side known" ? "known" : $0 }
            lines += ["", name]
            let table = Table(
                [
                    .init("pair", .text(pairs.map { "\($0.first), \($0.second)" })),
                    .init("stars", .integers(pairs.map(\.stars))),
                    .init("together", .integers(pairs.map(\.together)), canYield: true),
                ]
                    + methods.indices.map { place in
                        .init(
                            titles[place],
                            .text(
                                pairs.map { pair in
                                    let value = score(pair.methods[place])
                                    return String(format: "%.1f±%.1f", 100 * value.value, 100 * value.error)
                                }))
                    } + [.init("chance", .text(pairs.map { String(format: "%.2f", 100 * chance($0.chance)) }))])
            lines.append(table.text(.table).trimmingCharacters(in: .newlines))
        }
        return lines.joined(separator: "\n")
    }
}
