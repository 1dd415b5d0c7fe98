import Testing
@testable import Support
@testable import Torch

extension TorchTests {
    @Suite("Tensors")
    struct TensorTests {
        @Test("values, shape and type survive the way in and out")
        func roundTrip() {
            let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
            #expect(tensor.shape == [2, 3] && tensor.rank == 2 && tensor.count == 6 && tensor.dtype == .float32)
            #expect(tensor.transposed().floats() == [1, 4, 2, 5, 3, 6])
            #expect(Tensor([true, false]).dtype == .bool && Tensor([true, false]).bools() == [true, false])
            #expect(Tensor([1, 2] as [Int32]).to(.float64).doubles() == [1, 2])
            #expect(Tensor([Float](), shape: [0, 3]).shape == [0, 3])
            #expect(Tensor(2.5).item() == 2.5 && Tensor(2.5).shape == [])
            #expect("\(tensor)" == "Tensor [2, 3] float32 (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)")
        }

        @Test("operators take numbers on both sides")
        func arithmetic() {
            let x = Tensor([1, 2, 4] as [Double])
            #expect((1 - x).doubles() == [0, -1, -3])
            #expect((8 / x).doubles() == [8, 4, 2])
            #expect((-(x * x) + 2 * x - x / 2).doubles() == [0.5, -1, -10])
            #expect(x.gt(1.5).bools() == [false, true, true])
            #expect(x.where(x.lt(3), 0).doubles() == [1, 2, 0])
        }

        @Test("reductions over all and over some dimensions")
        func reductions() {
            let x = Tensor([3, 1, 2, 6, 5, 4] as [Double], shape: [2, 3])
            #expect(x.sum(dims: [1]).doubles() == [6, 15] && x.mean(dims: [0], keepDims: true).shape == [1, 3])
            #expect(x.max().item() == 6 && x.min(dims: [0]).doubles() == [3, 1, 2])
            #expect(x.std(dim: 1).doubles() == [1, 1] && x.argmax(dim: 1).ints() == [0, 0])
            #expect(x.topk(2).indices.ints() == [0, 2, 0, 1] && x.argsort().ints() == [1, 2, 0, 2, 1, 0])
            #expect(x.median().item() == 3 && x.cumsum(1).doubles() == [3, 4, 6, 6, 11, 15])
            #expect(abs(x.norm().item() - 91.0.squareRoot()) < 1e-12)
        }

        @Test("parts and joins")
        func parts() {
            let x = Tensor.arange(12).reshaped([3, 4])
            #expect(Tensor.cat(x.chunk(2, 1), dim: 1).ints() == x.ints())
            #expect(x.split([1, 2]).map(\.shape) == [[1, 4], [2, 4]])
            #expect(Tensor.arange(7).chunk(3).map(\.count) == [3, 3, 1])
            #expect(x.sliced(1, start: 1, step: 2).ints() == [1, 3, 5, 7, 9, 11])
            #expect(x.unfold(1, size: 2, step: 2).shape == [3, 2, 2])
            #expect(x.indexSelect(0, Tensor([2, 0])).ints() == [8, 9, 10, 11, 0, 1, 2, 3])
            #expect(x.padded([1, 0]).select(1, 0).ints() == [0, 0, 0])
            #expect(Tensor.stack([x, x], dim: 1).shape == [3, 2, 4])
        }

        @Test("mapped memory keeps its owner alive and lets it go")
        func mapped() {
            final class Owner {
                let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
                deinit { memory.deallocate() }
            }
            weak var watched: Owner?
            do {
                let owner = Owner()
                watched = owner
                owner.memory.update(repeating: 3, count: 4)
                let view = Tensor.mapped(pointer: owner.memory, shape: [2, 2], dtype: .float32, owner: owner).select(
                    0, 1)
                #expect(view.floats() == [3, 3])
            }
            #expect(watched == nil)
        }

        @Test("errors name the operation and both shapes, and leave the library usable")
        func errors() {
            let a = Tensor.zeros([3, 4])
            let b = Tensor.zeros([5, 6])
            let error = #expect(throws: Diagnostic.self) {
                try catchingTorchErrors { ((a.matmul(b) + 1) * a).sum().backward() }
            }
            #expect(error?.description.hasPrefix("matmul: [3, 4] and [5, 6] do not fit (") == true, "\(error!)")
            #expect(error?.description.contains("\n") == false)
            #expect(throws: Diagnostic.self) {
                try catchingTorchErrors { Tensor([1, 2, 3] as [Float], shape: [2, 2]) }
            }
            #expect(throws: Diagnostic.self) { try catchingTorchErrors { a.chunk(0) } }
            #expect((a + 1).sum().item() == 12)
        }
    }
}
