import ArgumentParser
import Figures
import Foundation
import OrderedBottleneck
import Tables
import Torch

/// `specclip iob traverse`.
struct IOBTraverseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traverse",
        abstract: "What each latent does: the data while it moves by 2 sigma either way.",
        usage: "specclip iob traverse <model> -o <traverse.png>",
        discussion: """
            Every latent in turn goes from -2 to +2 standard deviations of the training
            data, all others staying at their mean. A figure, or an .npz with `steps` and
            `latent_0`, `latent_1`, … [steps, features].
            """)

    @Argument(help: "The model.") var model: String
    @Option(help: ArgumentHelp("Latents to move, from the first.", valueName: "n")) var latents = 6
    @Option(help: ArgumentHelp("Standard deviations to either side.", valueName: "x")) var sigma = 2.0
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        _ = try compute.prepare()
        let url = try output.requiredURL(extensions: ["png", "pdf", "svg", "npz"])
        guard latents >= 1, sigma > 0 else { throw ValidationError("--latents and --sigma must be above 0") }
        let model = try OrderedModel(contentsOf: URL(fileURLWithPath: model))
        let steps = [-1, -0.5, 0, 0.5, 1].map { $0 * sigma }
        let moved = try (0..<min(latents, model.width)).map { try model.traversal(of: $0, steps: steps) }
        if url.pathExtension == "npz" {
            let arrays = moved.enumerated().map { ("latent_\($0)", NPYArray(.float32($1.floats()), shape: $1.shape)) }
            try NPZ.write(arrays: [("steps", NPYArray(.float64(steps)))] + arrays, to: url)
        } else {
            try GridFigure(traversals: moved, steps: steps, shape: model.description.shape)
                .write(to: url, force: output.force)
        }
        print(url.path)
    }
}

extension GridFigure {
    /// One latent a row for images, one a panel for curves.
    init(traversals: [Tensor], steps: [Double], shape: [Int]) {
        if shape.count == 3 {
            let rows = traversals.enumerated().map { index, images in
                steps.indices.map { step -> Cell? in
                    let moved = String(format: "%+g σ", steps[step])
                    return Cell(
                        step == 0 ? "latent \(index + 1): \(moved)" : moved, image: pixels(images.select(0, step)))
                }
            }
            self.init(
                title: "What each latent does", rows: rows, cellWidth: 66, cellHeight: 66,
                x: .pixels(shape[2]), y: .pixels(shape[1]), colour: .range(of: Tensor.cat(traversals)))
            return
        }
        let x = (0..<shape.reduce(1, *)).map(Double.init)
        let shades: [Colour] = [.blue, .skyBlue, .black, .orange, .vermilion]
        let cells = traversals.enumerated().map { index, rows -> Cell? in
            Cell(
                "latent \(index + 1)",
                steps.indices.map { step in
                    .line(x: x, y: rows.select(0, step).doubles(), colour: shades[step % shades.count], width: 0.8)
                })
        }
        let rows = stride(from: 0, to: cells.count, by: 2).map { Array(cells[$0..<min($0 + 2, cells.count)]) }
        self.init(
            title: "What each latent does: -\(steps.last ?? 0) σ blue to +\(steps.last ?? 0) σ red", rows: rows,
            cellWidth: 220, cellHeight: 90, x: Axis("Feature"), y: Axis("Value"))
    }
}

/// An image `[1, height, width]` (the first channel of several) as rows of numbers.
func pixels(_ image: Tensor) -> [[Double]] {
    let plane = image.select(0, 0)
    return (0..<plane.size(0)).map { plane.select(0, $0).doubles() }
}

extension Axis {
    /// The side of an image, from edge to edge.
    static func pixels(_ count: Int) -> Axis { Axis(range: -0.5...Double(count) - 0.5, ticks: .none) }

    /// From the darkest pixel to the brightest.
    static func range(of images: Tensor) -> Axis {
        let (low, high) = (images.min().item(), images.max().item())
        return Axis(range: low...max(high, low + 1e-6))
    }
}
