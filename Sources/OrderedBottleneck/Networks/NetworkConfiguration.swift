import Torch

/// Which encoder and decoder an ordered auto-encoder has; the decoder mirrors the encoder.
public enum NetworkConfiguration: Codable, Sendable, Hashable {
    /// Linear layers of these widths, with an activation between them. With a shortcut, a linear map goes beside them
    /// in encoder and decoder, and training starts at principal components: what is learned is what these miss.
    case dense(hidden: [Int], activation: Activation, shortcut: Bool = false)
    /// For images: convolutions (4 × 4, stride 2) with these channels, each halving the sides, then linear layers.
    case convolutional(channels: [Int], hidden: [Int], activation: Activation)
    /// For spectra and other sequences: patches of the features as tokens, with attention between them.
    case transformer(patch: Int, width: Int, layers: Int, heads: Int)

    /// Between linear layers.
    public enum Activation: String, Codable, Sendable, CaseIterable {
        case relu, gelu, silu, tanh

        var layer: any Layer {
            switch self {
            case .relu: ReLU()
            case .gelu: GELU()
            case .silu: SiLU()
            case .tanh: Tanh()
            }
        }
    }

    /// A new auto-encoder with initial weights drawn from the default generator.
    /// - Parameters:
    ///   - shape: of one row of data: `[features]`, or `[channels, height, width]` for images.
    ///   - width: number of latents K.
    ///   - likelihood: of data, given what is decoded.
    public func makeAutoencoder(
        shape: [Int], width: Int, likelihood: any Likelihood = GaussianLikelihood()
    ) -> OrderedAutoencoder {
        let (encoder, decoder) = layers(shape: shape, width: width)
        return OrderedAutoencoder(encoder: encoder, decoder: decoder, width: width, likelihood: likelihood)
    }

    /// What makes the network impossible for rows of this shape; `nil` when nothing does.
    public func problem(shape: [Int]) -> String? {
        let sizes = 1...(1 << 16)
        switch self {
        case .dense(let hidden, _, _):
            return hidden.allSatisfy(sizes.contains) ? nil : "hidden: widths must lie in 1 to \(sizes.upperBound)"
        case .convolutional(let channels, let hidden, _):
            guard shape.count == 3 else { return "convolutional: rows must be images [channels, height, width]" }
            guard !channels.isEmpty, (channels + hidden).allSatisfy(sizes.contains) else {
                return "channels: give one to five, each above 0"
            }
            let factor = 1 << channels.count
            guard channels.count <= 16, shape[1] % factor == 0, shape[2] % factor == 0 else {
                return "channels: \(channels.count) of them halve the sides as often, "
                    + "but \(shape[1]) x \(shape[2]) cannot be divided by \(factor)"
            }
            return nil
        case .transformer(let patch, let width, let layers, let heads):
            guard patch >= 1, patch <= shape.reduce(1, *) else { return "patch: \(patch); give 1 to the features" }
            guard heads >= 1, sizes.contains(width), width % heads == 0, (1...100).contains(layers) else {
                return "transformer: width \(width) must be a multiple of heads (\(heads)), layers 1 to 100"
            }
            return nil
        }
    }

    private func layers(shape: [Int], width: Int) -> (encoder: any Layer, decoder: any Layer) {
        let features = shape.reduce(1, *)
        switch self {
        case .dense(let hidden, let activation, let shortcut):
            let sizes = [features] + hidden + [width]
            let (down, up) = (Self.dense(sizes, activation), Self.dense(sizes.reversed(), activation))
            guard shortcut else { return (Sequential([Flatten()] + down), Sequential(up + [Reshape(shape)])) }
            return (
                Sequential(Flatten(), Shortcut(features, width, around: down)),
                Sequential(Shortcut(width, features, around: up), Reshape(shape))
            )
        case .convolutional(let channels, let hidden, let activation):
            let factor = 1 << channels.count
            let inner = [channels[channels.count - 1], shape[1] / factor, shape[2] / factor]
            let (planes, sizes) = ([shape[0]] + channels, [inner.reduce(1, *)] + hidden + [width])
            var down: [any Layer] = []
            var up: [any Layer] = []
            for (from, to) in zip(planes, planes.dropFirst()) {
                down += [Conv2d(from, to, kernel: 4, stride: 2, padding: 1), activation.layer]
                up = [activation.layer, ConvTranspose2d(to, from, kernel: 4, stride: 2, padding: 1)] + up
            }
            return (
                Sequential(down + [Flatten()] + Self.dense(sizes, activation)),
                Sequential(Self.dense(sizes.reversed(), activation) + [Reshape(inner)] + up)
            )
        case .transformer(let patch, let inner, let layers, let heads):
            return (
                PatchEncoder(
                    features: features, patch: patch, width: inner, layers: layers, heads: heads, latents: width),
                PatchDecoder(shape: shape, patch: patch, width: inner, layers: layers, heads: heads, latents: width)
            )
        }
    }

    /// Starts shortcuts at the principal components of the rows, scaled to unit variance, and the layers beside them at
    /// nothing, so that training begins with the best linear code of every width.
    /// - Parameter rows: what the encoder will see, `[N, …]`.
    func start(_ autoencoder: OrderedAutoencoder, at rows: Tensor) {
        guard let encoder = (autoencoder.encoder as? Sequential)?.layers.last as? Shortcut,
            let decoder = (autoencoder.decoder as? Sequential)?.layers.first as? Shortcut,
            encoder.linear.weight.shape[1] <= Self.featuresForComponents
        else { return }
        let flat = rows.reshaped([rows.size(0), -1])
        let components = PrincipalComponents(flat, count: autoencoder.width)
        let variances = components.variances
        let spread = variances.map { Float(max($0, 1e-6 * (variances.first ?? 1)).squareRoot()) }
        let directions = components.components
        encoder.start(directions / Tensor(spread), centre: components.mean)
        decoder.start((directions * Tensor(spread)).transposed(), offset: components.mean)
    }

    /// Of more features no covariance matrix is made.
    private static let featuresForComponents = 8192

    private static func dense(_ sizes: [Int], _ activation: Activation) -> [any Layer] {
        zip(sizes, sizes.dropFirst()).enumerated().flatMap { index, size -> [any Layer] in
            (index == 0 ? [] : [activation.layer]) + [Linear(size.0, size.1)]
        }
    }
}

/// A linear map with layers beside it, which learn what it misses: (batch, in) → (batch, out).
final class Shortcut: Module, Layer {
    let linear: Linear
    let layers: Sequential

    init(_ inputs: Int, _ outputs: Int, around layers: [any Layer]) {
        linear = Linear(inputs, outputs)
        self.layers = Sequential(layers)
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { linear(x) + layers(x) }

    /// Makes the whole an affine map, (x - centre) · map + offset, from which the layers can learn away.
    /// - Parameter map: `[in, out]`; where it is smaller, the remaining inputs are not read, and the remaining outputs
    ///   are 0.
    func start(_ map: Tensor, centre: Tensor? = nil, offset: Tensor? = nil) {
        withoutGradient {
            let weight = linear.weight.value
            weight.zeroInPlace()
            weight.narrow(0, start: 0, length: map.size(1)).narrow(1, start: 0, length: map.size(0))
                .copyInPlace(from: map.transposed())
            if let bias = linear.bias?.value {
                bias.zeroInPlace()
                if let offset { bias.copyInPlace(from: offset) }
                if let centre { bias.addInPlace(weight.matmul(centre), scale: -1) }
            }
            guard let last = layers.layers.last as? Linear else { return }
            last.weight.value.zeroInPlace()
            last.bias?.value.zeroInPlace()
        }
    }
}
