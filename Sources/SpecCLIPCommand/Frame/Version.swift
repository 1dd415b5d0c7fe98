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
