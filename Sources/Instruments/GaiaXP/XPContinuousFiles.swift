import Foundation
import Spectra
import Support
import Tables

/// Gaia's continuous XP spectra: tables of coefficients, in any container, as the archive, DataLink and the bulk download give
/// them; also with a column for each coefficient.
enum XPContinuousTable: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "Gaia XP continuous",
        recognised: "columns bp_coefficients and rp_coefficients, or bp_coeff_0, rp_coeff_0, …",
        wavelength: "336 to 1020 nm in steps of 2 nm, or --sampling", medium: "vacuum",
        flux: "the coefficients of both bands, through the instrument model of the release",
        error: "their errors and correlations", mask: "none", id: "source_id")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        for part in file.parts {
            guard let table = part.table else { continue }
            let columns = ["bp", "rp"].compactMap { XPBandColumns($0, table.fields) }
            guard !columns.isEmpty else { continue }
            if table.rowCount == 0 {
                throw Diagnostic(file.url, problem: "its table has no rows", remedy: "ask for sources")
            }
            return FoundSpectra([XPContinuousSpectra(table, columns, file, part, options)])
        }
        return nil
    }
}

/// The columns of one band.
private struct XPBandColumns {
    let name: String
    /// One column of arrays, or one for each coefficient.
    let values: [Int]
    let errors: [Int]
    let correlations: Int?
    /// Covariance of the coefficients in units of the standard deviation squared, in place of errors and correlations.
    let covariance: Int?
    let relevant: Int?
    let basis: Int?
    let deviation: Int?

    init?(_ band: String, _ fields: [Field]) {
        let names = fields.map { $0.name.lowercased() }
        // The archive's names, and those within Gaia's own system, which come in Avro.
        func column(_ name: String, _ inner: String? = nil) -> Int? {
            names.firstIndex(of: "\(band)_\(name)") ?? inner.flatMap { names.firstIndex(of: "\(band)spec.\($0)") }
        }
        func series(_ stem: String) -> [Int] {
            (0..<200).lazy.map { names.firstIndex(of: "\(stem)\($0)") }.prefix { $0 != nil }.compactMap(\.self)
        }
        let wide = series("\(band)_coeff_")
        guard let first = column("coefficients", "solution.parameters").map({ [$0] }) ?? (wide.isEmpty ? nil : wide)
        else { return nil }
        (name, values) = (band, first)
        let others = [series("e_\(band)_coeff_"), series("\(band)_coeff_error_"), series("\(band)_coeff_err_")]
        errors = column("coefficient_errors").map { [$0] } ?? others.first { $0.count == first.count } ?? []
        correlations = column("coefficient_correlations")
        covariance = column("coefficient_covariance", "solution.covariance")
        relevant = column("n_relevant_bases", "nrelevantbases")
        basis = column("basis_function_id", "basisfunctionsetdefid")
        deviation = column("standard_deviation", "solution.standarddeviation")
    }
}

private final class XPContinuousSpectra: SpectrumSource {
    private let table: any TableSource
    private let columns: [XPBandColumns]
    private let file: FileParts
    private let options: ReadingOptions
    private let shared: [String: String]
    private let facts: [Int]
    private let ids: Int?
    private var sampler: XPSampler?
    private var release: XPRelease?

    init(
        _ table: any TableSource, _ columns: [XPBandColumns], _ file: FileParts, _ part: FilePart,
        _ options: ReadingOptions
    ) {
        (self.table, self.columns, self.file, self.options) = (table, columns, file, options)
        shared = file.facts(of: part)
        let taken = Set(
            columns.flatMap { $0.values + $0.errors + [$0.correlations, $0.covariance].compactMap(\.self) })
        facts = table.fields.indices.filter { !taken.contains($0) && !table.fields[$0].isArray }
        ids = ColumnRole.sourceID.index(in: table.fields.map(\.name))
    }

    func next(_ count: Int) throws -> [Spectrum] {
        let rows = try table.next(count)
        guard rows.count > 0 else { return [] }
        let bands = try columns.map { try coefficients(rows, $0) }
        let texts = try facts.map { (table.fields[$0].name.uppercased(), try rows.texts($0)) }
        let names = try ids.map { try rows.texts($0) }
        let sources = try (0..<rows.count).map { row in
            let present = zip(columns, bands).compactMap { columns, values in values[row].map { (columns.name, $0) } }
            let id = names?[row] ?? "\(row + 1)"
            try present.forEach { try check($0.1, of: $0.0, id) }
            return (row, id, Dictionary(uniqueKeysWithValues: present))
        }
        guard let sampler = sampler ?? XPRelease.known.first.map({ XPSampler($0) }) else { return [] }
        var reading = SpectrumReading()
        reading.layout = "\(XPContinuousTable.sheet.name) (\(file.container)), \(release?.title ?? "")"
        reading.wavelength = "sampled, \(sampler.sampling.first ?? 0) to \(sampler.sampling.last ?? 0) nm"
        reading.flux = "coefficients" + (options.truncatesXP ? ", the relevant ones" : "") + ", W m⁻² nm⁻¹"
        var builder = SpectrumBuilder(options, header: shared, origin: file.url.path, reading: reading)
        builder.statements = [MediumStatement(.vacuum, by: "Gaia XP")]
        builder.sharedStatements = []
        return try concurrentMap(sources) { [builder] row, _, bands in
            Result {
                var builder = builder
                for (name, values) in texts { builder.header[name] = values[row] }
                return try builder.spectrum(of: bands, sampler)
            }
        }.map { try $0.get() }
    }

    /// The coefficients of a band for each row; nil where there are none.
    private func coefficients(_ rows: any TableRows, _ columns: XPBandColumns) throws -> [XPCoefficients?] {
        func arrays(_ indices: [Int]) throws -> [[Double]]? {
            guard let first = indices.first else { return nil }
            if indices.count == 1 { return try rows.arrays(first) }
            let wide = try indices.map { try rows.scalars($0) }
            return (0..<rows.count).map { row in
                let values = wide.map { $0[row] }
                return values.allSatisfy(\.isNaN) ? [] : values
            }
        }
        let values = try arrays(columns.values) ?? []
        let errors =
            columns.errors.count == 1
            ? try rows.singles(columns.errors[0])
            : try arrays(columns.errors).map { RowNumbers(joining: $0.map { $0.map { Float($0) } }) }
        let correlations = try columns.correlations.map { try rows.singles($0) }
        let covariances = try columns.covariance.map { try rows.arrays($0) }
        let deviations = try columns.deviation.map { try rows.scalars($0) }
        let relevant = try columns.relevant.map { try rows.scalars($0) }
        let basis = try columns.basis.map { try rows.scalars($0) }
        return values.indices.map { row in
            guard !values[row].isEmpty else { return nil }
            var band = XPCoefficients(values[row])
            band.errors = errors?[row] ?? []
            band.correlations = correlations?[row] ?? []
            if let packed = covariances?[row], !packed.isEmpty, let deviation = deviations?[row] {
                band.take(covariance: packed, deviation)
            }
            func whole(_ values: [Double]?) -> Int? { values.flatMap { Int(exactly: $0[row].rounded(.towardZero)) } }
            (band.relevant, band.basis) = (whole(relevant), whole(basis))
            return band
        }
    }

    /// Finds the release that the coefficients are of, and refuses what is of none.
    private func check(_ band: XPCoefficients, of name: String, _ id: String) throws {
        func refuse(_ field: String, _ problem: String) -> Diagnostic {
            let known = XPRelease.known.map { release in
                release.title + " ("
                    + release.bands.map { "\($0.name): \($0.coefficients) of basis \($0.basis)" }.joined(
                        separator: ", ") + ")"
            }
            return Diagnostic(
                file.url, field: "\(name)_\(field)", problem: "source \(id): \(problem)",
                remedy: "known is " + known.joined(separator: "; "))
        }
        func fits(_ own: XPRelease.Band) -> Bool {
            own.name == name && own.coefficients == band.values.count && (band.basis.map { $0 == own.basis } ?? true)
        }
        let candidates = release.map { [$0] } ?? XPRelease.known
        guard let found = candidates.first(where: { $0.bands.contains(where: fits) }) else {
            let basis = band.basis.map { " of basis \($0)" } ?? ""
            throw refuse("coefficients", "\(band.values.count) coefficients\(basis) are of no release that is known")
        }
        let count = band.values.count
        guard band.errors.isEmpty || band.errors.count == count else {
            throw refuse("coefficient_errors", "\(band.errors.count) errors for \(count) coefficients")
        }
        guard band.correlations.isEmpty || band.correlations.count == count * (count - 1) / 2 else {
            throw refuse(
                "coefficient_correlations", "\(band.correlations.count) correlations for \(count) coefficients")
        }
        guard band.values.allSatisfy(\.isFinite) else { throw refuse("coefficients", "one is not finite") }
        if release == nil {
            release = found
            sampler = XPSampler(found, sampling: options.xpSampling)
        }
    }
}

extension SpectrumBuilder {
    /// The spectrum of a source, sampled; without pixels where it has no band.
    fileprivate mutating func spectrum(of bands: [String: XPCoefficients], _ sampler: XPSampler) throws -> Spectrum {
        guard !bands.isEmpty else { return try build() }
        let sampled = sampler.sample(bands, truncates: options.truncatesXP, correlates: options.correlatesXP)
        (wavelength, unit) = (sampler.sampling, .nanometre)
        (flux, error) = (sampled.flux, sampled.error)
        let hasCorrelations = bands.values.allSatisfy { !$0.correlations.isEmpty }
        if error != nil {
            reading.error =
                hasCorrelations ? "errors and correlations of the coefficients" : "errors of the coefficients"
        }
        var spectrum = try build()
        spectrum.correlation = sampled.correlation
        if error != nil, !hasCorrelations {
            spectrum.notes.append("errors are those of uncorrelated coefficients: the file holds no correlations")
        }
        return spectrum
    }
}
