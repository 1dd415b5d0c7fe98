import Foundation
import Support
import Testing
@testable import Figures

@Suite struct GnuplotTests {
    @Test func aMissingProgramIsNamedWithItsRemedy() throws {
        let onPath = #expect(throws: Diagnostic.self) { _ = try Gnuplot(environment: ["PATH": "/nonexistent:"]) }
        #expect(onPath?.reason == .gnuplotMissing)
        #expect(onPath?.description.contains("gnuplot-nox") == true)
        let named = #expect(throws: Diagnostic.self) {
            _ = try Gnuplot(environment: ["PATH": "/usr/bin", "SPECCLIP_GNUPLOT": "/nonexistent/gnuplot"])
        }
        #expect(named?.description.contains("/nonexistent/gnuplot: no such program") == true)
        #expect(throws: Diagnostic.self) { _ = try Gnuplot(executable: URL(fileURLWithPath: "/tmp")) }
    }

    @Test func theFirstProgramOnPathIsTaken() throws {
        let scratch = try Scratch()
        let program = try scratch.program("exit 0").executable
        let named = scratch.file("gnuplot")
        try FileManager.default.moveItem(at: program, to: named)
        let found = try Gnuplot(environment: ["PATH": "/nonexistent:\(scratch.url.path):/usr/bin"])
        #expect(found.executable.path == named.path)
    }

    @Test(arguments: ["picture.gif", "picture", "picture.png.gz"])
    func otherFormatsAreRefused(name: String) throws {
        let error = #expect(throws: Diagnostic.self) { _ = try PictureFormat(of: URL(fileURLWithPath: name)) }
        #expect(error?.reason == .unknownFormat)
    }

    @Test func complaintsBecomeOneLineAndLeaveNoFile() throws {
        let scratch = try Scratch()
        let program = try scratch.program(
            """
            touch .half.png
            rm .half.png
            printf 'plot foo\\n     ^\\n"-" line 12: undefined variable: foo\\n\\n' >&2
            exit 1
            """)
        let before = scratch.contents
        let error = #expect(throws: Diagnostic.self) {
            try simpleFigure().write(to: scratch.file("a.png"), gnuplot: program)
        }
        #expect(error?.reason == .gnuplotFailed)
        #expect(error?.description.contains("line 12: undefined variable: foo") == true)
        #expect(error?.description.contains("\n") == false)
        #expect(scratch.contents == before)
    }

    /// A program that dies at once, or writes half a picture, while we have megabytes of script for it.
    @Test(arguments: [
        "exit 0", "kill -9 $$",
        #"name=$(sed -n "s/^set output '\(.*\)'$/\1/p" | head -1); printf '\211PNG\r\n\032\n' > "$name""#,
    ])
    func anIncompletePictureNeverAppears(script: String) throws {
        let scratch = try Scratch()
        let program = try scratch.program(script)
        let output = scratch.file("a.png")
        try Data("kept".utf8).write(to: output)
        let before = scratch.contents
        var figure = simpleFigure()
        let many = (0..<100_000).map(Double.init)
        figure.panels[0].series = [.line(x: many, y: many)]
        let error = #expect(throws: Diagnostic.self) { try figure.write(to: output, force: true, gnuplot: program) }
        #expect(error?.reason == .gnuplotFailed)
        #expect(scratch.contents == before)
        #expect(try Data(contentsOf: output) == Data("kept".utf8))
    }

    @Test func aProgramThatHangsIsStopped() throws {
        let scratch = try Scratch()
        var program = try scratch.program("exec sleep 60")
        program.timeout = 0.2
        let before = scratch.contents
        let start = Date()
        let error = #expect(throws: Diagnostic.self) {
            try simpleFigure().write(to: scratch.file("a.svg"), gnuplot: program)
        }
        #expect(error?.reason == .timedOut)
        #expect(Date().timeIntervalSince(start) < 20)
        #expect(scratch.contents == before)
    }

    @Test func existingOutputsAndMissingFoldersAreRefusedBeforeDrawing() throws {
        let scratch = try Scratch()
        let program = try scratch.program("touch was-run; exit 1")
        let output = scratch.file("a.pdf")
        try Data("kept".utf8).write(to: output)
        let exists = #expect(throws: Diagnostic.self) { try simpleFigure().write(to: output, gnuplot: program) }
        #expect(exists?.reason == .outputExists)
        #expect(exists?.description.contains("--force") == true)
        let lost = #expect(throws: Diagnostic.self) {
            try simpleFigure().write(to: scratch.file("no/such/a.pdf"), gnuplot: program)
        }
        #expect(lost?.reason == .outputNotWritable)
        #expect(throws: Diagnostic.self) { try simpleFigure().write(to: scratch.url, gnuplot: program) }
        #expect(!scratch.contents.contains("was-run"))
        #expect(try Data(contentsOf: output) == Data("kept".utf8))
    }

    @Test(.enabled(if: hasGnuplot, needsGnuplot), arguments: PictureFormat.allCases)
    func everyFormatIsWrittenWhole(format: PictureFormat) throws {
        let scratch = try Scratch()
        let output = scratch.file("it's a \"figure\" $(x) `y`.\(format.rawValue.uppercased())")
        try simpleFigure().write(to: output)
        #expect(format.isComplete(try Data(contentsOf: output)))
        try simpleFigure().write(to: output, force: true)
        #expect(scratch.contents.count == 1)
    }

    @Test(.enabled(if: hasGnuplot, needsGnuplot))
    func gnuplotsOwnErrorsAreReported() throws {
        let scratch = try Scratch()
        let error = #expect(throws: Diagnostic.self) {
            try Gnuplot().draw(
                "plot undefined_name", terminal: "svg", format: .svg, to: scratch.file("a.svg"), force: false)
        }
        #expect(error?.description.contains("undefined_name") == true)
        #expect(scratch.contents.isEmpty)
    }
}
