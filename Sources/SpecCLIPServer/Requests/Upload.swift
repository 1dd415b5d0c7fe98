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
    /// In the order of their numbers, by which they are called.
    private(set) var files: [File] = []
    /// Spectra as arrays.
    var spectra: [SpectrumArrays] = []
    /// Spectra as JSON, which take their time to be read.
    var text: Data?
    /// What the client says of files that they do not say themselves, as the command's options call it.
    var statements: [String: String] = [:]

    /// Digits of the names of files, so that none begins as another does.
    private static let digits = 6

    init(in folder: PrivateFolder, _ share: MemoryBudget.Share) { (self.folder, self.share) = (folder, share) }

    /// The path of the next file, in a folder that is there.
    /// - Parameter shown: what the client calls it; of that the ending stays, if it is a known one.
    func nextPath(_ shown: String) throws -> String {
        let number = String(files.count)
        let name = String(repeating: "0", count: max(0, Self.digits - number.count)) + number
        return try folder.made().appending(path: name + UploadReceiver.ending(of: shown)).path
    }

    /// Takes a file that is whole.
    mutating func add(_ file: File) { files.append(file) }

    /// The name of an observation as the client knows its file.
    func shown(name: String) -> String {
        let start = folder.url.path + "/"
        guard name.hasPrefix(start), let number = Int(name.dropFirst(start.count).prefix(Self.digits)),
            files.indices.contains(number), name.hasPrefix(files[number].path)
        else { return shown(name) }
        return files[number].shown + name.dropFirst(files[number].path.count)
    }

    /// A message without the places where the server keeps files.
    func shown(_ text: String) -> String {
        var text = text
        if text.contains(folder.url.path) {
            text = files.reduce(text) { $0.replacingOccurrences(of: $1.path, with: $1.shown) }
        }
        for place in [folder.url.path, FileManager.default.temporaryDirectory.standardizedFileURL.path] {
            text = text.replacingOccurrences(of: place + "/", with: "")
        }
        return text
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
