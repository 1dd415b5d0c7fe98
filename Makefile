# swift-specclip: `make` alone says what there is. On a fresh machine `make demo` and `make test` do everything themselves.
#
# LIBTORCH=<folder> uses an existing libtorch; downloads are kept in $XDG_CACHE_HOME/specclip (default ~/.cache/specclip).

SHELL := /bin/bash
STEP  := scripts/step.sh
TEST  := swift test --skip-build --no-parallel --disable-xctest

# The manifest reads these two: absolute, and absent rather than empty.
ifeq ($(strip $(LIBTORCH)),)
unexport LIBTORCH
else
export LIBTORCH := $(abspath $(LIBTORCH))
endif
ifeq ($(strip $(XDG_CACHE_HOME)),)
unexport XDG_CACHE_HOME
endif

# Real LAMOST files with labels to test on, where there are some (see docs/data.md).
LAMOST_TEST = $(if $(wildcard ../shared/data/lamost/labels.csv),--lamost ../shared/data/lamost)

# Waiting OpenMP threads give way instead of spinning: 10 % slower on an idle machine, many times faster on a busy one.
export OMP_WAIT_POLICY ?= passive

.PHONY: help deps parquet build test lint docs demo serve bench wheel test-python test-browser test-openapi test-cluster clean

help:            ## list these commands
	@sed -n 's/^\([a-z-]*\): *.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

deps:            ## install what is missing: system libraries and libtorch (nothing to do: well under a second)
	@scripts/deps.sh

# The manifest is read anew: an evaluation from before the libraries came is kept otherwise.
parquet: deps    ## bring Apache Arrow (55 MB) and build what reads and writes Parquet (again after an update)
	@scripts/parquet.sh
	@$(STEP) "Building (release, Parquet)" swift build -c release --manifest-cache none --product SpecCLIPParquet

build: deps      ## build the tool in release: .build/release/specclip
	@$(STEP) "Building (release)" swift build -c release

# Trainings end elsewhere on every processor: tests of what is learned (tag `.learned`) run once more as libtorch computes
# where there is neither AVX2 nor AVX-512. Their margins: scripts/margins.sh.
test: deps lint  ## check the format, build and run all tests
	@$(STEP) "Building tests" swift build --build-tests
	@$(STEP) --show ' skipped|Test run with ' "Testing" $(TEST)
	@$(STEP) --show 'Test run with ' "Testing what is learned on plain instructions" \
		env ATEN_CPU_CAPABILITY=default $(TEST) --filter "$$(scripts/learned.sh)"
	@SPECCLIP=$(CURDIR)/.build/debug/specclip scripts/test_browser.sh

lint:            ## check the source format (.swift-format)
	@$(STEP) "Checking format" swift format lint --strict --parallel --recursive Sources Tests Examples

docs: deps       ## build the documentation of the libraries; fails on its warnings
	@$(STEP) "Building documentation" scripts/docs.sh

demo: build      ## the whole way on real spectra: data, training, evaluation, one star read (results in demo/)
	@.build/release/specclip demo --output demo $(LAMOST_TEST)

serve: build     ## a page to drop stars on: http://127.0.0.1:8080/ (SERVE="--port 9000" for more options)
	@.build/release/specclip serve $(SERVE)

bench: build     ## time this build beside the same work in PyTorch: bench/results.json
	@bench/run.py

wheel: deps      ## build the Python package: python/dist/specclip-….whl
	@scripts/wheel.sh

test-python: build wheel  ## test the Python package beside the command
	@scripts/test_python.sh

test-browser: build  ## test the page of the server in Chromium (make test does, too)
	@scripts/test_browser.sh

test-openapi: build  ## ask the server what its OpenAPI document allows, and what it does not (schemathesis)
	@scripts/test_openapi.sh

test-cluster: build  ## test catalogues with LSDB and Dask themselves (an environment of 1 GB; after make parquet)
	@scripts/test_cluster.sh

clean:           ## remove what was built here (downloads in the cache stay)
	@rm -rf .build .build-python python/dist python/venv demo bench/venv bench/venv-dimension bench/venv-npe bench/work
