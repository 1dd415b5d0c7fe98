import Foundation
import Instruments
import Spectra
import Support

/// Where the bytes lie as a file: in memory, under a name of this process.
private let place = URL(fileURLWithPath: "/dev/shm/specclip-fuzz-\(getpid())")

/// What libFuzzer calls with bytes of its own making: they are a file, which is read or refused in one line.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let data = bytes.map { Data(bytes: $0, count: count) } ?? Data()
    do {
        try data.write(to: place)
        for spectrum in try SpectrumReader.read(place).prefix(3) {
            let instrument = Instrument.known[count % Instrument.known.count]
            let prepared = try instrument.prepare(spectrum)
            precondition(prepared.flux.count == instrument.grid.count && prepared.flux.allSatisfy(\.isFinite))
        }
    } catch let error as Diagnostic {
        precondition(!error.problem.isEmpty && !error.description.contains("\n"), "\(error)")
    } catch {
        preconditionFailure("an error of another kind: \(error)")
    }
    return 0
}
