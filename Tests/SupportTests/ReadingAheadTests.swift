import Foundation
import Support
import Synchronization
import Testing

@Suite struct ReadingAheadTests {
    private struct Failure: Error, Equatable { let number: Int }

    @Test(arguments: [1, 2, 7]) func piecesKeepTheirOrderAndFewWait(most: Int) throws {
        let made = Mutex(0)
        var taken: [Int] = []
        try readingAhead(most: most) { told in
            for number in 0..<200 {
                made.withLock { $0 = number + 1 }
                try told.give(number)
            }
        } taking: { number in
            // One is being made, one was just taken.
            #expect(made.withLock { $0 } - taken.count <= most + 2)
            taken.append(number)
            return true
        }
        #expect(taken == Array(0..<200))
    }

    @Test func whoAsksWaitsForTheAnswer() throws {
        let answers = Mutex<[Bool]>([])
        var taken = 0
        try readingAhead(most: 3) { told in
            for number in 0..<50 {
                try told.give(-1)
                let answer = try told.ask(number)
                answers.withLock { $0.append(answer) }
            }
        } taking: { number in
            taken += 1
            // Whatever was given before is worked on, and nothing after is made.
            if number >= 0 { #expect(taken == 2 * number + 2) }
            return number.isMultiple(of: 3)
        }
        #expect(answers.withLock { $0 } == (0..<50).map { $0.isMultiple(of: 3) })
    }

    @Test func whatTheMakerThrowsComesAfterItsPieces() {
        var taken: [Int] = []
        #expect(throws: Failure(number: 5)) {
            try readingAhead(most: 2) { told in
                for number in 0..<5 { try told.give(number) }
                throw Failure(number: 5)
            } taking: { number in
                taken.append(number)
                return true
            }
        }
        #expect(taken == Array(0..<5))
    }

    @Test(arguments: [false, true]) func whatTheTakerThrowsEndsTheMaker(asks: Bool) {
        let hasEnded = Mutex(false)
        #expect(throws: Failure(number: 3)) {
            try readingAhead(most: 2) { told in
                defer { hasEnded.withLock { $0 = true } }
                for number in 0... {
                    if asks { _ = try told.ask(number) } else { try told.give(number) }
                }
            } taking: { number in
                if number == 3 { throw Failure(number: 3) }
                return true
            }
        }
        #expect(hasEnded.withLock { $0 })
    }

    /// A pipe that stays silent keeps nobody.
    @Test(.timeLimit(.minutes(1))) func whatWaitsForeverIsLeft() {
        let silence = DispatchSemaphore(value: 0)
        #expect(throws: Failure(number: 0)) {
            try readingAhead(most: 2, mayBeLeft: true) { told in
                try told.give(0)
                silence.wait()
            } taking: { number in
                throw Failure(number: number)
            }
        }
        silence.signal()
    }
}
