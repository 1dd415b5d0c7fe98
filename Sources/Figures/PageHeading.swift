/// The line above a page: its title and, at the right, where the stars come from.
struct PageHeading {
    let title: String
    let tier: String
    let left: Double
    let right: Double
    var y = 14.0

    private var isWide: Bool {
        let widths = PlotText(title, .bold).width(size: Style.titleSize) + PlotText(tier).width(size: Style.legendSize)
        return widths + 14 <= right - left
    }

    /// Below it panels, or their titles, may begin.
    var bottom: Double { isWide ? y + 10 : y + 22 }

    /// Both on one line where they fit, else the tier below the title.
    var texts: [PageText] {
        let small = Style.legendSize
        let source = PlotText(tier).fitted(width: right - left, size: small)
        let heading = PlotText(title, .bold).fitted(width: right - left, size: Style.titleSize)
        return [
            PageText(heading, x: left, y: y, size: Style.titleSize),
            isWide
                ? PageText(source, x: right, y: y, size: small, alignment: .right, colour: .grey)
                : PageText(source, x: left, y: y + 13, size: small, colour: .grey),
        ]
    }
}
