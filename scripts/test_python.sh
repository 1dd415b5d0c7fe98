#!/usr/bin/env bash
# Tests the Python package: the wheel of `make wheel` beside the command of `make build`.
#
# The environment is python/venv: pinned packages, and of torch the files that `make deps` brought, whose library is all that
# specclip loads of it. SPECCLIP_PYTHON names another interpreter, which has torch 2.11 and python/tests/requirements.txt.
# Where pip cannot bring the packages, the tests are skipped, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

venv=python/venv
if [ -z "${SPECCLIP_PYTHON:-}" ]; then
    python=$(libtorch_python) || { echo "make test-python: skipped, no python3 with pip; install it (Debian: python3-pip)"; exit 0; }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || { echo "make test-python: skipped, the packages of python/tests/requirements.txt need Python 3.11 or later"; exit 0; }
    if ! cmp -s python/tests/requirements.txt "$venv/.complete"; then
        rm -rf "$venv"
        "$python" -m venv "$venv" || { echo "make test-python: skipped, no venv; install it (Debian: python3-venv)"; exit 0; }
        if ! scripts/step.sh "Bringing Python packages for tests" "$venv/bin/python" -m pip install --no-input -r python/tests/requirements.txt; then
            echo "make test-python: skipped, pip could not bring the packages (its message is above); with network: make test-python"
            exit 0
        fi
        cp python/tests/requirements.txt "$venv/.complete"
    fi
    SPECCLIP_PYTHON=$venv/bin/python
    torch=$(cd "$libtorch_folder" && pwd)
fi
# Beside other versions of the package, not in place of them.
rm -rf .build-python/installed
"$SPECCLIP_PYTHON" -m pip install --quiet --no-input --no-deps --target .build-python/installed python/dist/*.whl
unset SPECCLIP_LIBRARY
export PYTHONPATH="$PWD/.build-python/installed${torch:+:$torch}"
export SPECCLIP_LOGS="$PWD/.build/logs"
cd python/tests
case $SPECCLIP_PYTHON in /*) ;; *) SPECCLIP_PYTHON=../../$SPECCLIP_PYTHON ;; esac
../../scripts/step.sh --show ' (passed|skipped)|SKIPPED' "Testing the Python package" \
    "$SPECCLIP_PYTHON" -m pytest -q -rs -p no:cacheprovider
