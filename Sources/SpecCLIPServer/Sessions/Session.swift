import Foundation
import StarReading
import Synchronization

/// The stars of one visitor of the page, in memory until the session ends.
final class Session: Sendable {
    /// A star that was read.
    struct Star: Sendable {
        var observation: Observation
        var labels: StarLabels
        /// As the answer had it.
        var row: [(String, JSON)]
        /// What it takes.
        var bytes: Int
    }

    private struct State {
        var stars: [Star] = []
        var lastUse: Double
        var isEnded = false
    }

    /// Nobody guesses it.
    let id: String
    private let state: Mutex<State>
    private let budget: Mutex<Int>
    private let store: SessionStore

    fileprivate init(_ store: SessionStore, at now: Double) {
        var random = SystemRandomNumberGenerator()
        id = (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        self.store = store
        state = Mutex(State(lastUse: now))
        budget = Mutex(0)
    }

    deinit { store.release(budget.withLock(\.self)) }

    /// All stars, in the order they came in.
    var stars: [Star] { state.withLock(\.stars) }

    /// The star of a number, from 1.
    /// - Throws: `Refusal` where there is none.
    func star(_ text: String) throws -> Star {
        try state.withLock { state in
            guard let number = Int(text), (1...max(1, state.stars.count)).contains(number), !state.stars.isEmpty else {
                throw Refusal.absent(
                    "star \(text.prefix(20))", "is not in this session", "it has \(state.stars.count)")
            }
            return state.stars[number - 1]
        }
    }

    /// Keeps stars.
    /// - Parameter rows: of each, as the answer will have it.
    /// - Returns: the rows with their numbers.
    /// - Throws: `Refusal` where all sessions together have too much.
    func add(
        _ observations: [Observation], _ labels: [StarLabels], _ rows: [[(String, JSON)]]
    ) throws -> [[(String, JSON)]] {
        let sizes = observations.map(Self.bytes)
        let total = sizes.reduce(0, +)
        try store.take(total)
        budget.withLock { $0 += total }
        return try state.withLock { state in
            guard !state.isEnded else { throw SessionStore.absent }
            return observations.indices.map { place in
                let row = [("star", JSON.integer(state.stars.count + 1))] + rows[place]
                state.stars.append(
                    Star(
                        observation: observations[place], labels: labels[place], row: row, bytes: sizes[place]))
                return row
            }
        }
    }

    fileprivate func touch(_ now: Double) { state.withLock { $0.lastUse = now } }
    fileprivate func idle(_ now: Double) -> Double { state.withLock { now - $0.lastUse } }
    fileprivate var isEmpty: Bool { state.withLock(\.stars.isEmpty) }
    fileprivate func end() {
        state.withLock { state in
            state.isEnded = true
            state.stars = []
        }
    }

    /// What an observation takes, about.
    private static func bytes(_ observation: Observation) -> Int {
        let (raw, prepared) = (observation.raw, observation.prepared)
        var bytes =
            4096 + 9 * prepared.flux.count + 4 * (prepared.ivar?.count ?? 0) + 8 * (prepared.continuum?.count ?? 0)
        if let raw {
            bytes += 16 * raw.flux.count + 8 * (raw.ivar?.count ?? 0) + (raw.mask?.count ?? 0)
            bytes += 4 * (raw.correlation?.count ?? 0) + 96 * raw.header.count
        }
        return bytes
    }
}

/// The sessions of a server: not more than so many, with not more than so many bytes, each for not longer than it is used.
final class SessionStore: Sendable {
    private let options: ServerOptions
    private let all = Mutex<[String: Session]>([:])
    private let taken = Mutex(0)

    init(_ options: ServerOptions) { self.options = options }

    /// What it says where a session is not there, or not any more.
    static let absent = Refusal.absent("session", "is not here any more", "begin a new one")

    private static var now: Double { ProcessInfo.processInfo.systemUptime }

    /// How many there are.
    var count: Int { all.withLock(\.count) }
    /// What their stars take.
    var bytes: Int { taken.withLock(\.self) }

    /// A new session.
    /// - Throws: `Refusal` where there are too many in use.
    func begin() throws -> Session {
        sweep()
        let session = Session(self, at: Self.now)
        let spare = try all.withLock { all -> Session? in
            var spare: Session?
            if all.count >= options.sessions {
                // One that was opened and never used makes room.
                spare = all.values.filter { $0.isEmpty && $0.idle(Self.now) > 60 }
                    .max { $0.idle(Self.now) < $1.idle(Self.now) }
                guard let spare else {
                    throw Refusal.busy("server", "has \(options.sessions) sessions in use", seconds: 60)
                }
                all[spare.id] = nil
            }
            all[session.id] = session
            return spare
        }
        spare?.end()
        return session
    }

    /// The session of an id, which is used by this.
    /// - Throws: `Refusal` where there is none.
    func session(_ id: String) throws -> Session {
        sweep()
        guard let session = all.withLock({ $0[id] }) else { throw Self.absent }
        session.touch(Self.now)
        return session
    }

    /// Ends a session.
    /// - Throws: `Refusal` where there is none.
    func end(_ id: String) throws {
        guard let session = all.withLock({ $0.removeValue(forKey: id) }) else { throw Self.absent }
        session.end()
    }

    /// Ends those that nobody uses any more.
    func sweep() {
        let old = all.withLock { all in
            let old = all.values.filter { $0.idle(Self.now) > Double(options.sessionSeconds) }
            for session in old { all[session.id] = nil }
            return old
        }
        for session in old { session.end() }
    }

    fileprivate func take(_ bytes: Int) throws {
        let fits = taken.withLock { taken in
            guard taken + bytes <= options.sessionBytes else { return false }
            taken += bytes
            return true
        }
        guard fits else {
            throw Refusal.tooLarge(
                "session", "there is no room for more stars in memory",
                "download the catalogue and begin a new one, or read them with the command")
        }
    }

    fileprivate func release(_ bytes: Int) { taken.withLock { $0 -= bytes } }
}
