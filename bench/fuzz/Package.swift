// swift-tools-version: 6.1
import PackageDescription

// Coverage-guided fuzzing of all that reads files: bench/fuzz/run.sh.
let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "swift-specclip", path: "../..")],
    targets: [
        .executableTarget(
            name: "FuzzSpectra", dependencies: [.product(name: "Spectra", package: "swift-specclip")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])])
    ]
)
