import Foundation
import Support
import Torch

/// A trained ordered auto-encoder with all that is needed to use it: one `.safetensors` file.
public struct OrderedModel {
    /// Everything but the weights; JSON in the header under `iob`.
    public struct Description: Codable, Sendable, Hashable {
        /// Version of this layout.
        public var format = 1
        /// How it was made.
        public var configuration: BottleneckConfiguration
        /// Shape of one row of data.
        public var shape: [Int]
        /// What was trained on what: free text by field.
        public var provenance: [String: String]
    }

    /// What it is made of.
    public let description: Description
    /// The network with its weights, in scaled units.
    public let autoencoder: OrderedAutoencoder
    /// What is subtracted from a row, and what it is divided by, each `[1, …]`.
    public let (mean, scale): (Tensor, Tensor)
    /// Mean and spread of each latent over the training rows, `[K]`.
    public let latentMean = Buffer(Tensor.zeros([1]))
    /// See `latentMean`.
    public let latentSpread = Buffer(Tensor.ones([1]))

    /// Makes a model with initial weights, scaled to training rows.
    /// - Parameters:
    ///   - configuration: sizes, schedule and seed.
    ///   - training: `[N, …]`.
    ///   - provenance: what was trained on what, by field.
    public init(_ configuration: BottleneckConfiguration, training: Tensor, provenance: [String: String] = [:]) {
        let shape = Array(training.shape.dropFirst())
        description = Description(configuration: configuration, shape: shape, provenance: provenance)
        Generator.seed(configuration.seed)
        autoencoder = Self.network(description)
        let mean = training.mean(dims: [0], keepDims: true)
        switch configuration.scaling {
        case .none:
            self.mean = Tensor.zeros(like: mean)
            scale = Tensor.ones(like: mean)
        case .common:
            let variance = training.totalVariance / Double(max(1, mean.count))
            self.mean = mean
            scale = Tensor.ones(like: mean) * variance.squareRoot()
        case .features:
            self.mean = mean
            scale = training.std(dim: 0, unbiased: false, keepDims: true).clamp(min: 1e-12)
        }
        // The decoder's output is the data themselves for a Gaussian alone.
        if configuration.likelihood.kind != .bernoulli {
            configuration.network.start(autoencoder, at: scaled(training))
        }
    }

    private static func network(_ description: Description) -> OrderedAutoencoder {
        let configuration = description.configuration
        let features = description.shape.reduce(1, *)
        return configuration.network.makeAutoencoder(
            shape: description.shape, width: configuration.width,
            likelihood: configuration.likelihood.makeLikelihood(features: features))
    }

    /// Number of latents K.
    public var width: Int { autoencoder.width }

    /// Data, in rows of the model's own shape: `[N, …]` with as many numbers per row.
    public func shaped(_ x: Tensor) -> Tensor { x.reshaped([x.size(0)] + description.shape) }

    /// Data in the units the network works in.
    public func scaled(_ x: Tensor) -> Tensor { (shaped(x) - mean) / scale }

    /// The first `width` latents of data in their own units, `[N, width]`.
    public func compress(_ x: Tensor, width: Int) throws -> Tensor {
        guard (0...self.width).contains(width) else { throw Diagnostic.width(width, of: self.width) }
        return try blockwise(x) { autoencoder.compress(scaled($0), width: width) }
    }

    /// Data, in their own units, that codes of any width stand for: `[N, k]` → `[N, …]`.
    public func decompress(_ code: Tensor) throws -> Tensor {
        guard code.size(1) <= width else { throw Diagnostic.width(code.size(1), of: width) }
        return try blockwise(code) { autoencoder.decompress($0) * scale + mean }
    }

    /// What moving one latent does to the data, all others at their mean.
    /// - Parameters:
    ///   - latent: which, from 0.
    ///   - steps: where to, in units of the latent's spread.
    /// - Returns: data in their own units, `[steps.count, …]`.
    public func traversal(of latent: Int, steps: [Double]) throws -> Tensor {
        guard (0..<width).contains(latent) else { throw Diagnostic.width(latent + 1, of: width) }
        let unit = Tensor.eye(width).select(0, latent) * latentSpread.value
        let codes = latentMean.value + Tensor(steps.map(Float.init)).unsqueezed(1) * unit.unsqueezed(0)
        return try decompress(codes)
    }

    /// Notes where the latents of the training rows lie.
    func measureLatents(_ training: Tensor) throws {
        let codes = try compress(training, width: width)
        latentMean.value = codes.mean(dims: [0])
        latentSpread.value = codes.std(dim: 0, unbiased: false)
    }

    /// Squared errors of rows at every width, `[N, K + 1]`, in the units of `scaled`.
    public func squaredErrors(_ x: Tensor) -> Tensor { autoencoder.squaredErrors(scaled(x)) }

    /// χ² of rows at every width, `[N, K + 1]`: squared errors in units of the noise.
    /// - Parameters:
    ///   - x: rows of data, `[B] + shape`.
    ///   - inverseVariance: of every number, in the units of the data; as many per row as there are features, for
    ///     every row or, `[1, …]`, for all alike. 0 leaves a number out.
    public func chiSquares(_ x: Tensor, inverseVariance: Tensor) -> Tensor {
        let weights = inverseVariance.reshaped([inverseVariance.size(0), -1]).clamp(min: 0)
        return autoencoder.squaredErrors(scaled(x), weights: weights * scale.reshaped([1, -1]).square())
    }

    private func blockwise(_ x: Tensor, _ body: (Tensor) -> Tensor) throws -> Tensor {
        try catchingTorchErrors {
            withoutGradient {
                let blocks = stride(from: 0, to: x.size(0), by: OrderedAutoencoder.rowsAtOnce).map { start in
                    body(x.narrow(0, start: start, length: min(OrderedAutoencoder.rowsAtOnce, x.size(0) - start)))
                }
                return Tensor.cat(blocks, dim: 0)
            }
        }
    }
}

extension OrderedModel {
    /// - Throws: `Diagnostic` when it is no model of this kind, `Diagnostic` when it is no safetensors file.
    public init(contentsOf url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(url.path, problem: "no such file; make one with `specclip iob train`")
        }
        let file = try SafetensorsFile(contentsOf: url)
        guard let text = file.metadata["iob"] else {
            throw Diagnostic(
                url.path, problem: "the header has no 'iob' entry: not written by `specclip iob train`")
        }
        do {
            description = try JSONDecoder().decode(Description.self, from: Data(text.utf8))
        } catch {
            throw Diagnostic(url.path, problem: "the 'iob' entry cannot be read; get the file anew")
        }
        let shape = description.shape
        guard (1...4).contains(shape.count), shape.allSatisfy({ (1...(1 << 20)).contains($0) }),
            shape.reduce(1.0, { $0 * Double($1) }) < 1e8
        else { throw Diagnostic(url.path, problem: "the header gives rows of shape \(shape); get it anew") }
        if let problem = description.configuration.problem(shape: shape) {
            throw Diagnostic(url.path, problem: "the header describes no possible model: \(problem)")
        }
        let made = description
        autoencoder = try catchingTorchErrors { Initializer.$isSkipped.withValue(true) { Self.network(made) } }
        var state: [String: Tensor] = [:]
        for name in file.names where name.hasPrefix("model.") {
            state[String(name.dropFirst("model.".count))] = try file.tensor(name)
        }
        (mean, scale) = (try file.tensor("mean"), try file.tensor("scale"))
        (latentMean.value, latentSpread.value) = (try file.tensor("latent_mean"), try file.tensor("latent_spread"))
        do {
            try autoencoder.load(state, strict: true, sharing: true)
        } catch {
            throw Diagnostic(url.path, problem: "\(error)")
        }
        guard mean.shape == [1] + shape, scale.shape == mean.shape, latentMean.value.shape == [width],
            latentSpread.value.shape == [width]
        else { throw Diagnostic(url.path, problem: "mean and scale do not fit rows of shape \(shape)") }
        autoencoder.evaluate()
    }

    /// Writes the file atomically.
    public func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let header = String(decoding: try encoder.encode(description), as: UTF8.self)
        let weights = autoencoder.stateDictionary().map { ("model." + $0.0, $0.1) }
        try SafetensorsFile.write(
            weights + [
                ("mean", mean), ("scale", scale), ("latent_mean", latentMean.value),
                ("latent_spread", latentSpread.value),
            ], metadata: ["iob": header], to: url)
    }
}

extension Diagnostic {
    /// A width that a model of `full` latents does not have.
    static func width(_ width: Int, of full: Int) -> Diagnostic {
        Diagnostic("width \(width)", problem: "this model has \(full) latents", remedy: "give 0 to \(full)")
    }
}
