/// Wavelengths in standard air and in vacuum, after Ciddor (1996, Appl. Opt. 35, 1566), as SDSS uses it.
/// Below 2000 Å the two are the same by convention.
public enum AirVacuum {
    /// Refractive index of standard air at the vacuum wavelength `wavelength`, Å.
    public static func refractiveIndex(_ wavelength: Double) -> Double {
        guard wavelength >= 2000 else { return 1 }
        let s2 = (1e4 / wavelength) * (1e4 / wavelength)
        return 1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)
    }

    /// The wavelength in air, Å, of a vacuum wavelength, Å.
    public static func toAir(_ vacuum: Double) -> Double { vacuum / refractiveIndex(vacuum) }

    /// The wavelength in vacuum, Å, of an air wavelength, Å: the exact inverse of ``toAir(_:)-(Double)``.
    public static func toVacuum(_ air: Double) -> Double {
        guard air >= 2000 else { return air }
        var vacuum = air
        // The index changes by 1e-8 over its own shift: four rounds reach the last digit.
        for _ in 0..<4 { vacuum = air * refractiveIndex(vacuum) }
        return vacuum
    }

    /// ``toAir(_:)-(Double)`` for each wavelength.
    public static func toAir(_ vacuum: [Double]) -> [Double] { vacuum.map { toAir($0) } }

    /// ``toVacuum(_:)-(Double)`` for each wavelength.
    public static func toVacuum(_ air: [Double]) -> [Double] { air.map { toVacuum($0) } }
}
