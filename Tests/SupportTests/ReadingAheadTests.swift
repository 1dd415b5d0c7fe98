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

@Suite struct WorkBehindTests {
    private struct Failure: Error, Equatable { let number: Int }

    @Test(arguments: [1, 3]) func piecesKeepTheirOrderAndFewWait(most: Int) throws {
        let done = Mutex<[Int]>([])
        let behind = WorkBehind<Int>(most: most) { number in
            usleep(50)
            done.withLock { $0.append(number) }
        }
        for number in 0..<100 {
            try behind.give(number)
            // One may be at work.
            #expect(number + 1 - done.withLock { $0.count } <= most + 1)
        }
        try behind.settle()
        #expect(done.withLock { $0 } == Array(0..<100))
        try behind.give(100)
        try behind.settle()
        try behind.settle()
        #expect(done.withLock { $0.last } == 100)
    }

    /// Nobody has to settle for what was given to be done.
    @Test func whatWasGivenIsDone() throws {
        let done = Mutex(0)
        do {
            let behind = WorkBehind<Int>(most: 8) { _ in
                usleep(2000)
                done.withLock { $0 += 1 }
            }
            for number in 0..<8 { try behind.give(number) }
        }
        #expect(done.withLock { $0 } == 8)
    }

    @Test func whatFailsIsThrownAndIsTheLast() throws {
        let done = Mutex<[Int]>([])
        let behind = WorkBehind<Int>(most: 2) { number in
            if number == 3 { throw Failure(number: number) }
            done.withLock { $0.append(number) }
        }
        #expect(throws: Failure(number: 3)) {
            for number in 0..<100 { try behind.give(number) }
            try behind.settle()
        }
        #expect(throws: Failure(number: 3)) { try behind.settle() }
        #expect(throws: Failure(number: 3)) { try behind.give(4) }
        #expect(done.withLock { $0 } == [0, 1, 2])
    }

    /// What the work holds is let go with it, at once: a file may be removed when nobody has it any more.
    @Test func whatTheWorkHoldsIsLetGo() throws {
        final class Held: @unchecked Sendable {}
        weak var seen: Held?
        do {
            let held = Held()
            seen = held
            let behind = WorkBehind<Int>(most: 1) { _ in withExtendedLifetime(held) {} }
            try behind.give(1)
        }
        #expect(seen == nil)
    }
}
