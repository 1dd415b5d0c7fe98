# libtorch: where it is, whether it is whole, how to bring it. Sourced by deps.sh.
#
# It comes from the PyPI wheel of torch, unpacked but never run as Python, with the two small CUDA wheels that
# libtorch_cpu.so is linked against. On macOS it is Homebrew's, linked into the same place of the cache.

libtorch_version=2.11.0
libtorch_wheels=("torch==$libtorch_version" "nvidia-cuda-runtime==13.0.*" "nvidia-cuda-cupti==13.0.*")
specclip_cache="${XDG_CACHE_HOME:-$HOME/.cache}/specclip"
libtorch_folder="${LIBTORCH:-$specclip_cache/libtorch-$libtorch_version}"
libtorch_stamp=.complete

# Quick: the stamp of a finished installation and the files the linker and the loader ask for first.
libtorch_present() {
    if [ -n "${LIBTORCH:-}" ]; then
        [ -z "$(libtorch_lacks "$libtorch_folder")" ]
    else
        [ -f "$libtorch_folder/$libtorch_stamp" ] && [ -z "$(libtorch_lacks "$libtorch_folder")" ]
    fi
}

# The first key file that a folder lacks, or nothing.
libtorch_lacks() {
    local root=$1 file suffix=so
    [ "$(uname)" != Darwin ] || suffix=dylib
    [ ! -d "$root/torch/lib" ] || root=$root/torch
    for file in "lib/libtorch_cpu.$suffix" "lib/libc10.$suffix" include/ATen/ATen.h include/c10/core/TensorImpl.h \
        include/torch/csrc/api/include/torch/torch.h; do
        [ -s "$root/$file" ] || { echo "$root/$file"; return; }
    done
    # Only wheels with CUDA in them need the CUDA runtime beside them.
    if [ -f "$root/lib/libtorch_cuda.so" ] && [ "$root" = "$1/torch" ]; then
        for file in libcudart.so.13 libcupti.so.13; do
            [ -s "$1/nvidia/cu13/lib/$file" ] || { echo "$1/nvidia/cu13/lib/$file"; return; }
        done
    fi
}

# Thorough: every file of the wheels has the size that the wheel's own RECORD gives. Prints the first that has not.
libtorch_damage() {
    local lacks
    lacks=$(libtorch_lacks "$1")
    [ -z "$lacks" ] || { echo "$lacks is missing"; return; }
    [ "$(uname)" != Darwin ] || return 0
    ls -d "$1"/torch-"$libtorch_version"*.dist-info/RECORD >/dev/null 2>&1 \
        || { echo "$1 holds no torch $libtorch_version"; return; }
    (
        cd "$1" || return
        # path,sha256=…,size; scripts are recorded relative to another root and compiled Python without a size.
        cat ./*.dist-info/RECORD | tr -d '\r' | awk -F, 'NF == 3 && $3 != "" && $1 !~ /^\.\./ { print $3 " " $1 }' | LC_ALL=C sort >"$2/want"
        cut -d ' ' -f 2- "$2/want" | xargs -d '\n' stat -c '%s %n' 2>/dev/null | LC_ALL=C sort >"$2/have"
        LC_ALL=C comm -23 "$2/want" "$2/have" | sed -n '1s/^\([0-9]*\) \(.*\)/\2 is missing or not \1 bytes long/p'
    )
}

libtorch_install() {
    if [ -n "${LIBTORCH:-}" ]; then
        problem "libtorch: LIBTORCH=$LIBTORCH lacks $(libtorch_lacks "$libtorch_folder"); name a folder of libtorch $libtorch_version, or unset LIBTORCH"
    elif [ "$(uname)" = Darwin ]; then
        libtorch_install_homebrew
    else
        libtorch_install_wheels
    fi
}

libtorch_install_homebrew() {
    local prefix
    if ! command -v brew >/dev/null; then
        problem "libtorch: not in $libtorch_folder; install Homebrew and run make deps again, or set LIBTORCH"
        return
    fi
    scripts/step.sh "Installing libtorch (Homebrew pytorch)" brew install pytorch \
        || { problem "libtorch: bring it with: brew install pytorch; or set LIBTORCH"; return; }
    prefix=$(brew --prefix pytorch)
    mkdir -p "$libtorch_folder"
    ln -sfn "$prefix" "$libtorch_folder/torch"
    [ -z "$(libtorch_lacks "$libtorch_folder")" ] \
        || { problem "libtorch: Homebrew's pytorch lacks $(libtorch_lacks "$libtorch_folder"); set LIBTORCH"; return; }
    brew list --versions pytorch >"$libtorch_folder/$libtorch_stamp"
}

# Into a sibling folder first: what stands under the final name is whole, or is replaced by something whole.
libtorch_install_wheels() {
    local partial=$libtorch_folder.partial.$$ damage python
    rm -rf "$libtorch_folder".partial.* "$libtorch_folder".replaced.*  # left by a run that was killed; we hold the lock
    trap 'rm -rf "$libtorch_folder.partial.$$"' EXIT
    mkdir -p "$partial/scratch"
    if [ -d "$libtorch_folder" ]; then
        damage=$(libtorch_damage "$libtorch_folder" "$partial/scratch")
        if [ -z "$damage" ]; then
            libtorch_seal "$libtorch_folder"
            return
        fi
        echo "libtorch in $libtorch_folder is incomplete ($damage): bringing it again"
    fi

    python=$(libtorch_python) || {
        problem "libtorch: no python3 with pip to bring it; install it (Debian: apt-get install -y python3-pip), or set LIBTORCH"
        return
    }
    # TMPDIR: pip unpacks under it first, and /tmp is often too small for 1.2 GB.
    if ! TMPDIR="$partial/scratch" PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
        scripts/step.sh "Downloading libtorch $libtorch_version (0.6 GB)" "$python" -m pip install --no-input --no-deps --no-compile \
        $(libtorch_pip_options "$python") --target "$partial/wheels" "${libtorch_wheels[@]}"; then
        libtorch_explain_offline
        return
    fi
    damage=$(libtorch_damage "$partial/wheels" "$partial/scratch")
    [ -z "$damage" ] || { problem "libtorch: the download is incomplete ($damage); run make deps again"; return; }
    libtorch_seal "$partial/wheels"
    [ ! -e "$libtorch_folder" ] || mv "$libtorch_folder" "$libtorch_folder.replaced.$$"
    mv "$partial/wheels" "$libtorch_folder"
    rm -rf "$libtorch_folder.replaced.$$"
}

libtorch_seal() { printf '%s\n' "${libtorch_wheels[@]}" >"$1/$libtorch_stamp.new" && mv "$1/$libtorch_stamp.new" "$1/$libtorch_stamp"; }

# The first Python that has pip. (--target is outside of what "externally managed" forbids, so Debian's own will do.)
libtorch_python() {
    local candidate
    for candidate in python3 /usr/bin/python3 python3.1{0,1,2,3,4} python; do
        if "$candidate" -m pip --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Nothing of the wheel runs as Python: where the interpreter is too old or too new for it, one made for 3.12 serves.
libtorch_pip_options() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || echo "--only-binary=:all: --python-version 3.12"
}

libtorch_explain_offline() {
    problem "libtorch $libtorch_version: not in $libtorch_folder, and pip could not bring it (its message is above).
    With network:       make deps
    Through a disk:     python3 -m pip download --no-deps -d wheels ${libtorch_wheels[0]} '${libtorch_wheels[1]}' '${libtorch_wheels[2]}'
                        (on a machine with network), then here: PIP_NO_INDEX=1 PIP_FIND_LINKS=<folder of the wheels> make deps
    Or an existing one: LIBTORCH=<folder> make deps"
}
