import Testing
@testable import Support
@testable import Torch

extension TorchTests {
    @Suite("Gradients against finite differences")
    struct GradientTests {
        final class Attending: Module, Layer {
            let attention: MultiheadAttention
            let memory: Int
            init(memory: Int) {
                self.memory = memory
                attention = MultiheadAttention(embedDim: 4, heads: 2, kdim: memory, vdim: memory)
                super.init()
            }
            func callAsFunction(_ x: Tensor) -> Tensor {
                let other = x.flipped([1]).narrow(-1, start: 0, length: memory)
                return attention(query: x, key: other, value: other.square())
            }
        }

        static let layers: [(String, [Int], @Sendable () -> any Layer)] = [
            ("Linear", [3, 4], { Linear(4, 2) }), ("LayerNorm", [3, 4], { LayerNorm(4) }),
            ("BatchNorm1d", [5, 4], { BatchNorm1d(4) }), ("GELU", [3, 4], { GELU() }), ("SiLU", [3, 4], { SiLU() }),
            ("Tanh", [3, 4], { Tanh() }), ("Conv2d", [2, 2, 5, 5], { Conv2d(2, 3, kernel: 3, stride: 2, padding: 1) }),
            ("ConvTranspose2d", [2, 2, 3, 3], { ConvTranspose2d(2, 3, kernel: 3, stride: 2) }),
            ("MultiheadAttention, packed", [2, 3, 4], { Attending(memory: 4) }),
            ("MultiheadAttention, separate", [2, 3, 4], { Attending(memory: 3) }),
            ("Sequential", [4, 4], { Sequential(Linear(4, 8), GELU(), BatchNorm1d(8), Reshape([2, 4]), Flatten()) }),
        ]

        /// Along a random direction of input and parameters, (f(+ε) - f(-ε)) / 2ε must equal the gradient's component.
        @Test("layers", arguments: layers.indices)
        func layer(index: Int) throws {
            let (name, shape, make) = Self.layers[index]
            Generator.seed(11)
            let layer = make()
            try layer.to(.float64)
            let input = Parameter(.randn(shape, dtype: .float64))
            let all = [input] + layer.parameters().map(\.parameter)
            let directions = all.map { Tensor.randn($0.shape, dtype: .float64) }
            let weights = withoutGradient { Tensor.randn(layer(input.value).shape, dtype: .float64) }
            func loss() -> Tensor { (layer(input.value).tanh() * weights).sum() }
            func move(_ scale: Double) {
                withoutGradient { for (p, d) in zip(all, directions) { p.value.addInPlace(d, scale: scale) } }
            }
            loss().backward()
            let exact = zip(all, directions).map { (($0.gradient ?? .zeros([], dtype: .float64)) * $1).sum().item() }
                .reduce(0, +)
            let eps = 1e-5
            move(eps)
            let above = withoutGradient { loss().item() }
            move(-2 * eps)
            let below = withoutGradient { loss().item() }
            #expect(abs((above - below) / (2 * eps) - exact) < 1e-6 * max(1, abs(exact)), "\(name)")
        }

        @Test("gradients add up until they are dropped, and vanish on detached tensors")
        func accumulation() {
            let p = Parameter(Tensor([2, 3] as [Float]))
            (p.value * p.value).sum().backward()
            (p.value * p.value.detached()).sum().backward()
            #expect(p.gradient?.floats() == [6, 9])
            p.gradient = nil
            #expect(p.gradient == nil)
            let y = withoutGradient { p.value * 2 }
            #expect(!y.requiresGradient && (p.value * 2).requiresGradient)
            #expect(throws: Diagnostic.self) { try catchingTorchErrors { (p.value * 2).backward() } }
            #expect(throws: Diagnostic.self) { try catchingTorchErrors { p.gradient = .zeros([3]) } }
        }

        @Test("a gradient of a chosen outer derivative")
        func outer() {
            let p = Parameter(Tensor([2, 3] as [Float]))
            p.value.square().backward(from: Tensor([1, 10] as [Float]))
            #expect(p.gradient?.floats() == [4, 60])
        }
    }
}
