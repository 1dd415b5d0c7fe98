import ArgumentParser

/// Widths as the command line has them: `1,2,4`.
enum WidthList {
    /// - Parameters:
    ///   - option: whose value the text is.
    ///   - full: the widest there is.
    /// - Returns: in the order given.
    static func parse(_ text: String, option: String, upTo full: Int) throws -> [Int] {
        try text.split(separator: ",").map { part in
            guard let width = Int(part), (1...full).contains(width) else {
                throw ValidationError("\(option) \(text): give widths from 1 to \(full), separated by commas")
            }
            return width
        }
    }
}
