import Foundation
import Support

/// What a flux is per: all that a normalised spectrum needs to know of its unit. Scales do not matter.
public enum FluxUnit: String, Sendable, Hashable, CaseIterable {
    /// Energy per wavelength, F_λ: what models see.
    case perWavelength = "f-lambda"
    /// Energy per frequency, F_ν: janskys.
    case perFrequency = "f-nu"
    /// Photons per wavelength.
    case photonsPerWavelength = "photons-lambda"
    /// Photons per frequency.
    case photonsPerFrequency = "photons-nu"
    /// Energy alone, λF_λ.
    case timesWavelength = "lambda-f-lambda"
    /// Counts, or numbers without a unit: taken as they are.
    case uncalibrated = "none"

    /// What an F_λ is of a flux in this unit, up to a constant.
    /// - Parameter wavelength: in vacuum, Å.
    public func factor(at wavelength: Double) -> Double {
        switch self {
        case .perWavelength, .uncalibrated: 1
        case .perFrequency: 1 / (wavelength * wavelength)
        case .photonsPerWavelength: 1 / wavelength
        case .photonsPerFrequency: 1 / (wavelength * wavelength * wavelength)
        case .timesWavelength: 1 / wavelength
        }
    }

    /// How people write it.
    public var text: String {
        switch self {
        case .perWavelength: "F_λ"
        case .perFrequency: "F_ν"
        case .photonsPerWavelength: "photons per wavelength"
        case .photonsPerFrequency: "photons per frequency"
        case .timesWavelength: "λF_λ"
        case .uncalibrated: "no unit"
        }
    }

    /// The kind of a unit as files write it: `erg/s/cm2/A`, `10**(-17) erg s-1 cm-2 Angstrom^-1`, `mJy`,
    /// `W.m**-2.nm**-1`, `ph / (s cm2 Angstrom)`, `counts`, or one of the names of this type.
    /// - Returns: nil for what is no flux, or is not understood.
    public init?(parsing text: String) {
        // A table says the same of each of its spectra.
        let unit = Self.understood.value(for: text) { Self(rawValue: text.lowercased()) ?? Dimension(text)?.flux }
        guard let unit else { return nil }
        self = unit
    }

    private static let understood = SharedCache<String, FluxUnit?>(capacity: 16)
}

/// Powers of what units of flux are made of.
private struct Dimension: Equatable {
    var energy = 0, photons = 0, counts = 0, seconds = 0, metres = 0

    var flux: FluxUnit? {
        if counts != 0 { return .uncalibrated }
        // Luminosities are as good as fluxes.
        let isSpread = metres == -2 || metres == 0
        switch (energy, photons) {
        case (0, 0): return seconds == 0 && metres == 0 ? FluxUnit.uncalibrated : nil
        case (1, 0) where seconds == -1 && (metres == -3 || metres == -1): return .perWavelength
        case (1, 0) where seconds == 0 && isSpread: return .perFrequency
        case (1, 0) where seconds == -1 && isSpread: return .timesWavelength
        case (0, 1) where seconds == -1 && (metres == -3 || metres == -1): return .photonsPerWavelength
        case (0, 1) where seconds == 0 && isSpread: return .photonsPerFrequency
        default: return nil
        }
    }

    private static let known: [String: Dimension] = {
        let joule = Dimension(energy: 1)
        let photon = Dimension(photons: 1)
        let (second, metre, count) = (Dimension(seconds: 1), Dimension(metres: 1), Dimension(counts: 1))
        let lambda = Dimension(energy: 1, seconds: -1, metres: -3)
        let nu = Dimension(energy: 1, metres: -2)
        let photonLambda = Dimension(photons: 1, seconds: -1, metres: -3)
        let groups: [(String, Dimension)] = [
            ("erg ergs j joule joules ev kev", joule),
            ("w watt watts sollum lsun l_sun", Dimension(energy: 1, seconds: -1)),
            ("jy mjy ujy µjy njy kjy jansky janskys maggy maggies nanomaggy nanomaggies nmgy mgy fnu", nu),
            ("flam flambda f_lambda", lambda), ("ph photon photons", photon), ("photlam", photonLambda),
            ("photnu", Dimension(photons: 1, metres: -2)), ("s sec second seconds", second),
            (
                "m cm mm km nm um µm micron microns meter metre meters metres nanometer nanometre nanometers nanometres",
                metre
            ),
            ("a aa å ang angstrom angstroms angstroem micrometer micrometre ångström", metre),
            ("hz hertz ghz", Dimension(seconds: -1)),
            ("ct cts count counts adu adus dn electron electrons e els elec", count),
            ("sr steradian arcsec spaxel fiber fibre pixel pix pixels spx lenslet sky bin beam", Dimension()),
            (
                "normalized normalised normalization relative dimensionless unitless unity none arbitrary arb continuum"
                    + " flux units unit scaled no", Dimension()
            ),
        ]
        return Dictionary(
            uniqueKeysWithValues: groups.flatMap { names, dimension in
                names.split(separator: " ").map { (String($0), dimension) }
            })
    }()

    init(energy: Int = 0, photons: Int = 0, counts: Int = 0, seconds: Int = 0, metres: Int = 0) {
        (self.energy, self.photons, self.counts, self.seconds, self.metres) = (energy, photons, counts, seconds, metres)
    }

    /// A product of powers; nil where a name is not known.
    init?(_ text: String) {
        self.init()
        var rest = Substring(
            text.lowercased().replacing("μ", with: "µ").replacing("**", with: "^").replacing("⁻", with: "-")
                .replacing("¹", with: "1").replacing("²", with: "2").replacing("³", with: "3").replacing(
                    "e-/", with: "e/"
                )
                .replacing("'", with: " ").replacing("\\", with: " ").replacing("$", with: " "))
        // What follows a slash is a divisor, alone or in brackets.
        var (sign, isDivisor) = (1, false)
        var outer: [Int] = []
        while let first = rest.first {
            if let match = rest.prefixMatch(
                of: /[\d.]*\d(e[-+]?\d+)?(\s*\^?\s*\(?[-+]\d+\)?|\s*\^\s*\(?\d+\)?)?|e[-+]\d+/),
                !first.isLetter || first == "e"
            {
                rest = rest[match.range.upperBound...]
                isDivisor = false
            } else if let match = rest.prefixMatch(of: /(?<name>[a-zåµ_ö]+)\s?(\^?\s?\(?(?<power>[-+]?\d+)(\.0*)?\)?)?/)
            {
                guard let factor = Self.known[String(match.name)] else { return nil }
                let power = (match.power.flatMap { Int($0) } ?? 1) * (isDivisor ? -sign : sign)
                energy += factor.energy * power
                photons += factor.photons * power
                counts += factor.counts * power
                seconds += factor.seconds * power
                metres += factor.metres * power
                rest = rest[match.range.upperBound...]
                isDivisor = false
            } else {
                rest = rest.dropFirst()
                switch first {
                case "/": isDivisor = true
                case "(", "[", "{":
                    outer.append(sign)
                    if isDivisor { sign = -sign }
                    isDivisor = false
                case ")", "]", "}":
                    sign = outer.popLast() ?? 1
                case " ", "*", ".", "·", "^", "-", "+", ",", "x", "×", "%": break
                default: return nil
                }
            }
        }
    }
}
