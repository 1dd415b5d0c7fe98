extension PageFiles {
    /// The files of `Page/`, by name; `Package.swift` lists them as well.
    static var embedded: [String: [UInt8]] {
        [
            "api.js": PackageResources.api_js,
            "app.js": PackageResources.app_js,
            "corner.js": PackageResources.corner_js,
            "datatable.js": PackageResources.datatable_js,
            "dom.js": PackageResources.dom_js,
            "filter.js": PackageResources.filter_js,
            "format.js": PackageResources.format_js,
            "icon.svg": PackageResources.icon_svg,
            "index.html": PackageResources.index_html,
            "intake.js": PackageResources.intake_js,
            "keeping.js": PackageResources.keeping_js,
            "kiel.js": PackageResources.kiel_js,
            "layers.js": PackageResources.layers_js,
            "lines.js": PackageResources.lines_js,
            "list.js": PackageResources.list_js,
            "lookalike.js": PackageResources.lookalike_js,
            "pieces.js": PackageResources.pieces_js,
            "plot.js": PackageResources.plot_js,
            "range.js": PackageResources.range_js,
            "session.js": PackageResources.session_js,
            "spectra.js": PackageResources.spectra_js,
            "star.js": PackageResources.star_js,
            "starparts.js": PackageResources.starparts_js,
            "style.css": PackageResources.style_css,
            "table.js": PackageResources.table_js,
            "theme.js": PackageResources.theme_js,
            "upload.js": PackageResources.upload_js,
        ]
    }
}
