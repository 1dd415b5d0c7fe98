#!/usr/bin/env bash
# Brings Apache Arrow's C++ libraries, for `make parquet`: libarrow, libparquet and their headers, out of the wheel of pyarrow on
# PyPI, which is unpacked but never run as Python. Changes nothing when they are there.
#
# Environment: XDG_CACHE_HOME  where the cache lives (default ~/.cache)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

version=26.0.1
folder="$specclip_cache/arrow-$version"
[ ! -f "$folder/.complete" ] || { echo "Apache Arrow: in place ($folder)"; exit 0; }
[ "$(uname)" = Linux ] || { echo "make parquet: brings libraries for Linux alone; elsewhere give other formats" >&2; exit 1; }
python=$(libtorch_python) || { echo "make parquet: no python3 with pip; install it (Debian: python3-pip)" >&2; exit 1; }

mkdir -p "$specclip_cache"
partial="$folder.partial.$$"
trap 'rm -rf "$partial"' EXIT
mkdir -p "$partial/scratch"
TMPDIR="$partial/scratch" PIP_DISABLE_PIP_VERSION_CHECK=1 scripts/step.sh "Downloading Apache Arrow $version (55 MB)" \
    "$python" -m pip download --no-input --no-deps --only-binary=:all: --python-version 3.12 -d "$partial" "pyarrow==$version" \
    || { echo "make parquet: pip could not bring pyarrow $version (its message is above); with network: make parquet" >&2; exit 1; }
# A wheel is a zip archive.
"$python" - "$partial" <<'PY'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    for name in wheel.namelist():
        if name.startswith(("pyarrow/include/", "pyarrow/libarrow.so.", "pyarrow/libparquet.so.")):
            wheel.extract(name, folder)
PY
for file in libarrow.so.2600 libparquet.so.2600 include/parquet/arrow/reader.h; do
    [ -s "$partial/pyarrow/$file" ] || { echo "make parquet: pyarrow $version lacks $file" >&2; exit 1; }
done
rm -rf "$folder"
mv "$partial/pyarrow" "$folder"
touch "$folder/.complete"
