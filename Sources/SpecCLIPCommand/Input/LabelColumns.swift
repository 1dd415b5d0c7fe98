/// Labels as `--labels` names them.
enum LabelColumns {
    /// `teff,fe_h=feh` as labels, each with the column that it is.
    static func parsed(_ text: String) -> [(name: String, column: String)] {
        text.split(separator: ",").map { part in
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            return (name: sides.first ?? "", column: sides.last ?? "")
        }
    }
}
