#!/usr/bin/env bash
# Tests catalogues with LSDB itself: what is written opens there, what LSDB writes is read, Dask's workers read partitions.
#
# The environment is .build/cluster-venv: LSDB and what it brings (1 GB), and of torch the library that `make deps` brought.
# Where pip cannot bring it, or `make parquet` was not run, the tests are skipped, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

[ -f .build/release/libSpecCLIPParquet.so ] || { echo "make test-cluster: skipped, run make parquet first"; exit 0; }
venv=.build/cluster-venv
wanted=Tests/Cluster/requirements.txt
if ! cmp -s "$wanted" "$venv/.complete"; then
    python=$(libtorch_python) || { echo "make test-cluster: skipped, no python3 with pip; install it (Debian: python3-pip)"; exit 0; }
    rm -rf "$venv"
    "$python" -m venv "$venv" || { echo "make test-cluster: skipped, no venv; install it (Debian: python3-venv)"; exit 0; }
    if ! scripts/step.sh "Bringing LSDB (1 GB)" "$venv/bin/python" -m pip install --no-input -r "$wanted"; then
        echo "make test-cluster: skipped, pip could not bring LSDB (its message is above); with network: make test-cluster"
        exit 0
    fi
    cp "$wanted" "$venv/.complete"
fi
export SPECCLIP="$PWD/.build/release/specclip"
export SPECCLIP_LIBRARY="$PWD/.build/release/libCSpecCLIP.so"
export PYTHONPATH="$PWD/python:$(cd "$libtorch_folder" && pwd)"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
scripts/step.sh --show '^(OK|FAILED|Ran |[a-z].*skipped)' "Testing with LSDB" \
    "$venv/bin/python" -W ignore -m unittest -v Tests/Cluster/test_catalogues.py
