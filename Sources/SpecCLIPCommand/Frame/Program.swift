import ArgumentParser
import Foundation
import Support

/// Runs the command line: parses, runs, prints what went wrong, and ends with the right code.
enum Program {
    /// Exit codes: 0 all done, 1 the job (or a part of it) failed, 2 the command line was wrong.
    enum Code {
        static let failed: Int32 = 1
        static let usage: Int32 = 2
    }

    /// Parses `arguments` (without the program's name) for `root`, runs the command and ends the process.
    static func run(_ root: any ParsableCommand.Type, _ arguments: [String]) async -> Never {
        // A reader that closes the pipe (`specclip … | head`) ends us quietly, as it does any Unix tool.
        signal(SIGPIPE, SIG_DFL)
        // A file-size limit becomes a failed write, which is reported and cleaned up after, as a full disk is.
        signal(SIGXFSZ, SIG_IGN)
        var command: any ParsableCommand
        do {
            command = try root.parseAsRoot(arguments)
        } catch {
            end(code(afterUsageError: error, root))
        }
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            for line in FormerNames.take() { note("specclip: \(line)") }
            end(0)
        } catch is Interrupted {
            note("\(Interrupted())")
            end(0)
        } catch let exit as ExitCode {
            end(exit.rawValue)
        } catch {
            // Help, version and wrong usage are the parser's to tell, wherever they are noticed.
            guard root.exitCode(for: error) == .failure else { end(code(afterUsageError: error, type(of: command))) }
            report(error)
            end(Code.failed)
        }
    }

    /// Prints an error as one line on standard error.
    static func report(_ error: any Error) { note("specclip: " + ErrorLine.text(of: error)) }

    /// Prints a line on standard error.
    static func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    /// Tells a person at a terminal what takes time; a log stays free of it.
    static func progress(_ line: String) { if isatty(STDERR_FILENO) == 1 { note(line) } }

    /// Help and version go to standard output; everything else is a mistake in the command line.
    private static func code(afterUsageError error: any Error, _ command: any ParsableCommand.Type) -> Int32 {
        let message = command.fullMessage(for: error)
        if command.exitCode(for: error) == .success {
            print(message)
            return 0
        }
        let line = message.hasPrefix("Error: ") ? "specclip: " + message.dropFirst("Error: ".count) : message
        note(line)
        return Code.usage
    }

    private static func end(_ code: Int32) -> Never {
        // nil: all streams.
        if fflush(nil) != 0 && code == 0 {
            note("specclip: standard output: cannot be written (\(String(cString: strerror(errno)))); free some space")
            _exit(Code.failed)
        }
        // No static destructors: libtorch's take time and nothing of ours depends on them.
        _exit(code)
    }
}

/// Errors as people read them: one line, `file: field: problem; remedy`.
enum ErrorLine {
    /// The line for `error`; our own errors describe themselves, the system's are put into the same form.
    static func text(of error: any Error) -> String {
        let text =
            switch error {
            case let error as Diagnostic: error.description
            case let error as CocoaError: system(error)
            case let error as any CustomStringConvertible & Error: "\(error)"
            default: error.localizedDescription
            }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: " ")
    }

    private static func system(_ error: CocoaError) -> String {
        let path = error.filePath ?? error.url?.path
        let (problem, remedy) =
            switch error.code {
            case .fileNoSuchFile, .fileReadNoSuchFile: ("does not exist", "check the path")
            case .fileReadNoPermission: ("may not be read", "check its permissions")
            case .fileWriteNoPermission, .fileWriteVolumeReadOnly:
                ("may not be written", "choose a folder that can be written")
            case .fileWriteOutOfSpace: ("cannot be written: the disk is full", "free some space, or write elsewhere")
            default: (error.localizedDescription, "")
            }
        return ([path, problem].compactMap { $0 }.joined(separator: ": ")) + (remedy.isEmpty ? "" : "; " + remedy)
    }
}

/// The version of this program.
enum Version {
    static let current = "0.1.0"

    /// The compiler it was built with.
    static var swift: String {
        #if swift(>=6.4)
            "6.4 or later"
        #elseif swift(>=6.3)
            "6.3"
        #else
            "6.2 or earlier"
        #endif
    }
}
