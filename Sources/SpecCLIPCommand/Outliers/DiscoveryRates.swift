import Statistics
import Tables

/// False-discovery rates, which are known when all stars are.
final class DiscoveryRates: RowCompletion {
    private let fdr: Double?
    private var p: [Double] = [], q: [Double] = []

    init(fdr: Double?) { self.fdr = fdr }

    func add(_ table: Table) {
        if case .numbers(let values)? = table["p"]?.values { p += values }
    }

    func finish() { q = falseDiscoveryRates(p) }

    /// How many stars are odd; nil where there are none at all.
    var summary: String? {
        guard !p.isEmpty else { return nil }
        let counts = [0.01, 0.05].map { rate in "\(q.count { $0 <= rate }) at a rate of \(Int(100 * rate)) %" }
        let unknown = p.count(where: \.isNaN)
        return "\(p.count) spectra, odd ones: " + counts.joined(separator: ", ")
            + (unknown > 0 ? "; \(unknown) of instruments without normal stars are not judged" : "")
    }

    /// Rows with their rates; of a list, where one is asked for.
    func completed(_ table: Table, from start: Int) -> Table {
        var table = table
        let own = Array(q[min(start, q.count)..<min(start + table.rowCount, q.count)])
        guard let place = table.columns.firstIndex(where: { $0.name == "q" }) else { return table }
        table.columns[place].values = .numbers(own.map(threeDigits))
        guard let fdr else { return table }
        return table.rows(own.indices.filter { own[$0] <= fdr })
    }
}
