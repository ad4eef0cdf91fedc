# Developer commands. Targets that need the environment run `make setup` themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The installer: uv at its locked version, in its own environment.
INSTALLER := .uv
UV := $(INSTALLER)/bin/uv
CONTRACT := .contract
DOCKER ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

# Use the machine's certificates, and its Python: never download another.
export UV_SYSTEM_CERTS ?= true
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup setup-run run test test-browser test-faults test-install check bench screenshots race torture teeth chaos fuzz contract lock env image clean

# Install everything for development.
setup: $(VENV)/.for-development

# Install what `make run` needs; an existing development environment already has it.
setup-run: $(or $(wildcard $(VENV)/.for-development),$(VENV)/.for-running)

$(VENV)/.for-development: requirements-dev.txt pyproject.toml $(VENV)/pyvenv.cfg
	$(install)

$(VENV)/.for-running: requirements-run.txt pyproject.toml $(VENV)/pyvenv.cfg
	$(install)

# Install exactly the lock, without resolving, so no new release changes what is installed.
# uv does not read pip's settings, so pass pip's index on.
SYNC = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(INSTALLER)/bin/python -m pip config get global.index-url 2>/dev/null)}}" \
	$(UV) pip sync --require-hashes --only-binary :all:

define install
rm -f $(VENV)/.for-*
$(SYNC) --python $(BIN)/python $<
$(UV) pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
$(UV) pip check --python $(BIN)/python
touch $@
endef

$(VENV)/pyvenv.cfg: $(INSTALLER)/.installed
	rm -rf $(VENV)
	$(UV) venv --quiet --python $(INSTALLER)/bin/python $(VENV)

$(INSTALLER)/.installed: requirements-uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear $(INSTALLER)
	$(INSTALLER)/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --requirement requirements-uv.txt
	touch $@

# Schemathesis gets its own environment: it would add plugins to our tests.
$(CONTRACT)/.installed: requirements-contract.txt $(INSTALLER)/.installed
	rm -rf $(CONTRACT)
	$(UV) venv --quiet --python $(INSTALLER)/bin/python $(CONTRACT)
	$(SYNC) --python $(CONTRACT)/bin/python $<
	touch $@

run: setup-run
	$(BIN)/python -m local_stack

# Two processes, each with its own servers, because fault tests mostly wait.
test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore=tests/browser --cov --cov-report=term

# Test the page in a real browser, with its own services.
test-browser: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/browser

# Run the slow faults, starts and restores, which `make test` skips. They add no coverage, so they have no
# threshold.
test-faults: setup
	$(BIN)/python -m pytest -m long tests/faults tests/end_to_end

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each benchmark prints its figure; `.venv/bin/python -m benchmarks --list` lists them.
bench: setup
	$(BIN)/python -m benchmarks

# Take pictures of each view of the page, light and dark, phone and wide, into .local/screenshots, and the
# README's, docs/overview.webp.
screenshots: setup
	$(BIN)/python -m tests.browser.screenshots

# Run the race test at length; `make test` runs it for a few seconds.
race: setup
	RACE_SECONDS=120 $(BIN)/python -m pytest tests/faults/test_races.py --timeout=600

# Parse a million broken and hostile lists, or FUZZ_CASES; FUZZ_SEED repeats a run by its printed seed.
fuzz: setup
	$(BIN)/python -m tests.fuzzing.lists --cases $(or $(FUZZ_CASES),1000000) --seed $(or $(FUZZ_SEED),$(shell date +%s)) --seconds 1

# Interleave storage functions of both services, one statement at a time, for half an hour or
# TORTURE_SECONDS.
torture: setup
	$(BIN)/python -m tests.torture.running

# Check that the torture finds each planted defect.
teeth: setup
	$(BIN)/python -m pytest -m long tests/torture

# Have Schemathesis send over 5,000 requests and check each response against the API's document;
# CONTRACT_SEED repeats a run by its printed seed.
contract: setup $(CONTRACT)/.installed
	$(BIN)/python -m tests.contract.running $(CONTRACT)/bin/schemathesis $(if $(CONTRACT_SEED),--seed $(CONTRACT_SEED))

# Inject random faults into real processes for ten minutes or CHAOS_SECONDS.
chaos: CHAOS_SECONDS ?= 600
chaos: setup
	CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/python -m pytest -m long -s tests/faults/test_random_faults.py

# Check that an installation matches the lock despite newer releases; queries the package index.
test-install: setup
	$(BIN)/python -m pytest -m long tests/installation

# Pin names, versions and hashes of the dependencies in pyproject.toml and of the installer. Each lock agrees
# with those before it, and keeps its pins: `make lock LOCK=--upgrade` takes the newest versions.
lock: COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url $(LOCK)
lock: $(INSTALLER)/.installed
	echo uv | $(COMPILE) --output-file requirements-uv.txt -
	$(COMPILE) --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra tracing --constraint requirements.txt --output-file requirements-tracing.txt pyproject.toml
	$(COMPILE) --extra run --constraint requirements-tracing.txt --output-file requirements-run.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements-tracing.txt --constraint requirements-run.txt --output-file requirements-dev.txt pyproject.toml
	echo 'schemathesis>=4.32' | $(COMPILE) --constraint requirements-dev.txt --output-file requirements-contract.txt -

# Write random passwords for compose.yaml, once; installs nothing.
env:
	@./deploy/env.sh

# Build the release image, labelled with version and commit.
image:
	$(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag projectionist:$(VERSION) .

clean:
	rm -rf $(VENV) $(INSTALLER) $(CONTRACT) .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* *.egg-info
