import Foundation
import Spectra
import StarReading
import Support
import Tables

/// The observations of a request, some at a time, with what was noted of them and what could not be read. For one thread.
final class UploadedStars {
    /// What could not be read, and why.
    struct Failure: Sendable {
        var file: String
        /// Its number in the file, from 1.
        var row: Int
        var error: String

        var json: JSON {
            .object([("file", .text(file)), ("row", .integer(row)), ("error", .text(error))])
        }
    }

    private let upload: Upload
    private let statements: StarStatements
    private let known: [Instrument]
    private let drawn: [Instrument]
    private let mostSpectra: Int
    /// Observations handed over.
    private(set) var count = 0
    private(set) var failures: [Failure] = []
    private var noted: [(text: String, first: String, spectra: Int)] = []
    /// Told of each failure when it is met.
    var onFailure: (Failure) -> Void = { _ in }

    /// - Parameters:
    ///   - upload: what the request brought.
    ///   - known: instruments that are read.
    ///   - drawn: instruments of which a missing band is drawn.
    ///   - mostSpectra: of one request.
    /// - Throws: `Refusal` for options that make no sense.
    init(
        _ upload: Upload, among known: [Instrument], drawingBandsOf drawn: [Instrument], mostSpectra: Int,
        unpackedBytes: Int
    ) throws {
        var upload = upload
        try SpectraText.read(&upload, mostSpectra: mostSpectra)
        self.upload = upload
        (self.known, self.drawn) = (known, drawn)
        var statements = try StarStatements(upload.statements, among: known)
        statements.reading.mostUnpacked = unpackedBytes
        self.statements = statements
        self.mostSpectra = mostSpectra
    }

    /// What was assumed or left out, a line each.
    var notes: [String] {
        noted.map { note in
            let more = note.spectra > 1 ? " (and of \(note.spectra - 1) more)" : ""
            return "\(note.first): \(note.text)\(more)"
        }
    }

    /// Hands over observations, at most `size` at once.
    /// - Throws: `Refusal` where there are too many, and what `body` throws.
    func forEachBatch(of size: Int, _ ticket: Ticket, _ body: ([Observation]) throws -> Void) throws {
        let hand = { [self] (batch: [Observation]) in
            try ticket.check()
            count += batch.count
            guard count + failures.count <= mostSpectra else {
                throw Refusal.tooLarge(
                    "body", "holds more than \(mostSpectra) spectra", "send fewer at once, or raise --max-spectra")
            }
            try body(batch)
        }
        // A data set is read by itself.
        let sets = upload.files.filter { ObservationStream.isDataSet($0.path) }
        let plain = upload.files.filter { file in !sets.contains { $0.path == file.path } }
        for files in [plain] + sets.map({ [$0] }) where !files.isEmpty {
            try ticket.check()
            try read(files, size, hand)
        }
        try readArrays(size, hand)
    }

    private func read(_ files: [Upload.File], _ size: Int, _ hand: ([Observation]) throws -> Void) throws {
        /// Tells what the work throws from what reading does.
        struct OfWork: Error { let error: any Error }
        do {
            let input = ObservationInput(
                files.map(\.path), instrument: statements.instrument, options: statements.preparation,
                reading: statements.reading)
            let stream = try ObservationStream(input, among: known)
            stream.instrumentsWithDrawnBands = drawn
            stream.onNotes = { [unowned self] notes, name in note(notes, of: upload.shown(name: name)) }
            stream.onFailure = { [unowned self] position, error in
                let file = files[min(max(0, position.part), files.count - 1)]
                fail(file.shown, row: position.row + 1, error)
            }
            try stream.forEachBatch(of: size) { batch in
                let named = batch.map { observation in
                    var observation = observation
                    let name = upload.shown(name: observation.name)
                    observation.name = name
                    observation.raw?.origin = name
                    return observation
                }
                do { try hand(named) } catch { throw OfWork(error: error) }
            }
        } catch let problem as OfWork {
            throw problem.error
        } catch {
            // The input as a whole makes no sense.
            fail(files[0].shown, row: 1, error)
        }
    }

    private func readArrays(_ size: Int, _ hand: ([Observation]) throws -> Void) throws {
        for start in stride(from: 0, to: upload.spectra.count, by: size) {
            let block = Array(upload.spectra[start..<min(start + size, upload.spectra.count)])
            let (statements, known, drawn) = (statements, known, drawn)
            let results = concurrentMap(block) { arrays in
                Result { () throws -> Observation in
                    try Observation(
                        arrays.spectrum(statements.reading), of: statements.instrument, among: known,
                        options: statements.preparation, drawingBandsOf: drawn)
                }
            }
            var batch: [Observation] = []
            for (place, result) in results.enumerated() {
                switch result {
                case .success(var observation):
                    observation.position = RowPosition(part: 0, row: start + place)
                    note(observation.prepared.notes, of: observation.name)
                    batch.append(observation)
                case .failure(let error): fail(block[place].name, row: start + place + 1, error)
                }
            }
            if !batch.isEmpty { try hand(batch) }
        }
    }

    private func note(_ notes: [String], of name: String) {
        for text in notes.map({ upload.shown($0) }) {
            if let place = noted.firstIndex(where: { $0.text == text }) {
                noted[place].spectra += 1
            } else if noted.count < 100 {
                noted.append((text, name, 1))
            }
        }
    }

    private func fail(_ file: String, row: Int, _ error: any Error) {
        let failure = Failure(file: file, row: row, error: upload.shown(AnswerText.line(of: error)))
        failures.append(failure)
        onFailure(failure)
    }
}

/// Errors as clients read them.
enum AnswerText {
    /// One line. What the system says of its own files is nobody's business.
    static func line(of error: any Error) -> String {
        switch error {
        case let error as Diagnostic: error.description
        case let error as Refusal: error.description
        default: "server: something went wrong here; ask whoever runs it"
        }
    }
}
