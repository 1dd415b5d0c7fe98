import Foundation
import Spectra
import StarReading
import Support
import Synchronization
import Testing

@testable import SpecCLIPServer

/// Requests that come together are read together, and spoil nothing for each other.
struct EngineTests {
    private static let reader = Result { try StarReader(contentsOf: TestServer.model) }

    private func observation(_ seed: Double) throws -> Observation {
        let flux = Files.xpWavelengths.map { 1 + (0.3 + seed) * sin($0 / 900) }
        return try Observation(
            Spectrum(wavelength: Files.xpWavelengths, flux: flux, ivar: nil, mask: nil, sourceID: nil, origin: "x"),
            among: Self.reader.get().instruments)
    }

    @Test func requestsShareAPass() async throws {
        let passes = Mutex<[(Int, Int)]>([])
        let engine = Engine(try Self.reader.get(), waiting: 200, mostSpectra: 64) { spectra, requests in
            passes.withLock { $0.append((spectra, requests)) }
        }
        let workers = Workers(mostWaiting: 64)
        engine.start()
        workers.start()
        defer {
            workers.stop()
            engine.stop()
        }
        let stars = try (0..<12).map { try observation(0.01 * Double($0)) }
        let found = try await withThrowingTaskGroup(of: (Int, [StarLabels]).self) { group in
            for (place, star) in stars.enumerated() {
                group.addTask {
                    let ticket = Ticket()
                    return (
                        place,
                        try await workers.run(ticket) {
                            try workers.waiting { try engine.labels(of: [star], ticket) }
                        }
                    )
                }
            }
            return try await group.reduce(into: [Int: [StarLabels]]()) { $0[$1.0] = $1.1 }
        }
        let all = passes.withLock(\.self)
        #expect(all.reduce(0) { $0 + $1.0 } == 12 && all.count <= 3, "\(all)")
        for (place, star) in stars.enumerated() {
            let alone = try Self.reader.get().read([ObservedStar(star)])[0]
            for (one, other) in zip(found[place]?.first?.estimates ?? [], alone.estimates) {
                #expect(abs(one.value - other.value) < 1e-3 * (other.error ?? 1), "\(one) \(other)")
            }
            #expect(found[place]?.first?.estimates.count == alone.estimates.count)
        }
    }

    @Test func aPassHasItsEnd() throws {
        let passes = Mutex<[Int]>([])
        let engine = Engine(try Self.reader.get(), waiting: 100, mostSpectra: 4) { spectra, _ in
            passes.withLock { $0.append(spectra) }
        }
        let star = try observation(0)
        let group = DispatchGroup()
        for _ in 0..<6 {
            Thread.detachNewThread { [group] in
                _ = try? engine.labels(of: [star, star, star], Ticket())
                group.leave()
            }
            group.enter()
        }
        Thread.sleep(forTimeInterval: 0.3)
        engine.start()
        group.wait()
        engine.stop()
        #expect(passes.withLock(\.self) == [3, 3, 3, 3, 3, 3])
    }

    /// What nobody waits for is not begun.
    @Test func whatIsCancelledIsLeftOut() async throws {
        let workers = Workers(mostWaiting: 8, count: 1)
        workers.start()
        let gate = DispatchSemaphore(value: 0)
        let begun = Mutex(0)
        async let first: Void = workers.run(Ticket()) { gate.wait() }
        try await Task.sleep(for: .seconds(0.1))
        let ticket = Ticket()
        let second = Task { try await workers.run(ticket) { begun.withLock { $0 += 1 } } }
        try await Task.sleep(for: .seconds(0.1))
        second.cancel()
        gate.signal()
        try await first
        await #expect(throws: CancellationError.self) { try await second.value }
        workers.stop()
        #expect(begun.withLock(\.self) == 0)
    }

    @Test func aFullQueueRefuses() async throws {
        let workers = Workers(mostWaiting: 1, count: 1)
        let waiting = Task { try await workers.run(Ticket()) { 1 } }
        try await Task.sleep(for: .seconds(0.1))
        await #expect(throws: Refusal.self) { try await workers.run(Ticket()) { 2 } }
        workers.start()
        #expect(try await waiting.value == 1)
        workers.stop()
    }

    /// Where the first has waited long, another would wait longer.
    @Test func aSlowQueueRefuses() async throws {
        let workers = Workers(mostWaiting: 8, mostSeconds: 0.2, count: 1)
        let waiting = Task { try await workers.run(Ticket()) { 1 } }
        try await Task.sleep(for: .seconds(0.1))
        let second = Task { try await workers.run(Ticket()) { 2 } }
        try await Task.sleep(for: .seconds(0.3))
        await #expect(throws: Refusal.self) { try await workers.run(Ticket()) { 3 } }
        workers.start()
        #expect(try await [waiting.value, second.value] == [1, 2])
        #expect(try await workers.run(Ticket()) { 4 } == 4)
        workers.stop()
    }

    /// Room that is taken is given back.
    @Test func budgets() throws {
        let budget = MemoryBudget(100)
        do {
            let (one, other) = (budget.share(), budget.share())
            try one.grow(by: 60)
            try other.grow(by: 40)
            #expect(throws: Refusal.self) { try other.grow(by: 1) }
            #expect(budget.used == 100)
            withExtendedLifetime((one, other)) {}
        }
        #expect(budget.used == 0)
    }
}
