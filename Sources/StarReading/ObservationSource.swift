import Datasets
import Foundation
import Instruments
import Spectra
import Support
import Tables

/// Reads an input piece by piece and tells of it, in its order; on whatever thread.
struct ObservationSource: Sendable {
    /// What is told.
    enum Event: Sendable {
        /// A unit comes, by its number; the answer says whether it is read.
        case begins(Int)
        /// A unit was read, or cannot be read further.
        case ends(Int, (any Error)?)
        /// What was assumed or left out of a spectrum, by its name.
        case notes([String], String)
        /// A spectrum that failed.
        case failed(RowPosition, any Error)
        /// Observations, and how many there are in all where that is known.
        case batch([Observation], total: Int?)
    }

    let input: ObservationInput
    /// The instruments that are read.
    let known: [Instrument]
    let dataSet: PairedDataSet?
    /// The last spectrum that earlier work is done with.
    let done: RowPosition?
    /// Whether a data set's rows come with the spectra of all instruments at once.
    let rowsComeWhole: Bool
    /// The instruments of which a missing band is drawn.
    let drawn: [Instrument]
    /// Whether no batch holds spectra of two units.
    let keepsUnitsApart: Bool
    /// Observations of a batch at the most.
    let size: Int

    /// Who is told.
    typealias Told = Handover<Event>

    /// Reads all.
    func read(telling told: Told) throws {
        if let dataSet { try readRows(of: dataSet, told) } else { try readFiles(told) }
    }

    // MARK: - Data sets

    private func readRows(of data: PairedDataSet, _ told: Told) throws {
        let ids = try data.sourceIDs(input.split)
        let chosenRows = try chosenRows(of: data)
        let read = input.instruments(of: data, among: known)
        let presence = try read.reduce(into: [:]) { $0[$1.name] = try data.presence($1, split: input.split) }
        for (part, instruments) in (rowsComeWhole ? [read] : read.map { [$0] }).enumerated() {
            let first = firstRow(of: part)
            for start in stride(from: min(first, chosenRows.count), to: chosenRows.count, by: size) {
                let block = Array(chosenRows[start..<min(start + size, chosenRows.count)])
                let observations = try instruments.flatMap { instrument in
                    try self.rows(
                        block, of: data, instrument, ids, from: RowPosition(part: part, row: start),
                        presence[instrument.name], told)
                }
                try told.give(.batch(observations, total: chosenRows.count * read.count))
            }
        }
    }

    /// Rows of a data set as one instrument saw them; what fails is left out.
    private func rows(
        _ block: [Int], of data: PairedDataSet, _ instrument: Instrument, _ ids: [String], from first: RowPosition,
        _ seen: [Bool]?, _ told: Told
    ) throws -> [Observation] {
        let spectra = try data.spectra(instrument, split: input.split, indices: block)
        return try block.enumerated().compactMap { place, row -> Observation? in
            guard seen?[row] != false else { return nil }
            let position = RowPosition(part: first.part, row: first.row + place)
            do {
                var observation = try Observation(
                    row: place, of: spectra, instrument, name: "\(input.paths[0])#\(row)", sourceID: ids[row])
                observation.position = position
                return observation
            } catch {
                try told.give(.failed(position, error))
                return nil
            }
        }
    }

    /// The rows that meet all conditions, evenly sampled up to the limit.
    private func chosenRows(of data: PairedDataSet) throws -> [Int] {
        let rows = try data.rows(where: input.conditions, split: input.split)
        return input.limit.map { rows.evenlySampled($0) } ?? rows
    }

    // MARK: - Files

    private func readFiles(_ told: Told) throws {
        var waiting: [Observation] = []
        func hand(over all: Bool) throws {
            while waiting.count >= size || (all && !waiting.isEmpty) {
                let batch = Array(waiting.prefix(size))
                waiting.removeFirst(batch.count)
                try told.give(.batch(batch, total: nil))
            }
        }
        func take(_ results: [Result<Observation, any Error>], part: Int, first: Int) throws {
            for (row, result) in results.enumerated() {
                let position = RowPosition(part: part, row: first + row)
                switch result {
                case .success(var observation):
                    observation.position = position
                    if !observation.prepared.notes.isEmpty {
                        try told.give(.notes(observation.prepared.notes, observation.name))
                    }
                    waiting.append(observation)
                case .failure(let error): try told.give(.failed(position, error))
                }
            }
            try hand(over: false)
        }
        let preparation = Preparation(
            known: known, chosen: input.instrument, options: input.options, reading: input.reading,
            drawn: drawn)
        /// - Returns: why the file cannot be read further.
        func stream(_ part: Int, from next: Int) throws -> (any Error)? {
            let path = input.paths[part]
            do {
                let (url, reading) = input.reading.resolving(path)
                try SpectrumReader.stream(url, options: reading, rows: next..<Int.max, batch: size) { spectra, first in
                    let results = concurrentMap(spectra) { preparation(of: $0, in: path) }
                    do { try take(results, part: part, first: first) } catch { throw Stopped(error: error) }
                }
                return nil
            } catch let stopped as Stopped {
                throw stopped.error
            } catch {
                try told.give(.failed(RowPosition(part: part, row: next), error))
                return error
            }
        }
        var part = 0
        if keepsUnitsApart {
            for (number, unit) in input.units.enumerated() {
                defer { part += unit.paths.count }
                guard try told.ask(.begins(number)) else { continue }
                var problem: (any Error)?
                for place in unit.paths.indices where problem == nil { problem = try stream(part + place, from: 0) }
                try hand(over: true)
                try told.give(.ends(number, problem))
            }
            return
        }
        while part < input.paths.count {
            let small = smallFiles(from: part)
            if small.count > 1 {
                let paths = Array(input.paths[small])
                for (file, results) in zip(small, concurrentMap(paths) { preparation.everything(in: $0) }) {
                    try take(results, part: file, first: 0)
                }
            } else if case let next = firstRow(of: part), next < Int.max {
                _ = try stream(part, from: next)
            }
            part += max(1, small.count)
        }
        try hand(over: true)
    }

    /// The first row of a part of the input that is left to do; beyond all rows for a part that is done.
    private func firstRow(of part: Int) -> Int {
        guard let done, part <= done.part else { return 0 }
        return part < done.part ? Int.max : done.row + 1
    }

    /// Tells the end of the work from a failure of the file.
    private struct Stopped: Error { let error: any Error }

    /// Files that follow each other from `part` on, so small that several may be in memory at once; they are read side by
    /// side. None where earlier, interrupted work has done some of the first.
    private func smallFiles(from part: Int) -> Range<Int> {
        var end = part
        while end < min(part + 64, input.paths.count), firstRow(of: end) == 0,
            ObservationStream.isRegular(input.paths[end]),
            let size = (try? FileManager.default.attributesOfItem(atPath: input.paths[end]))?[.size] as? Int,
            size < 1 << 20
        {
            end += 1
        }
        return part..<end
    }
}

/// How spectra of files become observations.
private struct Preparation: Sendable {
    let known: [Instrument]
    let chosen: Instrument?
    let options: PrepareOptions
    let reading: ReadingOptions
    let drawn: [Instrument]

    /// A spectrum of the file at `path`, which the user wrote so, whatever the system resolves it to.
    func callAsFunction(of spectrum: Spectrum, in path: String) -> Result<Observation, any Error> {
        Result {
            var spectrum = spectrum
            let number = path.contains("#") ? nil : spectrum.origin.lastIndex(of: "#")
            spectrum.origin = path + (number.map { spectrum.origin[$0...] } ?? "")
            return try Observation(
                spectrum, of: chosen, among: known, options: options, drawingBandsOf: drawn)
        }
    }

    /// All spectra of a file; the reason why it cannot be read stands for its first.
    func everything(in path: String) -> [Result<Observation, any Error>] {
        do {
            let (url, reading) = reading.resolving(path)
            return try SpectrumReader.read(url, options: reading).map { self(of: $0, in: path) }
        } catch {
            return [.failure(error)]
        }
    }
}
