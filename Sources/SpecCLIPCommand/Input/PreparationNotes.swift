/// What was assumed or left out of spectra: said once with the first of them that it concerns, and counted for the others,
/// so that a survey's files do not bury it.
struct PreparationNotes {
    private var counts: [(note: String, spectra: Int)] = []

    /// Says what is new of a spectrum's notes.
    mutating func add(_ notes: [String], about name: String) {
        for note in notes {
            if let known = counts.firstIndex(where: { $0.note == note }) {
                counts[known].spectra += 1
            } else {
                counts.append((note, 1))
                Program.note("specclip: \(name): \(note)")
            }
        }
    }

    /// Says how many more spectra each note concerned.
    func finish() {
        for (note, spectra) in counts where spectra > 1 {
            Program.note("specclip: \(spectra - 1) more of the spectra: \(note)")
        }
    }
}
