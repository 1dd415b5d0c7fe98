/// The spectra of one star, each of another instrument.
struct Sightings {
    var spectra: [Star]

    /// Puts spectra together that are of the same star, in the order in which stars come first: rows of the same number
    /// in a data set, files and rows of tables with the same source id; and two spectra of two instruments, when they
    /// are all there are. Further visits by the same instrument stand by themselves.
    static func of(_ stars: [Star]) -> [Sightings] {
        if stars.count == 2, stars[0].instrument != stars[1].instrument { return [Sightings(spectra: stars)] }
        var found: [Sightings] = []
        var places: [String: [Int]] = [:]
        for star in stars {
            let key = star.raw == nil ? star.name : star.sourceID
            let place = places[key, default: []].first { place in
                found[place].spectra.count == 1 && found[place].spectra[0].instrument != star.instrument
            }
            if let place, !key.isEmpty {
                found[place].spectra.append(star)
            } else {
                places[key, default: []].append(found.count)
                found.append(Sightings(spectra: [star]))
            }
        }
        return found
    }
}
