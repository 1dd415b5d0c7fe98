import Testing
@testable import Support
@testable import Torch

extension TorchTests {
    @Suite("Modules")
    struct ModuleTests {
        final class Block: Module {
            let ln1 = LayerNorm(4)
            let mlp = Sequential(Linear(4, 8), GELU(), Linear(8, 4), Dropout(0.1))
        }

        class Base: Module {
            let dataEmbed = Linear(3, 4)
            let positionEmbed = Parameter(.zeros([10, 4]))
        }

        final class Derived: Base {
            let blocks = [Block(), Block()]
            let attention = MultiheadAttention(embedDim: 4, heads: 2)
            let extra: Linear? = nil
            let norm: BatchNorm1d? = BatchNorm1d(4)
            let heads: [String: Module] = ["b": LayerNorm(2), "a": LayerNorm(2)]
            override class var keyOverrides: [String: String] { ["norm": "final_norm"] }
        }

        @Test("paths mirror the code, superclass first, arrays numbered, overrides respected")
        func paths() {
            let model = Derived()
            #expect(
                model.stateDictionary().map(\.0) == [
                    "data_embed.weight", "data_embed.bias", "position_embed",
                    "blocks.0.ln1.weight", "blocks.0.ln1.bias", "blocks.0.mlp.0.weight", "blocks.0.mlp.0.bias",
                    "blocks.0.mlp.2.weight", "blocks.0.mlp.2.bias",
                    "blocks.1.ln1.weight", "blocks.1.ln1.bias", "blocks.1.mlp.0.weight", "blocks.1.mlp.0.bias",
                    "blocks.1.mlp.2.weight", "blocks.1.mlp.2.bias",
                    "attention.in_proj_weight", "attention.in_proj_bias", "attention.out_proj.weight",
                    "attention.out_proj.bias",
                    "final_norm.weight", "final_norm.bias", "final_norm.running_mean", "final_norm.running_var",
                    "final_norm.num_batches_tracked",
                    "heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias",
                ])
            #expect(snakeCase("xpCLIPHead") == "xp_clip_head" && snakeCase("ln1") == "ln1")
        }

        @Test("training mode reaches every module")
        func modes() {
            let model = Derived()
            #expect(model.modules().count == 21)
            model.evaluate()
            #expect(model.modules().allSatisfy { !$0.isTraining })
            model.train()
            #expect(model.modules().allSatisfy { $0.isTraining })
        }

        @Test("a state that does not fit is refused with names and shapes, and nothing changes")
        func loading() throws {
            let model = Linear(3, 2)
            let before = model.weight.value.floats()
            let error = #expect(throws: Diagnostic.self) {
                try model.load(["weight": .zeros([2, 4]), "bais": .zeros([2])])
            }
            #expect(
                error?.description == "the state does not fit Linear: missing: bias; unexpected: bais; "
                    + "weight has shape [2, 4] where [2, 3] is needed")
            #expect(model.weight.value.floats() == before)

            let source = Linear(3, 2)
            try model.load(Dictionary(uniqueKeysWithValues: source.stateDictionary()))
            #expect(model.weight.value.floats() == source.weight.value.floats())
            #expect(!model.weight.value.sharesMemory(with: source.weight.value))
            #expect(model.weight.value.requiresGradient)
        }

        @Test("freezing stops gradients")
        func freezing() {
            let model = Sequential(Linear(2, 2), Linear(2, 2))
            (model.layers[0] as Module).freeze()
            model(.ones([1, 2])).sum().backward()
            #expect(model.parameters().map { $0.parameter.gradient != nil } == [false, false, true, true])
        }
    }
}

extension TorchTests {
    @Suite struct SkippedInitialisationTests {
        /// Weights that are about to be loaded need no random numbers: neither their time nor a change of the generator.
        @Test func skippingLeavesTheGeneratorAlone() throws {
            let before = Generator.state().array(of: UInt8.self)
            let layer = Initializer.$isSkipped.withValue(true) { Linear(300, 200) }
            #expect(Generator.state().array(of: UInt8.self) == before)
            try layer.load(["weight": Tensor.ones([200, 300]), "bias": Tensor.zeros([200])], sharing: true)
            #expect(layer(Tensor.ones([1, 300])).floats() == Array(repeating: 300, count: 200))
        }
    }
}
