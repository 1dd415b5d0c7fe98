import Foundation

/// What went wrong in this library, in one line.
public enum TorchError: Error, LocalizedError, CustomStringConvertible, Equatable {
    /// An operation refused its tensors: its name, the shapes of its tensor arguments, and libtorch's reason.
    case operation(String, shapes: [[Int]], reason: String)
    /// A file could not be read or written.
    case file(String, reason: String)
    /// A device is unknown or not usable.
    case device(String)
    /// A state dictionary does not fit a module or an optimiser.
    case state(String)

    /// One line: what, with which shapes or file, and why.
    public var description: String {
        switch self {
        case .operation(let name, let shapes, let reason):
            switch shapes.count {
            case 0: "\(name): \(reason)"
            case 1: "\(name): \(shapes[0]) does not fit (\(reason))"
            default: "\(name): \(shapes.map(\.description).joined(separator: " and ")) do not fit (\(reason))"
            }
        case .file(let path, let reason): "\(path): \(reason)"
        case .device(let reason): reason
        case .state(let reason): reason
        }
    }

    /// The same as ``description``.
    public var errorDescription: String? { description }
}

/// libtorch's messages go on for many lines; the first says what is wrong.
func firstLine(_ message: String) -> String {
    message.split(whereSeparator: \.isNewline).first.map(String.init) ?? message
}
