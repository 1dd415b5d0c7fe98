import Foundation
import Support
import Testing

@testable import SpecCLIPServer

/// Forms taken apart, however they are cut and whatever they hold.
struct MultipartTests {
    private typealias Event = MultipartParser.Event

    /// What a body holds, with the bytes of each part together.
    private func parts(_ body: Data, boundary: String = "b", cuts: [Int] = []) throws -> [(MultipartHeader, Data)] {
        var parser = try MultipartParser(boundary: boundary)
        var (parts, isOpen) = ([(MultipartHeader, Data)](), false)
        var last = body.startIndex
        for cut in cuts.map({ body.startIndex + $0 }) + [body.endIndex] {
            try parser.take(body[last..<cut]) { event in
                switch event {
                case .part(let header):
                    #expect(!isOpen)
                    isOpen = true
                    parts.append((header, Data()))
                case .bytes(let bytes):
                    #expect(isOpen && !bytes.isEmpty)
                    parts[parts.count - 1].1 += bytes
                case .end:
                    #expect(isOpen)
                    isOpen = false
                }
            }
            last = cut
        }
        try parser.finish()
        #expect(!isOpen)
        return parts
    }

    private func body(_ parts: [(header: String, data: Data)], boundary: String = "b", before: String = "") -> Data {
        parts.reduce(Data(before.utf8)) {
            $0 + Data("--\(boundary)\r\n\($1.header)\r\n\r\n".utf8) + $1.data + Data("\r\n".utf8)
        } + Data("--\(boundary)--\r\n".utf8)
    }

    private func file(_ name: String) -> String {
        "Content-Disposition: form-data; name=\"file\"; filename=\"\(name)\""
    }

    /// Bytes that look like boundaries, and line ends everywhere.
    private func bytes(_ count: Int, _ random: inout SeededRandom, boundary: String) -> Data {
        var data = Data()
        let likely = [
            Data("\r\n--".utf8), Data("\r\n--\(boundary.dropLast())".utf8), Data("\r\n\r\n".utf8),
            Data("--\(boundary)".utf8),
        ]
        while data.count < count {
            if random.next(6) == 0 {
                data += likely[random.next(likely.count)]
                data.append(UInt8(ascii: "x"))
            } else {
                data.append(UInt8(random.next(256)))
            }
        }
        return data
    }

    @Test func cutsChangeNothing() throws {
        var random = SeededRandom(seed: 11)
        let letters = Array("abc'()+_-./:=?Z9")
        for _ in 0..<300 {
            let boundary = String((0..<1 + random.next(40)).map { _ in letters[random.next(letters.count)] })
            let given = (0..<random.next(4) + 1).map { number in
                (header: file("f\(number)"), data: bytes(random.next(400), &random, boundary: boundary))
            }
            let whole = body(given, boundary: boundary, before: random.next(2) == 0 ? "" : "preamble\r\n")
            let cuts = (0..<random.next(30)).map { _ in random.next(whole.count + 1) }.sorted()
            let found = try parts(whole, boundary: boundary, cuts: cuts)
            #expect(found.map(\.1) == given.map(\.data))
            #expect(found.map(\.0.fileName) == given.indices.map { "f\($0)" })
        }
    }

    @Test func oneByteAtATime() throws {
        let given = [
            (header: file("a"), data: Data("\r\n--\r\n--a".utf8 + [0, 255])),
            (header: "content-disposition: form-data; name=x", data: Data()),
        ]
        let whole = body(given)
        let found = try parts(whole, cuts: Array(1..<whole.count))
        #expect(found.map(\.1) == given.map(\.data))
        #expect(found[1].0 == MultipartHeader(name: "x"))
    }

    /// Whatever comes, it is taken or refused: no bytes that are not there, no end without a beginning.
    @Test func damagedBodiesAreTakenOrRefused() throws {
        var random = SeededRandom(seed: 12)
        let whole = body([(file("a.fits"), bytes(300, &random, boundary: "b")), (file("b.csv"), Data("1,2\n".utf8))])
        var refused = 0
        for round in 0..<3000 {
            var spoilt = whole
            switch round % 4 {
            case 0: spoilt = spoilt.prefix(random.next(spoilt.count))
            case 1: for _ in 0..<1 + random.next(8) { spoilt[random.next(spoilt.count)] = UInt8(random.next(256)) }
            case 2: spoilt.removeSubrange(random.next(spoilt.count)..<spoilt.count - random.next(2))
            default: spoilt.insert(contentsOf: whole.prefix(random.next(whole.count)), at: random.next(spoilt.count))
            }
            do {
                let found = try parts(spoilt, cuts: [random.next(spoilt.count + 1)])
                #expect(found.reduce(0) { $0 + $1.1.count } <= spoilt.count)
            } catch let error as Refusal {
                refused += 1
                #expect(error.status == .badRequest && !error.description.contains("\n"))
            }
        }
        #expect(refused > 1000)
    }

    @Test(arguments: [
        "", "--b", "--b--x", "--b\r\n", "--b\r\n\r\n\r\n--b--", "--b junk\r\n\r\n", "no boundary at all",
        "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nnever ends",
        "--b\r\n" + String(repeating: "X: y\r\n", count: 10_000) + "\r\n",
        "--b" + String(repeating: " ", count: 10_000) + "\r\n",
    ])
    func malformedBodiesAreRefused(text: String) {
        #expect(throws: Refusal.self, "\(text.prefix(60))") {
            if try parts(Data(text.utf8)).isEmpty { throw Refusal.bad("body", "holds nothing") }
        }
    }

    @Test(arguments: ["", " ", "a ", "a\"b", "a\nb", String(repeating: "a", count: 71), "ä"])
    func boundariesAreChecked(boundary: String) {
        #expect(throws: Refusal.self) { try MultipartParser(boundary: boundary) }
    }

    /// A form within a form is a file like any other.
    @Test func nestedFormsAreFiles() throws {
        let inner = body([(file("x"), Data("inner".utf8))], boundary: "c")
        let outer = body([("Content-Type: multipart/mixed; boundary=c\r\n" + file("o"), inner)])
        #expect(try parts(outer).map(\.1) == [inner])
    }

    @Test(arguments: [
        ("form-data; name=\"file\"; filename=\"a;b=c.fits\"", "a;b=c.fits"),
        ("form-data; filename=plain.fits; name=file", "plain.fits"),
        ("form-data; name=file; filename=\"../../etc/passwd\"", "passwd"),
        ("form-data; name=file; filename=\"C:\\\\stars\\\\a.fits\"", "a.fits"),
        ("form-data; name=file; filename=\"a\\\"b.fits\"", "a\"b.fits"),
        ("form-data; name=file; filename=\"\u{202e}stif.a\u{0007}\"", "stif.a"),
        ("form-data; name=file; filename=\"\"", "unnamed"),
        ("form-data; name=file; filename=\"/\"", "unnamed"),
    ])
    func namesAreOnlyShown(header: String, name: String) throws {
        let found = try MultipartHeader(Array("Content-Disposition: \(header)\r\n".utf8)[...])
        #expect(found == MultipartHeader(name: "file", fileName: name))
    }

    @Test func endingsAreOfOurOwn() {
        let known = [
            "a.fits": ".fits", "a.FITS.GZ": ".fits.gz", "a.gz": ".gz", "a.sh": "", "a": "", "..": "", "a.csv.sh": "",
            "a.sh.gz": ".gz", "a.\u{0}fits": "",
        ]
        for (name, ending) in known { #expect(UploadReceiver.ending(of: name) == ending, "\(name)") }
    }
}

/// Random numbers that are the same each time.
struct SeededRandom {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// A whole number below `end`.
    mutating func next(_ end: Int) -> Int { Int.random(in: 0..<max(1, end), using: &generator) }
}
