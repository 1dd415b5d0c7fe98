import ArgumentParser
import Support

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Report versions, processor, device, caches, and what is missing or slow.",
        discussion: "Please add its output when you report a problem.")

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let report = DoctorReport()
        print(json ? try JSONText.encode(report) : report.text)
    }
}
