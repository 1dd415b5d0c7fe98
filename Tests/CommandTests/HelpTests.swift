import TestFiles
import Testing

/// Help as it is read in a terminal of 80 columns.
struct HelpTests {
    @Test(arguments: [
        "", "predict", "embed", "translate", "search", "card", "prepare", "data", "data fetch", "data pairs",
        "data info",
        "pretrain", "align", "labels", "labels fit", "labels add", "labels calibrate", "demo", "model", "model info",
        "model retrieval",
        "convert", "doctor", "atlas", "atlas build", "atlas merge", "atlas info", "atlas verify",
        "iob", "iob train", "iob dimension", "iob compress", "iob traverse", "iob demo",
        "outliers", "outliers learn", "outliers calibrate", "catalog", "catalog merge", "catalog verify", "spectra fit",
        "emulate", "compare", "serve",
        "npe", "npe train", "npe sample", "npe density",
    ])
    func fitsTheScreen(command: String) throws {
        let words = command.split(separator: " ").map(String.init)
        let outcome = try Tool.run(words + ["--help"], environment: ["COLUMNS": "80"])
        #expect(outcome.code == 0 && outcome.errors.isEmpty)
        for line in outcome.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(outcome.output.contains("USAGE: specclip \(command)"))
    }

    @Test func wrongUsageShowsTheShortWay() throws {
        let outcome = try Tool.run(["pretrain"], environment: ["COLUMNS": "80"])
        #expect(outcome.code == 2 && outcome.output.isEmpty)
        #expect(outcome.errors.contains("Usage: specclip pretrain <configuration> [<options>]"))
    }
}
