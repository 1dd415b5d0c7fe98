import Foundation

/// How the lines of a text table are cut into fields, and how its numbers are written.
struct TextDialect: Sendable, Equatable {
    enum Separator: Sendable, Equatable {
        /// One character, which stands between any two fields.
        case character(UInt8)
        /// Any run of blanks, commas, semicolons or quotes, as people write numbers.
        case loose
        /// Any run of blanks.
        case blanks
    }

    var separator: Separator
    /// "3700,25" is a number.
    var hasDecimalComma = false

    /// The dialect of a table.
    /// - Parameters:
    ///   - first: its first line that is no comment, a header or data.
    ///   - second: the line after it, if there is one.
    init(_ first: [UInt8], _ second: [UInt8]?) {
        let marks = [",", ";", "\t"].map { UInt8(ascii: $0) }
        let (loose, blanks) = (TextDialect(separator: .loose), TextDialect(separator: .blanks))
        if loose.texts(first).allSatisfy({ TextNumber($0) != nil }), !Self.hasEmptyField(first) {
            // Numbers alone. Those cut by semicolons, tabs or blanks may have decimal commas.
            let others =
                marks.dropFirst().filter(first.contains).map { TextDialect(separator: .character($0)) } + [blanks]
            for own in others {
                let texts = own.texts(first).filter { !$0.isEmpty }
                guard texts.count > 1, texts.contains(where: Self.hasOneComma),
                    !texts.contains(where: { $0.contains(".") }),
                    texts.allSatisfy({ TextNumber($0, hasDecimalComma: true) != nil })
                else { continue }
                self = TextDialect(separator: own.separator, hasDecimalComma: true)
                return
            }
            // Else a mixture such as "3700.1, 1.02; " is cut at each mark, unless commas alone will do.
            let byComma = TextDialect(separator: .character(marks[0])).texts(first)
            let isPlain = byComma.count > 1 && byComma.allSatisfy { TextNumber($0) != nil }
            self = isPlain ? TextDialect(separator: .character(marks[0])) : loose
            return
        }
        // Names, or texts among numbers: the mark that cuts most. Within arrays and quotes a mark cuts nothing.
        let cuts = marks.map { mark in
            let own = TextDialect(separator: .character(mark))
            return (own, own.fields(first).count)
        }
        let best = cuts.reduce((blanks, 1)) { $1.1 > $0.1 ? $1 : $0 }.0
        self = best
        guard best.separator != .character(marks[0]), let second else { return }
        let numbers = best.texts(second).filter { !$0.isEmpty }
        let commas = numbers.count(where: Self.hasOneComma)
        hasDecimalComma = commas > 0 && commas * 2 >= numbers.count && !numbers.contains { $0.contains(".") }
    }

    init(separator: Separator, hasDecimalComma: Bool = false) {
        (self.separator, self.hasDecimalComma) = (separator, hasDecimalComma)
    }

    private static func hasOneComma(_ text: String) -> Bool {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[1].isEmpty && parts[1].allSatisfy { $0.isNumber || "eEdD+-".contains($0) }
            && TextNumber(text, hasDecimalComma: true) != nil
    }

    private static func hasEmptyField(_ line: [UInt8]) -> Bool {
        zip(line, line.dropFirst()).contains { $0 == UInt8(ascii: ",") && $1 == UInt8(ascii: ",") }
    }

    /// The fields of a line as texts, without quotes.
    func texts(_ line: [UInt8]) -> [String] {
        fields(line).map { String(decoding: line[$0], as: UTF8.self) }
    }

    /// Where the fields of a record stand, without their quotes and outer blanks. Quotes and arrays in brackets, which begin
    /// a field, keep separators within them.
    func fields(_ line: [UInt8]) -> [Range<Int>] { cut(line).fields }

    /// The fields of a record, and whether it goes on in the next line: a quote, or an array of numbers, that begins a field is
    /// not closed.
    func cut(_ line: [UInt8]) -> (fields: [Range<Int>], isOpen: Bool) { line.withUnsafeBufferPointer { cut($0) } }

    private func cut(_ line: UnsafeBufferPointer<UInt8>) -> (fields: [Range<Int>], isOpen: Bool) {
        var (found, isOpen): ([Range<Int>], Bool) = ([], false)
        var place = 0
        while true {
            while place < line.count, isPadding(line[place]) { place += 1 }
            if place >= line.count {
                // Between characters an empty field at the end is a field; among blanks it is none.
                if case .character = separator { found.append(line.count..<line.count) }
                return (found, isOpen)
            }
            let (field, end, opens) = next(line, from: place)
            found.append(field)
            isOpen = isOpen || opens
            if end >= line.count { return (found, isOpen) }
            place = end + 1
        }
    }

    /// A field that begins at `start`, the separator after it, and whether the end of the line cuts it short.
    private func next(
        _ line: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (Range<Int>, end: Int, isOpen: Bool) {
        var place = start
        if line[start] == Self.quote, separator != .loose {
            place += 1
            while true {
                guard let close = Self.find(Self.quote, in: line, from: place) else {
                    return (start + 1..<max(start + 1, line.count), line.count, true)
                }
                // A quote within is written twice.
                guard close + 1 < line.count, line[close + 1] == Self.quote else {
                    return (start + 1..<close, separatorPlace(line, from: close + 1), false)
                }
                place = close + 2
            }
        }
        var isOpen = false
        if Self.opens(line[start]), separator != .loose {
            if let close = Self.close(line, from: start) {
                place = close
            } else {
                isOpen = line[(start + 1)...].allSatisfy(Self.isOfNumbers)
            }
        }
        place = separatorPlace(line, from: place)
        var end = place
        while end > start, Self.isBlank(line[end - 1]) { end -= 1 }
        return (start..<end, place, isOpen)
    }

    private static let quote = UInt8(ascii: "\"")

    private static func find(_ byte: UInt8, in line: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard start < line.count, let base = line.baseAddress,
            let found = memchr(base + start, Int32(byte), line.count - start)
        else { return nil }
        return UnsafeRawPointer(base).distance(to: found)
    }

    private func separatorPlace(_ line: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        if case .character(let mark) = separator { return Self.find(mark, in: line, from: start) ?? line.count }
        var place = start
        while place < line.count, !isSeparator(line[place]) { place += 1 }
        return place
    }

    private func isSeparator(_ byte: UInt8) -> Bool {
        switch separator {
        case .character(let mark): byte == mark
        case .blanks: Self.isBlank(byte)
        case .loose: Self.isBlank(byte) || Self.isLoose(byte)
        }
    }

    /// What may stand before a field.
    private func isPadding(_ byte: UInt8) -> Bool {
        switch separator {
        case .character(let mark): byte != mark && Self.isBlank(byte)
        case .blanks: Self.isBlank(byte)
        case .loose: Self.isBlank(byte) || Self.isLoose(byte)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func isLoose(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "'")
            || byte == UInt8(ascii: "\"")
    }

    static func opens(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "[") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "{")
    }

    /// The place after the bracket that closes the one at `start`; nil where none does.
    static func close(_ line: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var depth = 0
        for place in start..<line.count {
            if opens(line[place]) { depth += 1 }
            if line[place] == UInt8(ascii: "]") || line[place] == UInt8(ascii: ")") || line[place] == UInt8(ascii: "}")
            {
                depth -= 1
                if depth == 0 { return place + 1 }
            }
        }
        return nil
    }

    private static func isOfNumbers(_ byte: UInt8) -> Bool {
        isBlank(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || "+-.,eEnNaAiIfF()[]{}".utf8.contains(byte)
    }
}

/// A number as files write it.
struct TextNumber {
    let value: Double

    /// - Parameters:
    ///   - text: a field without outer blanks. Words for "none" are NaN; `1.5D+03` is Fortran's way; `True` and `False` are 1
    ///     and 0.
    ///   - hasDecimalComma: "3700,25" is a number.
    /// - Returns: nil for what is no number.
    init?(_ text: some StringProtocol, hasDecimalComma: Bool = false) {
        var copy = String(text)
        let value = copy.withUTF8 { Self.value($0, hasDecimalComma: hasDecimalComma) }
        guard let value else { return nil }
        self.value = value
    }

    private static let words: [String: Double] = [
        "null": .nan, "nan": .nan, "--": .nan, "---": .nan, "n/a": .nan, "na": .nan, "none": .nan, "masked": .nan,
        "-": .nan, "...": .nan, "\"\"": .nan, "true": 1, "false": 0, "inf": .infinity, "+inf": .infinity,
        "-inf": -.infinity, "infinity": .infinity, "-infinity": -.infinity, "-nan": .nan, "+nan": .nan,
    ]

    /// The value of a field's bytes.
    static func value(_ bytes: UnsafeBufferPointer<UInt8>, hasDecimalComma: Bool = false) -> Double? {
        if bytes.isEmpty { return .nan }
        if let fast = plain(bytes, mark: hasDecimalComma ? UInt8(ascii: ",") : UInt8(ascii: ".")) { return fast }
        // What Swift and C read beyond decimal numbers ("0x1p3") nobody writes in tables.
        guard bytes.allSatisfy(isOfDecimal) else { return words[String(decoding: bytes, as: UTF8.self).lowercased()] }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { copy -> Double? in
            for (place, byte) in bytes.enumerated() {
                let isFortran = byte == UInt8(ascii: "D") || byte == UInt8(ascii: "d")
                let isMark = hasDecimalComma && byte == UInt8(ascii: ",")
                copy[place] = CChar(bitPattern: isFortran ? UInt8(ascii: "E") : isMark ? UInt8(ascii: ".") : byte)
            }
            copy[bytes.count] = 0
            guard let start = copy.baseAddress else { return nil }
            var end: UnsafeMutablePointer<CChar>?
            // The locale of programs is C's unless they ask for another, which none here does.
            let value = strtod(start, &end)
            return end == start + bytes.count ? value : words[String(decoding: bytes, as: UTF8.self).lowercased()]
        }
    }

    private static func isOfDecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: ","),
            UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "d"), UInt8(ascii: "D"):
            true
        default: false
        }
    }

    private static let powers: [Double] = (0...22).map { pow(10, Double($0)) }

    /// The common case: digits and an exponent that keep within what one multiplication gets right to the last bit
    /// (Clinger 1990, "How to read floating point numbers accurately").
    private static func plain(_ bytes: UnsafeBufferPointer<UInt8>, mark: UInt8) -> Double? {
        var place = 0
        let value = plain(bytes, from: &place, mark: mark, largest: 1 << 53)
        return place == bytes.count ? value : nil
    }

    /// A number that begins at `place`, rounded to 32 bits by whom it is for.
    /// - Parameter place: the first byte that is no part of it, afterwards.
    /// - Returns: its value to 2⁻⁵¹; nil where it is none of the common case.
    static func approximate(_ bytes: UnsafeBufferPointer<UInt8>, from place: inout Int) -> Double? {
        plain(bytes, from: &place, mark: UInt8(ascii: "."), largest: .max)
    }

    /// - Parameter largest: digits up to it are taken.
    @inline(__always)
    private static func plain(
        _ bytes: UnsafeBufferPointer<UInt8>, from place: inout Int, mark: UInt8, largest: UInt64
    ) -> Double? {
        guard place < bytes.count else { return nil }
        let isNegative = bytes[place] == UInt8(ascii: "-")
        if isNegative || bytes[place] == UInt8(ascii: "+") { place += 1 }
        var (digits, count, scale) = (UInt64(0), 0, 0)
        let start = place
        take(bytes, &place, &digits, &count)
        var seen = place - start
        if place < bytes.count, bytes[place] == mark {
            place += 1
            let point = place
            take(bytes, &place, &digits, &count)
            scale = point - place
            seen -= scale
        }
        guard seen > 0, count <= 19 else { return nil }
        if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
            place += 1
            var (exponent, length) = (0, 0)
            let sign = place < bytes.count ? bytes[place] : 0
            if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { place += 1 }
            while place < bytes.count, bytes[place] &- UInt8(ascii: "0") <= 9 {
                exponent = exponent &* 10 &+ Int(bytes[place] &- UInt8(ascii: "0"))
                (place, length) = (place + 1, length + 1)
            }
            guard (1...4).contains(length) else { return nil }
            scale += sign == UInt8(ascii: "-") ? -exponent : exponent
        }
        guard digits < largest, abs(scale) <= 22 else { return nil }
        let value = scale < 0 ? Double(digits) / powers[-scale] : Double(digits) * powers[scale]
        return isNegative ? -value : value
    }

    /// Takes in the digits that follow, eight at a time where there are as many.
    /// - Parameter count: of those after leading zeros; what is beyond 19 may have overflowed.
    @inline(__always)
    private static func take(
        _ bytes: UnsafeBufferPointer<UInt8>, _ place: inout Int, _ digits: inout UInt64, _ count: inout Int
    ) {
        while place + 8 <= bytes.count, let base = bytes.baseAddress {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self))
            let high = word & 0xf0f0_f0f0_f0f0_f0f0
            guard high | ((word &+ 0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4 == 0x3333_3333_3333_3333
            else { break }
            // Neighbours are joined: to pairs, to fours, to eight.
            let pairs = ((word & 0x0f0f_0f0f_0f0f_0f0f) &* 2561) >> 8
            let fours = ((pairs & 0x00ff_00ff_00ff_00ff) &* 6_553_601) >> 16
            let eight = ((fours & 0x0000_ffff_0000_ffff) &* 42_949_672_960_001) >> 32
            digits = digits &* 100_000_000 &+ eight
            if digits > 0 { count += 8 }
            place += 8
        }
        while place < bytes.count, bytes[place] &- UInt8(ascii: "0") <= 9 {
            digits = digits &* 10 &+ UInt64(bytes[place] &- UInt8(ascii: "0"))
            if digits > 0 { count += 1 }
            place += 1
        }
    }
}
