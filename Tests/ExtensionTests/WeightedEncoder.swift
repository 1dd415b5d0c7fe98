import SpecCLIP
import Support
import Synchronization
import Torch

// A new encoder, all of it: it weighs pixels by their inverse variances and looks at where they are. No other file knows it.

/// A narrow network on the flux as far as it is known, beside a mark for each pixel that is not.
struct WeightedEncoderSizes: EncoderSizes {
    static let kind = "weighted"
    var width: Int

    private enum CodingKeys: String, CodingKey, CaseIterable { case width }

    init(width: Int) { self.width = width }

    init(from decoder: any Decoder) throws {
        width = try StrictFields(decoder, keyedBy: CodingKeys.self, beside: ["kind"])(.width, default: 8)
    }

    var featureWidth: Int { width }
    var text: String { "weighted pixels, width \(width)" }

    func problem(pixels: Int) -> String? { width > 0 ? nil : "width: \(width); give 1 or more" }
    func makeEncoder(pixels: Int) -> any Encoder { WeightedEncoder(width: width, pixels: pixels) }
}

final class WeightedEncoder: Module, Encoder {
    let pixels: Int
    let width: Int
    let down: Linear
    let up: Linear
    var featureShape: [Int] { [width] }
    var inputs: SpectrumInputs { [.ivar, .valid, .wavelength] }

    /// What reached it, for the tests: shares of pixels without information, by whether it was learning.
    static let seen = Mutex<[Bool: Double]>([:])

    init(width: Int, pixels: Int) {
        (self.width, self.pixels) = (width, pixels)
        down = Linear(2 * pixels, width)
        up = Linear(width, pixels)
        super.init()
    }

    func callAsFunction(_ x: SpectrumBatch) -> Tensor {
        guard let ivar = x.ivar, let valid = x.valid, let wavelength = x.wavelength else { return x.flux * .nan }
        let blind = 1 - valid.mean().item()
        Self.seen.withLock { [isTraining] in $0[isTraining] = max($0[isTraining] ?? 0, blind) }
        // Signal to noise squared, asinh-scaled: 0 where nothing is known, close to 1 where the error is small.
        let weight = (x.flux.square() * ivar + 1).log() / ((x.flux.square() * ivar + 1).log() + 1)
        let slope = (wavelength - wavelength.mean()) * 1e-4
        return down(Tensor.cat([(x.flux - 1 + slope * 0) * weight, valid], dim: 1)).tanh()
    }

    func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        let valid = x.valid ?? Tensor.ones(like: x.flux)
        return ((up(self(x)) + 1 - clean).square() * valid).sum() / valid.sum()
    }
}
