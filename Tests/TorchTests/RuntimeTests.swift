import Foundation
import Synchronization
import Testing
@testable import Support
@testable import Torch

extension TorchTests {
    @Suite("Runtime")
    struct RuntimeTests {
        @Test("the same seed gives the same training, bit for bit, and a restored generator goes on alike")
        func determinism() throws {
            func train() -> [Float] {
                Generator.seed(5)
                let model = Sequential(Linear(8, 16), GELU(), Dropout(0.3), Linear(16, 1))
                let optimiser = AdamW(parameters: model.parameters(), learningRate: 1e-2)
                for _ in 0..<10 {
                    optimiser.zeroGradients()
                    model(.randn([4, 8])).square().mean().backward()
                    optimiser.step()
                }
                return model.parameters().flatMap { $0.parameter.value.floats() }
            }
            #expect(train() == train())
            let state = Generator.state()
            let first = Tensor.randn([100]).floats()
            try Generator.restore(state)
            #expect(Tensor.randn([100]).floats() == first)
            #expect(throws: Diagnostic.self) { try Generator.restore(.zeros([10])) }
            #expect(throws: Diagnostic.self) { try Generator.restore(.zeros([10], dtype: .uint8)) }
        }

        @Test("a parameter with a factor learns as with another rate")
        func rates() {
            func train(_ rate: Double, _ factor: Double?) -> [[Float]] {
                Generator.seed(5)
                let model = Sequential(Linear(8, 16), GELU(), Linear(16, 1))
                let paths = model.parameters().map(\.path)
                let rates = factor.map { [paths[0]: $0] } ?? [:]
                let optimiser = AdamW(parameters: model.parameters(), learningRate: rate, rates: rates)
                model(.randn([4, 8])).square().mean().backward()
                optimiser.step()
                return model.parameters().map { $0.parameter.value.floats() }
            }
            let (slow, fast, mixed) = (train(1e-3, nil), train(1e-2, nil), train(1e-2, 0.1))
            #expect(mixed[0] == slow[0] && Array(mixed.dropFirst()) == Array(fast.dropFirst()) && slow[0] != fast[0])
        }

        @Test("tensors are made, differentiated, handed over and freed on many threads")
        func threads() async {
            let shared = Tensor.linspace(0, 1, count: 64).reshaped([8, 8])
            let sums = await withTaskGroup(of: Tensor.self, returning: [Double].self) { group in
                for task in 0..<32 {
                    group.addTask {
                        var last = shared
                        for _ in 0..<50 {
                            let p = Parameter(shared * Double(task))
                            p.value.square().sum().backward()
                            last = p.gradient ?? .zeros([1])
                        }
                        return last
                    }
                }
                var sums: [Double] = []
                for await tensor in group { sums.append(tensor.sum().item()) }
                return sums.sorted()
            }
            // The gradient of Σ (t x)² is 2 t x, and Σ x = 32.
            #expect(isClose(sums, (0..<32).map { 64 * Double($0) }, absolute: 1e-3, relative: 1e-5))
        }

        @Test("error scopes nest, keep the first error, and belong to their task")
        func scopes() async throws {
            let error = #expect(throws: Diagnostic.self) {
                try catchingTorchErrors {
                    let inner = Result { try catchingTorchErrors { Tensor.zeros([2]) + .zeros([3]) } }
                    if case .success = inner { Issue.record("the inner scope must throw") }
                    _ = Tensor.zeros([2]).reshaped([5])
                    _ = Tensor.zeros([2]).matmul(.zeros([3, 3]))
                }
            }
            #expect(error?.description.hasPrefix("reshape: [2] does not fit") == true)
            await withTaskGroup(of: Bool.self) { group in
                for task in 0..<16 {
                    group.addTask {
                        (try? catchingTorchErrors { Tensor.zeros([2]) + .zeros([task % 2 + 2]) }) != nil
                    }
                }
                var succeeded = 0
                for await success in group where success { succeeded += 1 }
                #expect(succeeded == 8)
            }
        }

        @Test("memory does not grow over 10,000 training steps")
        func memory() throws {
            // On a busy machine libtorch's threads would wait for each other far longer than they compute.
            let threads = TorchRuntime.threads
            TorchRuntime.threads = 1
            defer { TorchRuntime.threads = threads }
            let model = Sequential(Linear(16, 32), GELU(), LayerNorm(32), Linear(32, 1))
            let optimiser = AdamW(parameters: model.parameters(), learningRate: 1e-4)
            func steps(_ count: Int) {
                for _ in 0..<count {
                    optimiser.zeroGradients()
                    let x = Tensor.randn([8, 16])
                    Loss.mse(model(x), x.mean(dims: [1], keepDims: true)).backward()
                    clipGradientNorm(model.parameters().map(\.parameter), max: 1)
                    optimiser.step()
                }
            }
            steps(500)
            let before = try #require(residentBytes())
            steps(10_000)
            let after = try #require(residentBytes())
            #expect(after - before < 8 << 20, "grew by \(after - before) bytes")
        }

        @Test("devices are parsed, and one that is not there is an error that says so")
        func devices() throws {
            #expect(try Device(parsing: "CPU") == .cpu)
            for word in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda:0:1"] {
                let error = #expect(throws: Diagnostic.self) { try Device(parsing: word) }
                #expect(error?.description.contains("unknown device '\(word)'") == true)
            }
            do {
                #expect(try Tensor.ones([2]).to(Device(parsing: "cuda:0")).sum().item() == 2)
            } catch let error as Diagnostic {
                #expect(error.description.contains("CUDA") && !error.description.contains("\n"), "\(error)")
            }
            #expect((Tensor.ones([2]) + 1).sum().item() == 4)
        }

        @Test("versions and threads")
        func facts() {
            #expect(TorchRuntime.version.split(separator: ".").count >= 3)
            #expect(!TorchRuntime.cpuCapability.isEmpty)
            let threads = TorchRuntime.threads
            TorchRuntime.threads = 1
            #expect(TorchRuntime.threads == 1)
            TorchRuntime.threads = threads
            #expect(TorchRuntime.threads == threads)
        }

        @Test("one thread is for the calling thread, and as long as the work lasts")
        func oneThread() {
            let threads = TorchRuntime.threads
            TorchRuntime.threads = 3
            defer { TorchRuntime.threads = threads }
            let inner = TorchRuntime.withOneThread { () -> (own: Int, other: Int) in
                let other = Mutex(0)
                let thread = Thread { other.withLock { $0 = TorchRuntime.threads } }
                thread.start()
                while !thread.isFinished { usleep(1000) }
                return (TorchRuntime.threads, other.withLock { $0 })
            }
            #expect(inner.own == 1 && inner.other == 3 && TorchRuntime.threads == 3)
        }

        @Test("half precision and integers convert")
        func types() {
            let x = Tensor([1.5, -2, 0] as [Float])
            for dtype in DType.allCases {
                let converted = x.to(dtype)
                #expect(converted.dtype == dtype && converted.shape == [3])
                #expect(converted.dtype.byteCount * 3 == converted.withUnsafeBytes(\.count))
            }
            #expect(x.to(.bfloat16).floats() == [1.5, -2, 0] && x.to(.int8).ints() == [1, -2, 0])
        }
    }
}

/// The memory of this process that is really there.
func residentBytes() -> Int? {
    #if os(Linux)
        guard let fields = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " "),
            fields.count > 1, let pages = Int(fields[1])
        else { return nil }
        return pages * Int(getpagesize())
    #else
        var info = mach_task_basic_info()
        var count = mach_msg_type_number_t(MemoryLayout<mach_task_basic_info>.size / MemoryLayout<natural_t>.size)
        let status = withUnsafeMutablePointer(to: &info) {
            $0.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                task_info(mach_task_self_, task_flavor_t(MACH_TASK_BASIC_INFO), $0, &count)
            }
        }
        return status == KERN_SUCCESS ? Int(info.resident_size) : nil
    #endif
}
