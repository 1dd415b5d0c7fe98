import Testing
@testable import Support
@testable import Training

@Suite struct ConfigurationTests {
    @Test func editDistanceIsAMetric() {
        let words = ["learningRate", "learningrate", "lerningRate", "warmup", "", "batch"]
        for a in words {
            #expect(editDistance(a, a) == 0)
            for b in words {
                #expect(editDistance(a, b) == editDistance(b, a))
                for c in words { #expect(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c)) }
            }
        }
        #expect(editDistance("kitten", "sitting") == 3)
    }

    @Test func nearestKeyIsSuggestedOnlyWhenNear() {
        #expect(nearest(to: "learning_rate", among: ["batch", "learningRate"]) == "learningRate")
        #expect(nearest(to: "xyz", among: ["batch", "learningRate"]) == nil)
    }

    @Test func permutationsVisitEveryRowOnceAndDependOnTheEpoch() {
        let order = EpochOrder(rows: 103, batch: 10, seed: 5)
        let first = order.permutation(epoch: 0)
        #expect(first.sorted() == Array(0..<103))
        #expect(first == order.permutation(epoch: 0))
        #expect(first != order.permutation(epoch: 1))
        #expect(order.stepsPerEpoch == 10)
        let batches = (0..<10).flatMap { order.rows(of: $0, in: first) }
        #expect(Set(batches).count == 100)
    }
}
