// Reads stars with a model file: what README.md shows, as a program.
//
//   read-a-star MODEL.safetensors SPECTRUM…

import Foundation
import Instruments
import StarReading

let arguments = CommandLine.arguments.dropFirst()
guard let modelPath = arguments.first, arguments.count > 1 else {
    print("usage: read-a-star MODEL.safetensors SPECTRUM…")
    exit(2)
}

do {
    let reader = try StarReader(contentsOf: URL(fileURLWithPath: modelPath))
    for path in arguments.dropFirst() {
        let spectra = try SpectrumReader.read(URL(fileURLWithPath: path))
        for star in try reader.read(spectra) {
            for estimate in star.estimates {
                print(estimate.label.name, estimate.value, estimate.error ?? .nan, estimate.label.unit)
            }
            print("flag", star.flags.rawValue)
        }
    }
} catch {
    // Every error of the package is one line: file, field, problem, remedy.
    FileHandle.standardError.write(Data("read-a-star: \(error)\n".utf8))
    exit(1)
}
