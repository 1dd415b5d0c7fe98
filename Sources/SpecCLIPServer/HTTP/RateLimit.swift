import Foundation
import Synchronization

/// How many requests a client may make: as many a second as the rate, and twice as many at once (a bucket of tokens each).
final class RateLimit: Sendable {
    private struct Bucket {
        var tokens: Double
        var time: Double
    }

    private let (rate, most): (Double, Int)
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - rate: requests a second; 0 for any.
    ///   - most: clients that are remembered.
    init(_ rate: Double, most: Int = 10_000) { (self.rate, self.most) = (rate, most) }

    /// Takes a token of a client.
    /// - Parameter now: seconds.
    /// - Returns: nil where there was one, else the seconds until there is.
    func take(_ client: String, at now: Double = ProcessInfo.processInfo.systemUptime) -> Int? {
        guard rate > 0 else { return nil }
        let full = max(1, 2 * rate)
        return buckets.withLock { buckets in
            var own = buckets[client] ?? Bucket(tokens: full, time: now)
            own.tokens = min(full, own.tokens + (now - own.time) * rate)
            own.time = now
            defer { buckets[client] = own }
            // Those whose buckets are full again are as good as new.
            if buckets.count >= most { buckets = buckets.filter { $1.tokens + (now - $1.time) * rate < full } }
            if buckets.count >= most { buckets.removeAll() }
            guard own.tokens < 1 else {
                own.tokens -= 1
                return nil
            }
            return max(1, Int(((1 - own.tokens) / rate).rounded(.up)))
        }
    }
}
