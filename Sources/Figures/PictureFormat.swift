import Foundation
import Support

/// The picture formats a figure can be written in, chosen by the file's extension.
public enum PictureFormat: String, Sendable, CaseIterable {
    case png, pdf, svg

    /// The format for `url`'s extension (case does not matter).
    public init(of url: URL) throws(Diagnostic) {
        guard let format = PictureFormat(rawValue: url.pathExtension.lowercased()) else {
            let given =
                url.pathExtension.isEmpty ? "no file extension" : "unknown picture format '.\(url.pathExtension)'"
            throw Diagnostic(.unknownFormat, url.path, given, remedy: "name it .png, .pdf or .svg")
        }
        self = format
    }

    /// The gnuplot terminal for a page of `width` × `height` points (1/72 inch).
    ///
    /// Text, lines and points keep their size in points in every format; `pixelsPerPoint` only sets how finely a PNG is sampled.
    func terminal(width: Double, height: Double, fontSize: Double, pixelsPerPoint: Double) -> String {
        switch self {
        case .png:
            let size = "\(Int((width * pixelsPerPoint).rounded())),\(Int((height * pixelsPerPoint).rounded()))"
            // Cairo counts a font's points as 1/72 of 96 pixels, a page of ours as 1/72 inch: hence the 0.75.
            let scale = number(pixelsPerPoint)
            return "pngcairo enhanced color rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "fontscale \(number(0.75 * pixelsPerPoint)) linewidth \(scale) pointscale \(scale) size \(size)"
        case .pdf:
            // This terminal draws lines thinner and points smaller than the other two do for the same numbers.
            return "pdfcairo enhanced color rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "fontscale 0.75 linewidth 2 pointscale 1.2 size \(number(width / 72))in,\(number(height / 72))in"
        case .svg:
            return "svg enhanced rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "size \(Int(width.rounded())),\(Int(height.rounded())) dynamic"
        }
    }

    /// Whether `data` begins and ends as a complete file of this format does.
    func isComplete(_ data: Data) -> Bool {
        let tail = String(decoding: data.suffix(64), as: UTF8.self)
        switch self {
        case .png: return data.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) && tail.contains("IEND")
        case .pdf: return data.starts(with: Array("%PDF-".utf8)) && tail.contains("%%EOF")
        case .svg: return data.starts(with: Array("<?xml".utf8)) && tail.contains("</svg>")
        }
    }
}
