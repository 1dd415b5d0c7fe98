import Foundation

/// An array of wavelengths as a cache key: equality rejects early and otherwise compares memory, not numbers.
struct WavelengthKey: Equatable, Sendable {
    let wavelength: [Double]

    static func == (a: WavelengthKey, b: WavelengthKey) -> Bool {
        guard a.wavelength.count == b.wavelength.count, a.wavelength.first == b.wavelength.first,
            a.wavelength.last == b.wavelength.last
        else { return false }
        return a.wavelength.withUnsafeBytes { left in
            b.wavelength.withUnsafeBytes { right in
                guard let l = left.baseAddress, let r = right.baseAddress else { return true }
                return l == r || memcmp(l, r, left.count) == 0
            }
        }
    }
}
