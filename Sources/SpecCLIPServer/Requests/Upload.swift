import Foundation
import Instruments
import Spectra
import StarReading
import Support
import Tables

/// What a request brought: files in a folder of their own, which goes with it, and spectra as arrays.
struct Upload: Sendable {
    /// A file, and what the client calls it.
    struct File: Sendable {
        var shown: String
        var path: String
    }

    /// Where the files lie.
    let folder: PrivateFolder
    /// The share of the server's room that it takes.
    let share: MemoryBudget.Share
    var files: [File] = []
    /// Spectra as arrays.
    var spectra: [SpectrumArrays] = []
    /// What the client says of files that they do not say themselves, as the command's options call it.
    var statements: [String: String] = [:]

    /// What names of files are replaced by in a message: nobody is told where the server keeps them.
    func shown(_ text: String) -> String {
        guard text.contains(folder.url.path) else { return text }
        return files.reduce(text) { $0.replacingOccurrences(of: $1.path, with: $1.shown) }
            .replacingOccurrences(of: folder.url.path + "/", with: "")
    }
}

/// What a client says of spectra, by the names of the command's options.
struct StarStatements: Sendable {
    var instrument: Instrument?
    var preparation = PrepareOptions()
    var reading = ReadingOptions()

    static let names =
        ["instrument", "rv", "normalised", "reference-rounding"] + ReadingOptions.statementNames

    /// - Parameters:
    ///   - texts: by the option's name without its dashes; `true` switches a flag on.
    ///   - known: instruments that the model reads.
    /// - Throws: `Refusal` for what is no option, or makes no sense.
    init(_ texts: [String: String], among known: [Instrument]) throws {
        for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
            let name = key.replacingOccurrences(of: "_", with: "-")
            do {
                switch name {
                case "instrument" where text.isEmpty: break
                case "instrument": instrument = try StarReader.instrument(named: text, among: known)
                case "rv":
                    guard let velocity = Double(text), abs(velocity) < 10_000 else {
                        throw Diagnostic("--rv \(text)", problem: "must lie between -10000 and 10000 km/s")
                    }
                    preparation.radialVelocity = velocity
                case "normalised": preparation.continuumIsDivided = try ReadingOptions.flag(name, text)
                case "reference-rounding": preparation.referenceRounding = try ReadingOptions.flag(name, text)
                case _ where ReadingOptions.statementNames.contains(name): try reading.state(name, text)
                default:
                    throw Diagnostic(
                        key, problem: "is no option of spectra", remedy: suggestion(for: name, among: Self.names))
                }
            } catch let error as Diagnostic {
                throw Refusal(.badRequest, error)
            }
        }
        if let instrument { reading.instrument = instrument }
    }
}
