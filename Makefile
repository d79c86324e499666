# Needs Python 3.11 or newer, pip and make. Everything is installed into .venv, nothing elsewhere.
#   make run PYTHON=python3.12        another interpreter
#   make run EXIT=1                   end by itself; status 0 only if the audit is clean
#   make test ARGS='-k drop --seed 7' arguments for pytest
#   make simulate SEEDS=1000          worlds drawn at random; SEED=7 plays one again
#   make load SHAPE=storm_return VIEWERS=2000  what happens, and to how many

PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13
ARGS ?=
VIEWERS ?= 5000
SECONDS ?= 60
SHAPE ?= the_drop
SIZES ?= 10000 50000 100000
SEEDS ?= 1000
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-long test-all simulate lint format bench bench-fanout bench-counter load load-770k load-1m load-growth pin clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## install what is needed and play the demo (EXIT=1: end by itself)
	@$(BIN)/livestream demo $(if $(EXIT),--exit)

# Three at a time: much of a test of processes and deadlines is waiting.
test: $(VENV)/.test ## run the suite, but for what test-long has (ARGS: for pytest)
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile -m 'not long' $(ARGS)

test-long: $(VENV)/.test ## run the rest: whole demos, the longest kills, load tests, every benchmark once
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m long $(ARGS)

# A version manager's shim may stand on PATH for a version it will not run, so each is tried.
test-all: ## run the suite on each Python of PYTHONS that this machine has
	@ran=; for python in $(PYTHONS); do \
	  for found in $$python "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/*/bin/$$python ''; do \
	    [ -z "$$found" ] || ! "$$found" -c '' 2>/dev/null || break; \
	  done; \
	  if [ -z "$$found" ]; then echo "$$python is not on this machine: left out"; continue; fi; \
	  echo "== $$python"; \
	  $(MAKE) --no-print-directory test PYTHON="$$found" VENV=.venvs/$$python || exit 1; \
	  ran="$$ran $$python"; \
	done; \
	[ -n "$$ran" ] || { echo "none of $(PYTHONS) is on this machine" >&2; exit 1; }; \
	echo "passed on:$$ran"

simulate: $(VENV)/.test ## play SEEDS whole worlds over all cores, each from its seed (SEED=N: that one again)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: $(VENV)/.lint ## check style, types, the arrows between modules, and the Dockerfile
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile && echo "hadolint: Dockerfile is clean"

format: $(VENV)/.lint ## lay the code out as lint wants it
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(VENV)/.bench ## measure, each figure beside its floor; JSON under var/bench
	@$(BIN)/python -m loadtest.bench $(ARGS)

# node's ws is a peer too where it is found: ARGS='--node-modules DIRECTORY'.
bench-fanout: $(VENV)/.bench ## ours and its peers under one load: CPU, bytes, handshakes, arrival; plot in var/bench/fanout.svg
	@$(BIN)/python -m loadtest.bench.fanout $(ARGS)

bench-counter: $(VENV)/.bench ## the counter and its peer: decisions a second, latency, late-comers, growth, restart
	@for each in counter soldout growth restart; do $(BIN)/python -m loadtest.bench $$each $(ARGS) || exit 1; done

load: $(VENV)/.load ## Locust fills a room of a private server (SHAPE, VIEWERS, SECONDS); report under var/load
	@$(BIN)/python -m loadtest --shape $(SHAPE) --viewers $(VIEWERS) --seconds $(SECONDS) $(ARGS)

load-770k: $(VENV)/.load ## 770,000 viewers on this machine: 24 GiB, half an hour; says what it must allow
	@$(BIN)/python -m loadtest --shape full_house --viewers 770000 --bare $(ARGS)

load-1m: $(VENV)/.load ## the same with 1,000,000
	@$(BIN)/python -m loadtest --shape full_house --viewers 1000000 --bare $(ARGS)

load-growth: $(VENV)/.load ## a full house of each of SIZES; figures and plot in var/load/growth.*
	@$(BIN)/python -m loadtest.growth $(SIZES)

# The oldest Python decides: what it needs beyond the others (back-ports) is pinned too.
pin: check-python ## write constraints.txt: the newest versions that go together
	@rm -rf .venvs/pin && $(call make-venv,.venvs/pin)
	@echo "resolving the newest versions …"
	@.venvs/pin/bin/python $(PIP_INSTALL) --upgrade '.[test,lint,bench,load]'
	@{ sed -n '/^#/!q;p' constraints.txt; \
	   .venvs/pin/bin/python -m pip freeze --exclude livestream-engine --exclude pip --exclude setuptools; \
	 } > .venvs/constraints.txt && mv .venvs/constraints.txt constraints.txt
	@rm -rf .venvs/pin && echo "wrote constraints.txt; now: make test-all"

clean: ## remove what make, the tools and runs have written
	rm -rf .venv .venvs var build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- what the targets above stand on -----------------------------------------------------------

# Where Python came without ensurepip (Debian keeps it in a package apart), its own pip serves.
make-venv = $(PYTHON) -m venv $(1) >/dev/null 2>&1 || { rm -rf $(1); \
  $(PYTHON) -m venv --without-pip $(1) && \
  $(PYTHON) -m pip -qq --disable-pip-version-check --python $(1)/bin/python install pip; }

.PHONY: check-python
check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "$(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12" >&2; exit 1; }

$(BIN)/python:
	@$(MAKE) --no-print-directory check-python
	@echo "making $(VENV) …"
	@$(call make-venv,$(VENV))

# One stamp for each set of extras, so that a second run installs nothing.
$(VENV)/.run: EXTRAS :=
$(VENV)/.test: EXTRAS := [test]
$(VENV)/.lint: EXTRAS := [test,lint,bench,load]
$(VENV)/.bench: EXTRAS := [bench]
$(VENV)/.load: EXTRAS := [load]
$(VENV)/.run $(VENV)/.test $(VENV)/.lint $(VENV)/.bench $(VENV)/.load: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing livestream-engine$(EXTRAS) … (a minute, the first time)"
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.$(EXTRAS)'
	@touch $@
