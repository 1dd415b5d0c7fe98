import Testing
@testable import Support
@testable import Torch

// The expected numbers come from PyTorch 2.11.0 in Python on the CPU: `torch.manual_seed(s)`, the layer made with its
// defaults, the input `torch.linspace(-1, 1, n).reshape(shape)`.
extension TorchTests {
    @Suite("Golden numbers from PyTorch")
    struct GoldenTests {
        /// Output, and the first six elements of the first parameter's gradient of the sum of squares.
        private func check(_ layer: some Layer, _ input: Tensor, output: [Double], gradient: [Double]) {
            let y = layer(input)
            #expect(isClose(y.doubles(), output), "\(y.doubles())")
            y.square().sum().backward()
            let found = layer.parameters()[0].parameter.gradient?.doubles() ?? []
            #expect(isClose(Array(found.prefix(6)), gradient, absolute: 1e-5), "\(found)")
        }

        @Test("Linear, seed 7")
        func linearLayer() {
            Generator.seed(7)
            check(
                Linear(3, 2), ramp(2, 3), output: [-0.206646085, 0.171099916, -0.354996383, -0.085640967],
                gradient: [0.27129364, -0.178020373, -0.627334356, -0.376456201, -0.308089077, -0.239721894])
        }

        @Test("LayerNorm")
        func layerNorm() {
            let row = [-1.341575027, -0.447191805, 0.447191626, 1.341574907]
            check(
                LayerNorm(4), ramp(2, 4), output: row + row,
                gradient: [7.199293613, 0.799921751, 0.799921691, 7.19929409])
        }

        @Test("Conv2d(1, 2, 3, stride 2, padding 1), seed 7")
        func convolution() {
            Generator.seed(7)
            check(
                Conv2d(1, 2, kernel: 3, stride: 2, padding: 1), ramp(1, 1, 4, 4),
                output: [
                    0.524303913, 0.43703714, 0.335785091, 0.118787982, -0.007648349, 0.048086345, -0.524173081,
                    -0.725986302,
                ],
                gradient: [-0.079191983, -0.360914588, -0.239695102, -0.710015893, -1.565632343, -1.188055158])
        }

        @Test("ConvTranspose2d(2, 1, 3, stride 2, padding 1, output padding 1), seed 7")
        func transposedConvolution() {
            Generator.seed(7)
            check(
                ConvTranspose2d(2, 1, kernel: 3, stride: 2, padding: 1, outputPadding: 1), ramp(1, 2, 2, 2),
                output: [
                    0.463469148, 0.222396523, 0.356627405, 0.333276272, 0.502854228, 0.671304822, 0.579780519,
                    0.274223566, 0.249785662, 0.151493967, 0.142943949, 0.283810198, 0.381155282, 0.082539439,
                    0.447844207, 0.04147473,
                ],
                gradient: [-0.191801324, -0.596669436, -0.653753698, -0.360993296, -1.691349149, -1.131842613])
        }

        @Test("Linear, GELU, BatchNorm1d, Linear, Tanh, SiLU in training, then in evaluation, seed 7")
        func perceptron() {
            Generator.seed(7)
            let norm = BatchNorm1d(3)
            let model = Sequential(Linear(2, 3), GELU(), norm, Linear(3, 2), Tanh(), SiLU())
            check(
                model, ramp(4, 2),
                output: [
                    0.048800196, 0.088108413, -0.147772208, 0.243940309, -0.148329228, 0.211218596, 0.00556204,
                    0.023871055,
                ],
                gradient: [-0.112369046, -0.164026782, 0.071559869, 0.058623016, -0.014686875, -0.018846892])
            #expect(isClose(norm.runningMean.value.doubles(), [-0.013383276, 0.013559639, -0.003033491]))
            #expect(isClose(norm.runningVar.value.doubles(), [0.900209546, 0.904510617, 0.902009547]))
            #expect(norm.numBatchesTracked.value.item() == 1)
            let expected = [
                -0.096066706, 0.162664041, -0.091696635, 0.155063927, -0.071424603, 0.129610926, -0.033974707,
                0.089084573,
            ]
            #expect(isClose(model.evaluate()(ramp(4, 2)).doubles(), expected))
        }

        @Test("Embedding, seed 7")
        func embedding() {
            Generator.seed(7)
            let vectors = Embedding(3, 2)(Tensor([2, 0], shape: [1, 2]))
            #expect(vectors.shape == [1, 2, 2])
            #expect(isClose(vectors.doubles(), [1.690790176, -0.894827902, -0.146795094, 0.786141276]))
        }

        @Test(
            "MultiheadAttention with packed (4) and separate (3) weights, seed 7",
            arguments: [
                (
                    4,
                    [
                        -0.073468223, 0.069809221, 0.041674696, 0.014878951, -0.096470967, 0.058947012, 0.056140281,
                        -0.004351452,
                    ]
                ),
                (
                    3,
                    [
                        0.210513234, 0.061871141, -0.206434742, 0.156338364, -0.061834257, 0.094351187, 0.238077149,
                        0.049558237,
                    ]
                ),
            ])
        func attention(size: Int, expected: [Double]) {
            Generator.seed(7)
            let attention = MultiheadAttention(embedDim: 4, heads: 2, kdim: size, vdim: size)
            let memory = ramp(1, 3, size)
            let y = attention(query: ramp(1, 2, 4), key: memory, value: memory.flipped([1]))
            #expect(y.shape == [1, 2, 4] && isClose(y.doubles(), expected), "\(y.doubles())")
        }

        @Test("scaledDotProductAttention with a scale of its own")
        func fusedAttention() {
            let q = ramp(1, 2, 3, 4)
            let y = scaledDotProductAttention(q, q.flipped([2]), q * 2, scale: 0.3)
            let head = [-1.139616847, -0.965703785, -0.791790783, -0.617877662, -1.204143405, -1.030230284]
            #expect(y.shape == [1, 2, 3, 4] && isClose(Array(y.doubles().prefix(6)), head))
        }

        @Test("losses")
        func losses() {
            let logits = Tensor([1, 2, 3, 1, 0, -1] as [Float], shape: [2, 3])
            let entropy = Loss.crossEntropy(logits: logits, targets: Tensor([2, 1])).item()
            #expect(isClose([entropy], [0.9076058864593506]))
            #expect(isClose([Loss.smoothL1(logits, .zeros([2, 3])).item()], [0.9166666865348816]))
            #expect(Loss.l1(logits, logits + 2).item() == 2 && Loss.mse(logits, logits + 2).item() == 4)
            #expect(throws: Diagnostic.self) { try catchingTorchErrors { Loss.mse(logits, .zeros([3])) } }
        }

        @Test(
            "initialisers on a 64 × 32 weight, seed 42",
            arguments: [
                (.truncatedNormal(std: 0.02, cut: 0.06), [0.023623882, 0.02730128, -0.00594279, 0.034573335]),
                (.xavierUniform, [0.191134632, 0.207501978, -0.05856812, 0.229652822]),
                (.kaimingNormal, [0.481728822, 0.371821016, 0.2251793, -0.526380241]),
                (.kaimingUniform(), [0.135152593, 0.146726057, -0.041413914, 0.16238907]),
                (.normal(std: 0.02), [0.038538303, 0.029745681, 0.018014343, -0.042110417]),
            ] as [(Initializer, [Double])])
        func initialisers(initializer: Initializer, expected: [Double]) {
            Generator.seed(42)
            let parameter = Parameter(.empty([64, 32]))
            initializer.apply(to: parameter)
            let values = parameter.value.doubles()
            #expect(isClose(Array(values.prefix(4)), expected, absolute: 1e-8), "\(values.prefix(4))")
        }

        @Test("a truncated normal stays within its cut and has the width of the cut distribution")
        func truncatedNormal() {
            Generator.seed(1)
            let parameter = Parameter(.empty([400, 500]))
            Initializer.truncatedNormal(std: 0.5, cut: 1.5).apply(to: parameter)
            let values = parameter.value.detached()
            #expect(values.abs().max().item() <= 1.5)
            // Var = 1 - 2 c φ(c) / (2 Φ(c) - 1) with c = 3: a width of 0.98658 std.
            #expect(abs(values.std().item() - 0.49329) < 0.003 && abs(values.mean().item()) < 0.005)
        }

        @Test(
            "five steps with decay, a gradient missing in one, gradients clipped in another",
            arguments: [
                (
                    true, 10.251123428344727,
                    [0.490638137, -1.437937737, 2.388068914, 0.693647265, -0.266948819, 4]
                ),
                (
                    false, 10.383563995361328,
                    [0.527323484, -1.523693204, 2.522850513, 0.610919356, -0.180845678, 4]
                ),
            ])
        func optimiser(decoupled: Bool, norm: Double, expected: [Double]) {
            let a = Parameter(Tensor([1, -2, 3] as [Float]))
            let b = Parameter(Tensor([0.5, -0.5] as [Float], shape: [1, 2]))
            let idle = Parameter(Tensor([4] as [Float]))
            let optimiser = AdamW(
                parameters: [("a", a), ("b", b), ("c", idle)], learningRate: 0.1, betas: (0.9, 0.95),
                weightDecay: 0.1, decoupled: decoupled)
            for step in 0..<5 {
                optimiser.zeroGradients()
                var loss = a.value.square().sum()
                if step != 2 { loss = loss + (b.value.sum() - Double(step)).square() }
                loss.backward()
                if step == 3 {
                    #expect(isClose([clipGradientNorm([a, b, idle], max: 1)], [norm]))
                    #expect(abs(clipGradientNorm([a, b, idle], max: 1) - 1) < 1e-5)
                }
                optimiser.step()
            }
            let values = [a, b, idle].flatMap { $0.value.doubles() }
            #expect(isClose(values, expected, absolute: 1e-5), "\(values)")
            #expect(
                optimiser.state().map(\.0)
                    == ["a", "b"].flatMap { ["\($0).step", "\($0).exp_avg", "\($0).exp_avg_sq"] })
            #expect(optimiser.state().filter { $0.0.hasSuffix("step") }.map { $0.1.item() } == [5, 4])
        }

        @Test("the warm-up cosine schedule")
        func schedule() {
            let schedule = WarmupCosine(base: 1e-4, warmup: 4, total: 12, minimum: 1e-5)
            let rates = [0, 1, 4, 6, 8, 12, 99].map { schedule.rate(step: $0) }
            // minimum + ½ (1 + cos(π i / 8)) (base - minimum) for i = 0, 2, 4
            let expected = [0, 2.5e-5, 1e-4, 8.681980515339464e-05, 5.5e-5, 1e-5, 1e-5]
            #expect(isClose(rates, expected, absolute: 1e-18, relative: 1e-12), "\(rates)")
            #expect(WarmupCosine(base: 1, warmup: 0, total: 4).rate(step: 0) == 1)
        }
    }
}
