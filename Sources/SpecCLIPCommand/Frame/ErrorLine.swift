import Foundation
import Support

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
