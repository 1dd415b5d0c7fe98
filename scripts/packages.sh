# System libraries: which are needed, whether they are there, how to bring them. Sourced by deps.sh.

debian_packages=(libcfitsio-dev libhdf5-dev libzip-dev liblzma-dev zlib1g-dev libbz2-dev libzstd-dev libexpat1-dev libavro-dev libxxhash-dev gnuplot-nox pkg-config)
homebrew_formulas=(pkgconf cfitsio hdf5 libzip xz bzip2 zstd expat avro-c xxhash gnuplot)
pkg_config_modules=(cfitsio hdf5 libzip liblzma zlib libzstd expat avro-c libxxhash)

# Whatever installed them, these are what the build and the figures use.
packages_present() {
    command -v pkg-config >/dev/null && pkg-config --exists "${pkg_config_modules[@]}" && command -v gnuplot >/dev/null
}

packages_absent() {
    local module
    command -v pkg-config >/dev/null || { echo "pkg-config"; return; }
    for module in "${pkg_config_modules[@]}"; do pkg-config --exists "$module" || echo "$module"; done
    command -v gnuplot >/dev/null || echo "gnuplot"
}

packages_install() {
    local before=${#problems[@]}
    if command -v brew >/dev/null; then
        packages_install_homebrew
    elif command -v apt-get >/dev/null; then
        packages_install_debian
    else
        problem "libraries: $(echo $(packages_absent)) not found; install them (with headers) through the system's package manager"
    fi
    packages_present || [ ${#problems[@]} -gt "$before" ] \
        || problem "libraries: installed, but still not found: $(echo $(packages_absent)); is PKG_CONFIG_PATH or PATH set oddly?"
}

packages_install_homebrew() {
    scripts/step.sh "Installing Homebrew formulas" brew install "${homebrew_formulas[@]}" \
        || problem "Homebrew: bring them with: brew install ${homebrew_formulas[*]}"
}

packages_install_debian() {
    local missing=() name apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600)
    for name in "${debian_packages[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local by_hand="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        # Only where someone can answer does sudo ask for a password.
        if ! { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
            problem "Debian packages: ${missing[*]}; no right to install them here (not root, no sudo); as root: $by_hand"
            return
        fi
        apt=(sudo -n "${apt[@]}")
    fi
    echo "Debian packages to install: ${missing[*]}"
    # A failed update is no reason to stop: the lists at hand may do.
    scripts/step.sh "Updating Debian package lists" "${apt[@]}" update || true
    scripts/step.sh "Installing Debian packages" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" \
        || problem "Debian packages: ${missing[*]} could not be installed; with network, as root: $by_hand"
}
