#!/usr/bin/env bash
# Links the library of the Python package from the objects of `swift build --product CSpecCLIP`: with Swift's runtime and HDF5
# within, and nothing else beside libtorch and what every Linux has.
#
#   scripts/link_python.sh <objects: Objects.LinkFileList> <folder to work in> <library to write>
#
# Rooms that read files bring libraries for these (cfitsio, libzip with OpenSSL, Avro, …: some 30, by way of curl), which the
# package has no use for: it takes arrays. What these rooms call is therefore defined here to stop with a word; nothing that
# specclip.h can ask for leads there. HDF5 is real: `adapt` keeps its spectra in such a file while it learns.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

objects=$1 folder=$2 library=$3
system=/usr/lib/$(uname -m)-linux-gnu
absent=(cfitsio zip avro expat bz2 zstd lzma curl crypto)
# HDF5 asks its compressor sz (over aec) what it can do before it is used at all.
real=(hdf5_serial sz aec xxhash)

rm -rf "$folder"
mkdir -p "$folder"
for name in "${real[@]}"; do
    [ -f "$system/lib$name.a" ] || { echo "make wheel: $system/lib$name.a is missing; run make deps" >&2; exit 1; }
    # Debian's archives are made for programs: of what they reach outside, libc's streams alone would not do in a library.
    objcopy --redefine-sym stderr=specclip_stderr --redefine-sym stdout=specclip_stdout \
        "$system/lib$name.a" "$folder/lib${name%_serial}.a"
done

# What is called and defined nowhere: of the objects, and of HDF5.
tr -d \" <"$objects" | tr ' ' '\n' | grep '\.o$' | xargs nm -u 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u >"$folder/called"
nm -u "$system/libhdf5_serial.a" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u >>"$folder/called"
sort -u -o "$folder/called" "$folder/called"

for name in "${absent[@]}"; do
    # Not every machine has all of them with the names for building: what HDF5 leads to comes without.
    shared=$(ls "$system/lib$name".so* 2>/dev/null | tail -1)
    [ -n "$shared" ] || { echo "make wheel: $system/lib$name.so is missing; run make deps" >&2; exit 1; }
    # Names, and whether each is data (B, D, R, V) or code.
    nm -D --defined-only "$shared" | awk '{ sub(/@.*/, "", $3); print $3, ($2 ~ /[BDRV]/) ? "data" : "code" }' | sort -u |
        join - "$folder/called" >"$folder/$name.names"
    {
        echo "void specclip_absent(const char *name);"
        awk '$2 == "data" { print "void *" $1 "[64];" }
             $2 == "code" { print "void " $1 "(void) { specclip_absent(\"" $1 "\"); }" }' "$folder/$name.names"
    } >"$folder/$name.c"
    clang -c -O1 -fPIC -w -fvisibility=hidden "$folder/$name.c" -o "$folder/$name.o"
    ar rcs "$folder/lib$name.a" "$folder/$name.o"
done
cat >"$folder/absent.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
FILE *specclip_stderr, *specclip_stdout;
__attribute__((constructor)) static void streams(void) { specclip_stderr = stderr, specclip_stdout = stdout; }
void specclip_absent(const char *name) {
    fprintf(stderr, "specclip: %s is called, and is no part of this library; please report it\n", name);
    abort();
}
C
clang -c -O1 -fPIC -fvisibility=hidden "$folder/absent.c" -o "$folder/absent.o"

# C++ symbols stay visible: what headers of libtorch define must be one with what libtorch has.
echo '{ global: specclip_*; _Z*; local: *; };' >"$folder/exports"
root=$libtorch_folder
[ ! -d "$root/torch/lib" ] || root=$root/torch
swiftc -emit-library -static-stdlib -o "$library" @"$objects" "$folder/absent.o" -L "$folder" \
    -lhdf5 -lsz -laec -lxxhash -lcurl -lcrypto -lzip -lavro -lexpat -lbz2 -lzstd -llzma -lcfitsio -lz -lm -lstdc++ \
    -L "$root/lib" -ltorch_cpu -lc10 \
    -Xlinker --gc-sections -Xlinker --version-script="$folder/exports" -Xlinker --no-undefined \
    2> >(grep -v -e 'mktemp' -e '^$' >&2)
strip --strip-unneeded "$library"
