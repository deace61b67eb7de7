# make notebooks does everything from a fresh machine to executed notebooks; make help lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# The data root, and where downloads and build outputs are kept; both can be set on the command line.
export LGF_ROOT ?= $(CURDIR)/data/out
ifdef LGF_CACHE
export LGF_CACHE
endif
ENV := . tools/env.sh;
STEP := tools/setup.sh
STAMPS := .lgf/stamps
# The kernel is built while libtorch is fetched and the library is built; JOBS=1 one after another, where memory is short.
JOBS ?= 2
beside = rm -f .lgf/failed; $(MAKE) --silent $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs=$(JOBS)) $(1) || { [ ! -e .lgf/failed ] || cat .lgf/failed >&2; exit 1; }
# All else goes one after another, whatever make is called with: set-up is asked for by nearly all.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif
PYTHON := .lgf/venv/bin/python
# The kernel is an ordinary program: without the flags of the notebooks' crates, in the folder that set-up builds it in.
KERNEL_CARGO := unset RUSTFLAGS CARGO_BUILD_TARGET; CARGO_TARGET_DIR="$$LGF_CACHE/kernel-target" cargo
KERNEL_PACKAGE := --manifest-path kernel/Cargo.toml
KERNEL := kernel/Cargo.toml kernel/Cargo.lock $(shell find kernel/src -type f)
REAL = FOLDER="$(FOLDER)" ANNOTATIONS="$(ANNOTATIONS)" NETWORKS="$(NETWORKS)" ROOT="$(or $(ROOT),$(CURDIR)/data/real)" tools/real.sh
LIBRARY := $(shell find src data build.rs -type f -not -path 'data/out/*' -not -path 'data/real/*' 2>/dev/null) Cargo.toml Cargo.lock

.PHONY: help setup build notebooks real test lint map test-rust test-kernel test-notebooks test-browser test-cluster test-drill drill bench-scale lgf lab install-kernel remove-kernel doctor bench bench-cells bench-boxes bench-edges bench-datasets
.PHONY: bench-models bench-relevance bench-metrics bench-analysis bench-consistency check-crops check-edges check-manipulations check-models check-relevance clean FORCE

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## tools, libtorch and kernel (about 9 minutes once)
	+@$(call beside,$(STAMPS)/libtorch $(STAMPS)/kernel $(STAMPS)/venv)

notebooks: build ## everything: set up, build, run notebooks 0 to 8 into LGF_ROOT (default data/out)
	$(ENV) $(PYTHON) tools/run_notebooks.py --root "$$LGF_ROOT"

real: ## notebooks 2 to 8 and a report on FOLDER=your own photographs, with networks trained on ImageNet, in data/real
	@$(REAL) check
	@$(MAKE) build
	$(ENV) $(REAL)

test: lint test-rust build ## all tests: formatting, lints, documentation, library, kernel, notebooks, browser, cluster, a tenth of the drills
	@# Each waits now and then: for Slurm, a front-end, a kill. Two at a time, each printed when it has ended.
	@$(MAKE) --jobs=$(JOBS) --output-sync=target test-kernel test-notebooks test-browser test-cluster test-drill
	@printf '\n== all tests passed\n'; for of in rust kernel notebooks browser cluster drill; do cat .lgf/test-$$of-summary; done

lgf: setup ## the command line: make lgf ARGS="help"
	$(ENV) cargo run --quiet --bin lgf -- $(ARGS)

lab: build ## JupyterLab with the kernel "Rust (lgf)" on copies of the notebooks, in work/
	@$(ENV) exec $(PYTHON) tools/lab.py $(ARGS)

install-kernel: build ## shows the kernel to VS Code and your own Jupyter (FORCE=1: in place of another checkout's)
	@python3 tools/install_kernel.py install

remove-kernel: ## takes away what install-kernel wrote
	@python3 tools/install_kernel.py remove

doctor: ## what is there and what is missing
	@$(ENV) python3 tools/doctor.py

bench: setup ## the time of each step of the sequence
	$(ENV) cargo run --quiet --bin lgf -- bench

bench-cells: build ## the time of notebook cells: kernel start to first figure, display cells
	$(ENV) $(PYTHON) tools/bench_cells.py

lint: setup ## formatting, clippy and rustdoc, all without warnings; licences, sources and pins; the map
	$(ENV) cargo fmt --check
	$(ENV) rustfmt --check --edition 2024 tools/map.rs
	# What a list declares, cargo does not see.
	$(ENV) rustfmt --check --edition 2024 src/datasets/manipulations/*.rs src/models/families/*.rs
	$(ENV) cargo clippy --all-targets --quiet -- -D warnings
	$(ENV) $(KERNEL_CARGO) fmt $(KERNEL_PACKAGE) --check
	$(ENV) $(KERNEL_CARGO) clippy $(KERNEL_PACKAGE) --release --locked --all-targets --quiet -- -D warnings
	$(ENV) RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
	@$(ENV) $(PYTHON) tools/supply.py check
	@$(ENV) $(PYTHON) tools/supply.py deny
	@$(MAKE) map

map: .lgf/map ## the floors of src and what each room uses; fails on an arrow up, a circle, a column's name in quotes
	@$(ENV) .lgf/map

test-rust: setup ## the library's tests: unit, integration and documentation
	@mkdir -p .lgf
	$(ENV) cargo test --lib --bins --tests 2>&1 | tee .lgf/test-rust.log
	$(ENV) cargo test --doc 2>&1 | tee -a .lgf/test-rust.log
	@grep -E '^test result' .lgf/test-rust.log > .lgf/test-rust-summary

test-kernel: build ## the kernel's tests
	$(ENV) cargo build --quiet --bin lgf
	$(ENV) $(KERNEL_CARGO) test $(KERNEL_PACKAGE) --release --locked --quiet 2>&1 | tee .lgf/test-kernel.log
	@grep -E '^test result' .lgf/test-kernel.log > .lgf/test-kernel-summary
	$(ENV) $(PYTHON) -m pytest -q -p no:cacheprovider tests/kernel 2>&1 | tee .lgf/test-kernel.log
	@tail -n 1 .lgf/test-kernel.log >> .lgf/test-kernel-summary

test-notebooks: build ## notebooks 0 to 8, and what each of them shows
	$(ENV) $(PYTHON) tools/run_notebooks.py --root "$$LGF_ROOT" --shown tests/kernel/shown.json 2>&1 | tee .lgf/test-notebooks.log
	@tail -n 1 .lgf/test-notebooks.log > .lgf/test-notebooks-summary

test-browser: build ## JupyterLab in headless Chromium as a person uses it; pictures in .lgf/browser; skipped without Chromium
	@tools/test_browser.sh

test-cluster: setup ## the sequence as arrays of a Slurm of its own, and by Snakemake, beside one run; skipped without Slurm
	$(ENV) cargo build --quiet --bin lgf; \
	tests/cluster/run.sh "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" 2>&1 | tee .lgf/test-cluster.log
	@tail -n 1 .lgf/test-cluster.log > .lgf/test-cluster-summary

drill: setup ## kills at every kind of write, full disks, a machine that refuses, two at once; after each the same bytes (about an hour; ARGS=--share 0.1)
	$(ENV) cargo build --quiet --bin lgf; \
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/drill/drill.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(ARGS)

test-drill: setup ## a tenth of the drills
	@$(MAKE) drill ARGS="--share 0.1" 2>&1 | tee .lgf/test-drill.log
	@grep -E '^[0-9]+ passed, ' .lgf/test-drill.log | tail -n 1 > .lgf/test-drill-summary

bench-scale: setup ## a thousand networks that are not there on ten thousand pictures, in a minute and 1 GB; and how it grows
	$(ENV) cargo build --quiet --bin lgf; space="$$(mktemp -d)"; trap 'rm -rf "$$space"' EXIT; \
	lgf="$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf"; \
	"$$lgf" bench scale --root "$$space/a" --at-most-seconds 60 --at-most-mb 1000; \
	for items in 1000 10000 100000; do "$$lgf" bench scale --root "$$space/$$items" --networks 100 --items $$items; rm -rf "$$space/$$items"; done

bench-boxes: setup ## step 1 on an archive of ImageNet's size, beside gzip (and, with PEERS=python, beside the published way)
	$(ENV) cargo build --quiet --bin lgf; \
	python3 tools/bench_boxes.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(if $(PEERS),--python $(PEERS))

bench-edges: setup ## step 3 beside OpenCV on FOLDER=photographs; PEERS=a python with opencv-python-headless
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_edges.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

bench-datasets: setup ## step 4 and manipulations beside numpy, Pillow, SciPy and OpenCV on FOLDER=photographs; PEERS=a python with these
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_datasets.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

check-manipulations: setup ## manipulations beside OpenCV, Pillow, SciPy and numpy on FOLDER=photographs
	$(ENV) cargo build --quiet --bin lgf; space="$$(mktemp -d)"; trap 'rm -rf "$$space"' EXIT; \
	$(or $(PEERS),python3) tests/reference/manipulations.py compare "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" "$$space" \
	    $$(find $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val) -type f \( -iname '*.jp*g' -o -iname '*.png' \) | sort | head -n 40)

bench-models: setup ## inference beside PyTorch on FOLDER=JPEGs of 224 x 224; PEERS=a python with torch, torchvision, pretrainedmodels
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_models.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(FOLDER)

check-models: setup ## logits of every network at full size beside torchvision, pretrainedmodels and efficientnet-lite-pytorch on FOLDER=photographs
	$(ENV) cargo build --quiet --bin lgf; space="$$(mktemp -d)"; trap 'rm -rf "$$space"' EXIT; \
	$(or $(PEERS),python3) -W ignore tests/reference/networks.py compare "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" "$$space" \
	    $$(find $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val) -type f \( -iname '*.jp*g' -o -iname '*.png' \) | sort | head -n 12)

bench-analysis: setup ## step 6 beside the study's loop in pandas, on the sample as published; PEERS=a python with pandas and scipy
	$(ENV) cargo build --quiet --bin lgf; space="$$(mktemp -d)"; trap 'rm -rf "$$space"' EXIT; \
	lgf="$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf"; "$$lgf" --root "$$space" --protocol published all >/dev/null; \
	$(or $(PEERS),python3) tools/bench_analysis.py --lgf "$$lgf" "$$space"

bench-consistency: setup ## intervals of error consistency beside numpy; PEERS=a python with numpy
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_consistency.py "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf"

bench-relevance: setup ## relevance beside zennit on FOLDER=photographs; PEERS=a python with torch, torchvision, pretrainedmodels, zennit, lxt (with transformers before 5), timm
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_relevance.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

bench-metrics: setup ## metrics of maps beside Quantus on FOLDER=photographs; PEERS=a python with torch, torchvision, pretrainedmodels, quantus
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tools/bench_metrics.py --lgf "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

check-relevance: setup ## relevance at full size beside zennit's on FOLDER=photographs; PEERS as above
	$(ENV) cargo build --quiet --bin lgf; space="$$(mktemp -d)"; trap 'rm -rf "$$space"' EXIT; \
	$(or $(PEERS),python3) -W ignore tests/reference/networks.py full "$$space"; \
	$(or $(PEERS),python3) -W ignore tests/reference/relevance.py compare "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" "$$space" \
	    $$(find $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val) -type f \( -iname '*.jp*g' -o -iname '*.png' \) | sort | head -n 4)

check-crops: setup ## counts unequal bytes of cropped photographs and torchvision's on FOLDER=photographs; PEERS with torchvision
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) -W ignore tests/reference/preprocessing.py compare "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

check-edges: setup ## counts unequal pixels of step 3 and OpenCV on FOLDER=photographs; PEERS as for bench-edges
	$(ENV) cargo build --quiet --bin lgf; \
	$(or $(PEERS),python3) tests/reference/edges.py compare "$$CARGO_TARGET_DIR/$$CARGO_BUILD_TARGET/debug/lgf" $(or $(FOLDER),$(LGF_ROOT)/sample/imagenette2/val)

clean: ## removes what was set up here and this checkout's build outputs; downloads and results stay
	$(ENV) rm -rf "$$LGF_BUILD" "$$LGF_STATE"

# --- the steps of the set-up; each is skipped when its stamp is newer than what it depends on ---

build:
	+@$(call beside,$(STAMPS)/warm)

.lgf/map: tools/map.rs tools/sources.rs tools/tokens.rs tools/keys.rs
	@mkdir -p $(@D)
	@$(ENV) rustc --edition 2024 -D warnings --test tools/map.rs -o $@-test; $@-test --quiet
	@$(ENV) rustc --edition 2024 -D warnings -O tools/map.rs -o $@

$(STAMPS)/check: FORCE
	@$(STEP) check
	@mkdir -p $(@D); [ -e $@ ] || touch $@

$(STAMPS)/cargo: Cargo.lock Cargo.toml | $(STAMPS)/check
	@$(STEP) cargo && touch $@

$(STAMPS)/venv: tools/requirements.txt | $(STAMPS)/check
	@$(STEP) venv && touch $@

FETCHED := $(or $(LIBTORCH),$(or $(LGF_CACHE),$(HOME)/.cache/lgf)/libtorch/torch)/lib/libtorch_cpu.so
# Cheap when it is there, and LIBTORCH or the conda environment may differ from the last time: looked at each time.
# Where it is there already, the library need not wait for the Python that would fetch it.
$(STAMPS)/libtorch: FORCE | $(STAMPS)/check $(if $(wildcard $(FETCHED)),,$(STAMPS)/venv)
	@$(STEP) libtorch

$(STAMPS)/kernel: kernel/kernel.json $(KERNEL) | $(STAMPS)/check $(STAMPS)/cargo
	@$(STEP) kernel && $(STEP) kernelspec && touch $@

# Cargo looks for itself what is up to date. The kernel's copy is made from this build.
$(STAMPS)/library: FORCE | $(STAMPS)/cargo $(STAMPS)/libtorch
	@$(STEP) build

$(STAMPS)/warm: FORCE | $(STAMPS)/library $(STAMPS)/kernel $(STAMPS)/venv
	@$(STEP) warm
