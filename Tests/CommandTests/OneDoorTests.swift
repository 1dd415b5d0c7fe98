import Datasets
import Evaluation
import Foundation
import Instruments
import Spectra
import StarReading
import Tables
import TestFiles
import Testing

/// Whatever a star is asked by, it gives one answer: the command, the library, the evaluation, the example of README.
///
/// Equal batches give equal bits; where batches differ, sums of other order round differently: 1e-4 σ.
struct OneDoorTests {
    private static let model = URL(fileURLWithPath: #filePath)
        .appending(path: "../../../Models/specclip-small.safetensors").standardizedFileURL
    /// Of before, which reads the instruments of the data sets that need no download.
    private static let former = model.deletingLastPathComponent().appending(path: "specclip-small-v1.safetensors")
    private let folder: TemporaryFolder
    private let fixture: Fixture
    private let reader: StarReader
    init() throws {
        folder = try TemporaryFolder()
        fixture = try Fixture.shared.get()
        reader = try StarReader(contentsOf: Self.model)
    }

    /// What a front end says of one star: values and errors by label, and the flag.
    private struct Answer: Equatable {
        var values: [String: Double] = [:]
        var errors: [String: Double] = [:]
        var flag = 0

        init(_ star: StarLabels) {
            for estimate in star.estimates {
                values[estimate.label.name] = estimate.value
                errors[estimate.label.name] = estimate.error ?? .nan
            }
            flag = star.flags.rawValue
        }

        init() {}
    }

    /// `predict` with all digits.
    private func predicted(_ arguments: [String], by model: URL = model, labels: [String]) throws -> [Answer] {
        let output = folder.path("\(UUID()).npz")
        let outcome = try Tool.run(["predict", "-m", model.path, "-o", output] + arguments)
        try #require(outcome.code == 0, "\(outcome.errors)")
        let table = try NPZ.read(URL(fileURLWithPath: output))
        return try (0..<(try #require(table["flag"]?.doubles).count)).map { row in
            var answer = Answer()
            for label in labels {
                answer.values[label] = try #require(table[label]?.doubles)[row]
                answer.errors[label] = try #require(table["e_" + label]?.doubles)[row]
            }
            answer.flag = Int(try #require(table["flag"]?.doubles)[row])
            return answer
        }
    }

    @Test(arguments: [Instrument.optical, .gaiaXP]) func commandLibraryAndExampleAgreeToTheBit(
        instrument: Instrument
    ) throws {
        let path = instrument == .gaiaXP ? fixture.xp : fixture.star
        let labels = try reader.labels().labels(for: instrument).map(\.name)
        let spectra = try SpectrumReader.read(URL(fileURLWithPath: path))
        let library = try reader.read(spectra).map(Answer.init)
        #expect(try predicted([path], labels: labels) == library)

        let example = try Tool.run([Self.model.path, path], program: "read-a-star")
        try #require(example.code == 0, "\(example.errors)")
        var answer = Answer()
        for line in example.output.split(separator: "\n").map({ $0.split(separator: " ") }) {
            if line[0] == "flag" {
                answer.flag = Int(line[1]) ?? -1
            } else {
                answer.values[String(line[0])] = Double(line[1])
                answer.errors[String(line[0])] = Double(line[2])
            }
        }
        #expect([answer] == library)
    }

    @Test(arguments: [Instrument.lamostLRS, .gaiaXP]) func evaluationSaysWhatTheCommandSays(instrument: Instrument)
        throws
    {
        let reader = try StarReader(contentsOf: Self.former)
        let labels = try reader.labels().labels(for: instrument).map(\.name)
        let answers = try predicted(
            [fixture.pairs, "--instrument", instrument.name], by: Self.former, labels: labels)
        let data = try PairedDataSet(opening: URL(fileURLWithPath: fixture.pairs))
        let spectra = try data.spectra(instrument, split: .test, range: 0..<data.count(.test))
        let observations = try (0..<spectra.count).map {
            try Observation(row: $0, of: spectra, instrument, name: "\($0)", sourceID: "\($0)")
        }
        let test = try LabelTest(reader, instrument)
        let truth = labels.map { _ in observations.map { _ in Double.nan } }
        let results = try test.run(
            observations, truth: truth,
            baseline: LinearBaseline(
                test.flux(observations), labels: labels.map { _ in observations.map { _ in 0 } }, components: 0))
        #expect(answers.count == observations.count && results.map(\.label.name) == labels)
        for result in results {
            for (row, answer) in answers.enumerated() {
                let (value, error) = (
                    answer.values[result.label.name] ?? .nan, answer.errors[result.label.name] ?? .nan
                )
                #expect(abs(result.predicted[row] - value) <= 1e-4 * error, "\(result.label.name) of row \(row)")
                #expect(abs(result.errors[row] - error) <= 1e-4 * error)
            }
        }
    }

    /// Other stars in a batch, other threads beside: no other answer.
    @Test func companyDoesNotMatter() async throws {
        let spectra = try [fixture.star, fixture.xp].flatMap { try SpectrumReader.read(URL(fileURLWithPath: $0)) }
        let alone = try spectra.map { Answer(try reader.read([$0])[0]) }
        // So many that each thread reads some of them.
        let together = try reader.read(Array(repeatElement(spectra, count: 30).joined())).map(Answer.init)
        #expect(together.count == 30 * spectra.count)
        for (row, answer) in together.enumerated() {
            let expected = alone[row % 2]
            #expect(answer.flag == expected.flag)
            for (name, value) in expected.values {
                #expect(abs((answer.values[name] ?? .nan) - value) <= 1e-4 * (expected.errors[name] ?? .nan), "\(name)")
            }
        }
        try await withThrowingTaskGroup(of: [Answer].self) { group in
            for _ in 0..<4 { group.addTask { [reader] in try reader.read([spectra[0]]).map(Answer.init) } }
            for try await answers in group { #expect(answers == [alone[0]]) }
        }
    }

    /// README shows code that is compiled and run.
    @Test func readmeShowsTheExample() throws {
        let package = URL(fileURLWithPath: #filePath).appending(path: "../../..").standardizedFileURL
        let readme = try String(contentsOf: package.appending(path: "README.md"), encoding: .utf8)
        let example = try String(contentsOf: package.appending(path: "Examples/ReadAStar/main.swift"), encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        #expect(!blocks.isEmpty)
        func code(_ text: String) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        let lines = code(example)
        for block in blocks {
            for line in code(block) { #expect(lines.contains(line), "\(line)") }
        }
    }
}

/// The tutorial of `Examples/` does what it says.
struct TutorialTests {
    @Test(.timeLimit(.minutes(5))) func theTutorialRuns() throws {
        let folder = try TemporaryFolder()
        let outcome = try Tool.run([folder.path("t")], program: "tutorial")
        #expect(outcome.code == 0, "\(outcome.errors)")
        for word in ["stars to learn from", "aligned", "star 4: Teff", "as Gaia would see it"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
        let source = URL(fileURLWithPath: #filePath).appending(path: "../../../Examples/Tutorial/main.swift")
        let lines = try String(contentsOf: source.standardizedFileURL, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 150)
    }
}
