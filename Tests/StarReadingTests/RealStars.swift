import Foundation
import StarReading

/// The model that ships, and real stars for it to read.
enum RealStars {
    static let reader = Result {
        try StarReader(
            contentsOf: URL(fileURLWithPath: #filePath).appending(path: "../../../Models/specclip-small.safetensors")
                .standardizedFileURL, draws: 500)
    }
    /// LAMOST files in the shared folder.
    static let files = ["003", "082", "098", "106", "114", "139"].map {
        "data/lamost/spec-55862-B6212_sp06-\($0).fits"
    }
}
