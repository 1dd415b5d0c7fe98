import Foundation
import SpecCLIP
import Statistics
import Support
import Torch

/// Labels as a smooth function of what a model says of spectra: a Gaussian process, robust against odd stars.
///
/// Its functions are a cubic of the labels that the model reads plus, where it looks at features, a smooth function of these. The
/// noise follows from the marginal likelihood; stars off by r robust σ weigh 1 / (1 + (r/2)²). It is made of functions about a
/// thousand stars at most (Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, ch. 8).
final class KernelPredictor: Module, LabelPredictor {
    let places: KernelPlaces
    let kernel: KernelPlaces.Kernel
    /// A row a place, a column a label; one number a label.
    let weights: Buffer, intercept: Buffer
    /// −2 log of the marginal likelihood of all labels, up to a constant; NaN of one from a file.
    private(set) var unlikelihood = Double.nan

    /// An empty one, to be loaded.
    init(_ places: KernelPlaces, _ kernel: KernelPlaces.Kernel, labels: Int) {
        (self.places, self.kernel) = (places, kernel)
        weights = Buffer(Tensor.zeros([places.count(kernel), labels], dtype: .float64))
        intercept = Buffer(Tensor.zeros([labels], dtype: .float64))
        super.init()
    }

    /// Learns.
    /// - Parameters:
    ///   - input: of the stars to learn from.
    ///   - labels: per label, per star, in units of the spread; NaN where missing.
    ///   - starWeights: per label, per star: what each counts.
    convenience init(
        _ places: KernelPlaces, _ kernel: KernelPlaces.Kernel, _ input: AdaptationInput, labels: [[Double]],
        starWeights: [[Double]]
    ) throws {
        self.init(places, kernel, labels: labels.count)
        try catchingTorchErrors {
            try withoutGradient {
                // In the basis in which places are independent the process is a ridge regression.
                let basis = places.basis(kernel)
                let design = places.similarity(kernel, to: input).matmul(basis)
                let fits = try zip(labels, starWeights).map { column, weights in
                    try Interruption.check()
                    return RidgeRegression(
                        design, labels: column, rowWeights: weights, penalties: Self.noises, fit: .robust(rounds: 2),
                        standardises: false, isLikeliest: true)
                }
                weights.value = basis.matmul(Tensor.stack(fits.map { $0.weights.to(.float64) }, dim: 1))
                intercept.value = Tensor(fits.map(\.offset), shape: [fits.count])
                unlikelihood = fits.reduce(0) { $0 + $1.unlikelihood }
            }
        }
    }

    /// Variances of the noise beside those of the functions.
    private static let noises = stride(from: -4.0, through: 2, by: 0.5).map { pow(10, $0) }

    func callAsFunction(_ input: AdaptationInput) throws -> Tensor {
        try catchingTorchErrors {
            withoutGradient { places.similarity(kernel, to: input).matmul(weights.value) + intercept.value }
        }
    }

    var recipe: PredictorRecipe { PredictorRecipe(kernel: kernel) }

    // In double precision: they are large numbers that nearly cancel.
    func keptTensors(for labels: [Int]) -> [(String, Tensor)] {
        let index = Tensor(labels.map(Int64.init), shape: [labels.count])
        return [("weights", weights.value.indexSelect(1, index)), ("intercept", intercept.value.indexSelect(0, index))]
    }

    /// Takes over what a file keeps of some labels; others are read as NaN.
    func load(_ tensors: [String: Tensor], of labels: [Int]) throws {
        let count = intercept.value.shape[0]
        guard let own = tensors["weights"], let constant = tensors["intercept"], tensors.count == 2,
            own.shape == [places.count(kernel), labels.count], constant.shape == [labels.count]
        else { throw Diagnostic(problem: "holds no weights of its kernels") }
        let none = Tensor.full([places.count(kernel), 1], .nan, dtype: .float64)
        let order = (0..<count).map { Int64(labels.firstIndex(of: $0) ?? labels.count) }
        let index = Tensor(order, shape: [count])
        weights.value = Tensor.cat([own.to(.float64), none], dim: 1).indexSelect(1, index)
        intercept.value = Tensor.cat([constant.to(.float64), Tensor([Double.nan], shape: [1])], dim: 0)
            .indexSelect(0, index)
    }
}

/// Stars that functions of kernels are made about.
final class KernelPlaces: Module {
    /// How alike two stars are.
    struct Kernel: Codable, Sendable, Hashable {
        /// What the cubic of the known labels weighs; 0 leaves it out.
        var cubic: Double
        /// What the function of the features weighs; 0 leaves it out.
        var features: Double
        /// Length over which a function of features changes, in units of the root of their number.
        var length: Double
    }

    /// Mean and inverse spread of the model's labels, `[K]`, and of its features, `[F]`.
    let knownMean: Buffer, knownScale: Buffer, featureMean: Buffer, featureScale: Buffer
    /// Standardised: `[M, K]` and `[M, F]`.
    let known: Buffer, features: Buffer

    private var bases: [Kernel: Tensor] = [:]

    /// Stars, at most.
    static let most = 1000
    /// What is farther from the mean, in units of the spread, is as far: no training star is there.
    private static let farthest = 6.0
    /// The share of the features' function that is straight.
    private static let straight = 0.3

    var count: Int { known.value.shape[0] }

    /// How many a kernel takes: cubics of five labels have 56 dimensions, and no more than these are needed to span them.
    func count(_ kernel: Kernel) -> Int { kernel.features > 0 ? count : min(count, Self.enoughForCubics) }

    private static let enoughForCubics = 128

    /// Empty ones, to be loaded.
    init(count: Int, known: Int, features: Int) {
        func zeros(_ shape: [Int]) -> Buffer { Buffer(Tensor.zeros(shape, dtype: .float64)) }
        (knownMean, knownScale, featureMean, featureScale) = (
            zeros([known]), zeros([known]), zeros([features]), zeros([features])
        )
        (self.known, self.features) = (zeros([count, known]), zeros([count, features]))
        super.init()
    }

    /// Some of the stars, drawn; of what they are, nothing but their labels is learned later.
    convenience init(_ input: AdaptationInput, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let places = Array(0..<input.count).shuffled(using: &random).prefix(Self.most).sorted()
        self.init(count: places.count, known: input.known.shape[1], features: input.features.shape[1])
        withoutGradient {
            let (x, z) = (input.known.to(.float64), input.features.to(.float64))
            let present = x.eq(x).to(.float64)
            let stars = present.sum(dims: [0]).clamp(min: 1)
            knownMean.value = x.where(x.eq(x), 0).sum(dims: [0]) / stars
            let deviations = (x - knownMean.value).where(x.eq(x), 0)
            knownScale.value = (deviations.square().sum(dims: [0]) / stars).clamp(min: 1e-12).rsqrt()
            featureMean.value = z.mean(dims: [0])
            // One scale for all features: what varies little says little.
            let spread = (z - featureMean.value).square().mean().item().squareRoot()
            featureScale.value = Tensor.ones(like: featureMean.value) * (1 / max(spread, 1e-9))
            let index = Tensor(places.map(Int64.init), shape: [places.count])
            let (own, ownFeatures) = standardised(input)
            // As a file will have them.
            known.value = own.indexSelect(0, index).to(.float16).to(.float64)
            features.value = ownFeatures.indexSelect(0, index).to(.float16).to(.float64)
        }
    }

    /// What makes the places independent of each other; the same for every fold.
    func basis(_ kernel: Kernel) -> Tensor {
        if let known = bases[kernel] { return known }
        let (values, vectors) = similarity(kernel).symmetricEigen()
        let least = (values.doubles().last ?? 1) * 1e-9
        let basis = vectors * values.clamp(min: least).rsqrt()
        bases[kernel] = basis
        return basis
    }

    /// Of the places with each other.
    private func similarity(_ kernel: Kernel) -> Tensor {
        let count = count(kernel)
        return similarity(
            kernel, known.value.narrow(0, start: 0, length: count), features.value.narrow(0, start: 0, length: count))
    }

    /// Of stars with the places, a row a star.
    func similarity(_ kernel: Kernel, to input: AdaptationInput) -> Tensor {
        let (x, z) = standardised(input)
        return similarity(kernel, x, z)
    }

    private func standardised(_ input: AdaptationInput) -> (Tensor, Tensor) {
        let x = (input.known.to(.float64) - knownMean.value) * knownScale.value
        let z = (input.features.to(.float64) - featureMean.value) * featureScale.value
        // A label that is not known is the mean star's.
        return (
            x.where(x.eq(x), 0).clamp(min: -Self.farthest, max: Self.farthest),
            z.clamp(min: -Self.farthest, max: Self.farthest)
        )
    }

    private func similarity(_ kernel: Kernel, _ x: Tensor, _ z: Tensor) -> Tensor {
        let count = count(kernel)
        var total = Tensor.zeros([x.shape[0], count], dtype: .float64)
        if kernel.cubic > 0, x.shape[1] > 0 {
            let product =
                x.matmul(known.value.narrow(0, start: 0, length: count).transposed()) * (1 / Double(x.shape[1]))
            let base = (product + 1) * 0.5
            total = total + base * base * base * kernel.cubic
        }
        if kernel.features > 0, z.shape[1] > 0 {
            let (numbers, own) = (Double(z.shape[1]), features.value)
            let product = z.matmul(own.transposed())
            let squares =
                z.square().sum(dims: [1], keepDims: true) + own.square().sum(dims: [1], keepDims: false) - product * 2
            let smooth = (squares.clamp(min: 0) * (-0.5 / (numbers * kernel.length * kernel.length))).exp()
            total = total + (smooth * (1 - Self.straight) + product * (Self.straight / numbers)) * kernel.features
        }
        return total
    }

    /// As a file keeps them.
    func keptTensors() -> [(String, Tensor)] {
        stateDictionary().map { ($0.0, $0.1.rank > 1 ? $0.1.to(.float16) : $0.1) }
    }
}
