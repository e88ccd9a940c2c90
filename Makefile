# Every target creates the virtual environment that it needs. `make` without a target lists them all.
# To choose the interpreters: make PYTHON=python3.12 FLOOR_PYTHON=python3.11 test

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
FLOOR_PYTHON ?= $(PYTHON)

BIN := .venv/bin
FLOOR_BIN := .venv-floor/bin
METADATA := setup.py pyproject.toml

# Importing TensorFlow without byte code takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Makes the target's folder a virtual environment and installs $(INSTALL) into it. Prints the large
# downloads and the errors; install.log has everything.
define environment
@$(INTERPRETER) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, $(NEWEST)) else \
	"$(INTERPRETER) is Python %d.%d; name one from 3.11 to 3.$(NEWEST): " % sys.version_info[:2] \
	+ "make PYTHON=python3.11 (FLOOR_PYTHON for .venv-floor)")'
@echo "Installing into $(@D): 600 MB or so to download; this takes a minute or more"
@$(INTERPRETER) -m venv $(@D)
@$(@D)/bin/python -m pip install $(INSTALL) 2>&1 | tee $(@D)/install.log \
	| sed -n -e '/ERROR/p' -e '/\(Downloading\|Using cached\).*MB)/p'
@touch $@
endef

.venv/.demo .venv/.dev: INTERPRETER = $(PYTHON)
.venv/.demo .venv/.dev: NEWEST = 13

.venv/.demo: INSTALL = --editable ".[photos,audio,video,report]"
.venv/.demo: $(METADATA)
	$(environment)

.venv/.dev: INSTALL = --editable ".[photos,report,data,export,audio,video,dev]"
.venv/.dev: $(METADATA)
	$(environment)

.venv-floor/.floor: INTERPRETER = $(FLOOR_PYTHON)
.venv-floor/.floor: NEWEST = 12
.venv-floor/.floor: INSTALL = --editable ".[tfio,audio,test]" --constraint requirements/floor.txt
.venv-floor/.floor: $(METADATA) requirements/floor.txt
	$(environment)

# One retry only: if PyTorch's index cannot be reached, pip would wait for it again for every package.
.venv/.peers: .venv/.dev requirements/peers.txt
	@echo "Installing PyTorch's CPU build into $(@D): 200 MB or so to download"
	@$(BIN)/python -m pip install --retries 1 --requirement requirements/peers.txt 2>&1 \
		| tee $(@D)/install-peers.log | sed -n '/ERROR/p'
	@touch $@

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: demo
demo: .venv/.demo ## train on photographs, sample, export; writes demo/report.html
	$(BIN)/python -m vqvae_tf.programs.demo --output=demo

.PHONY: check-demo
check-demo: .venv/.demo ## check every section of demo/report.html
	$(BIN)/python -m tests.demo.check_report demo/report.html

.PHONY: demo-speech
demo-speech: .venv/.demo ## train on synthetic speech, convert voices; writes demo_speech/report.html
	$(BIN)/python -m vqvae_tf.programs.demo_speech --output=demo_speech

.PHONY: check-demo-speech
check-demo-speech: .venv/.demo ## check every section of demo_speech/report.html
	$(BIN)/python -m tests.demo.check_speech_report demo_speech/report.html

.PHONY: demo-video
demo-video: .venv/.demo ## train on walks through mazes, imagine others; writes demo_video/report.html
	$(BIN)/python -m vqvae_tf.programs.demo_video --output=demo_video

.PHONY: check-demo-video
check-demo-video: .venv/.demo ## check every section of demo_video/report.html
	$(BIN)/python -m tests.demo.check_video_report demo_video/report.html

.PHONY: test
test: test-tf test-jax ## all tests on the newest TensorFlow and Keras

.PHONY: test-tf
test-tf: .venv/.dev ## all tests except those on JAX
	$(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: test-jax
test-jax: .venv/.dev ## layers and networks on Keras's JAX backend
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/jax

.PHONY: test-peers
test-peers: .venv/.peers ## compare layers with dm-sonnet and vector-quantize-pytorch
	$(BIN)/python -m pytest tests/layers/test_peers.py

.PHONY: test-floor
test-floor: .venv-floor/.floor ## layers and audio decoding on the oldest TensorFlow
	VQVAE_TF_FLOOR=1 $(FLOOR_BIN)/python -m pytest -n 2 --dist worksteal tests/layers tests/floor

.PHONY: lint
lint: .venv/.dev ## check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: format
format: .venv/.dev ## fix style and formatting
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: .venv/.dev ## run every benchmark
	for program in benchmarks/[!_]*.py; do echo "== $$program"; $(BIN)/python "$$program"; done

.PHONY: results
results: .venv/.dev ## regenerate every figure and picture in results/ (hours)
	for script in results/*/run.sh; do echo "== $$script"; PATH="$$PWD/$(BIN):$$PATH" bash "$$script"; done
