#!/usr/bin/env bash
# Builds the documentation of the libraries and fails on every warning: links that lead nowhere, parameters that nobody
# describes. Pages: .build/plugins/Swift-DocC/outputs.
set -euo pipefail
cd "$(dirname "$0")/.."

rooms=(Support Torch Tables Spectra Instruments Datasets OrderedBottleneck Posteriors SpecCLIP StarReading)
swift package --disable-sandbox generate-documentation "${rooms[@]/#/--target=}" --warnings-as-errors
