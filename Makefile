# Everything a developer does with this project. `make setup` is run by what needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The installer, in an environment of its own: uv, which pip brings, at the version that is locked.
INSTALLER := .uv
UV := $(INSTALLER)/bin/uv
CONTRACT := .contract
DOCKER ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

# It trusts whom the machine trusts, and downloads no other Python than the one that is here.
export UV_SYSTEM_CERTS ?= true
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup setup-run run test test-browser test-faults test-install check bench screenshots race torture teeth chaos fuzz contract lock env image clean

# Everything that work on the project needs.
setup: $(VENV)/.for-development

# What `make run` needs; an environment for development has that in it, and stays one.
setup-run: $(or $(wildcard $(VENV)/.for-development),$(VENV)/.for-running)

$(VENV)/.for-development: requirements-dev.txt pyproject.toml $(VENV)/pyvenv.cfg
	$(install)

$(VENV)/.for-running: requirements-run.txt pyproject.toml $(VENV)/pyvenv.cfg
	$(install)

# Exactly what is locked: nothing is resolved, so no release of anybody's changes what is installed.
# uv reads no settings of pip's; an index that pip is told to use is handed on to it.
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

# Schemathesis has an environment of its own: it would bring plugins into our tests.
$(CONTRACT)/.installed: requirements-contract.txt $(INSTALLER)/.installed
	rm -rf $(CONTRACT)
	$(UV) venv --quiet --python $(INSTALLER)/bin/python $(CONTRACT)
	$(SYNC) --python $(CONTRACT)/bin/python $<
	touch $@

run: setup-run
	$(BIN)/python -m local_stack

# Three at a time on two cores, each with servers of its own, because many tests mostly wait.
test: setup
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal --ignore=tests/browser --cov --cov-report=term

# The page in a real browser, over services of its own.
test-browser: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/browser

# The faults, and the starts and restores, that take long; `make test` leaves them out. They add no
# coverage that the others lack, so no threshold is asked of them.
test-faults: setup
	$(BIN)/python -m pytest -m long tests/faults tests/end_to_end

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each prints its figure; `.venv/bin/python -m benchmarks --list` says which there are.
bench: setup
	$(BIN)/python -m benchmarks

# Pictures of each view of the page, light and dark, phone and wide, in .local/screenshots; and the
# README's, docs/overview.webp.
screenshots: setup
	$(BIN)/python -m tests.browser.screenshots

# The race test at length; `make test` runs it for a few seconds.
race: setup
	RACE_SECONDS=120 $(BIN)/python -m pytest tests/faults/test_races.py --timeout=600

# A million broken and hostile lists, or as many as wanted; it says its seed, and by that what to do
# again. And all properties with a hundred times as many examples as `make test` tries.
fuzz: setup
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest --numprocesses 2 --dist worksteal --timeout 3600 -m hypothesis tests/unit
	$(BIN)/python -m tests.fuzzing.lists --cases $(or $(FUZZ_CASES),1000000) --seed $(or $(FUZZ_SEED),$(shell date +%s)) --seconds 1

# Storage functions of both services, one statement at a time, for half an hour or as long as told.
torture: setup
	$(BIN)/python -m tests.torture.running

# Whether the torture finds each defect that is planted for it.
teeth: setup
	$(BIN)/python -m pytest -m long tests/torture

# More than 5,000 requests that Schemathesis makes of the API's document, each answer held against it;
# it says its seed, and by that what to do again.
contract: setup $(CONTRACT)/.installed
	$(BIN)/python -m tests.contract.running $(CONTRACT)/bin/schemathesis $(if $(CONTRACT_SEED),--seed $(CONTRACT_SEED))

# Random faults over real processes, for ten minutes or as long as told.
chaos: CHAOS_SECONDS ?= 600
chaos: setup
	CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/python -m pytest -m long -s tests/faults/test_random_faults.py

# Whether an installation stays what is locked, whatever has been released since; asks the package index.
test-install: setup
	$(BIN)/python -m pytest -m long tests/installation

# Pins names, versions and hashes of what pyproject.toml asks for, and of the installer. Each lock keeps
# to those before it, and what is pinned stays as it is: `make lock LOCK=--upgrade` takes what is newest.
lock: COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url $(LOCK)
lock: $(INSTALLER)/.installed
	echo uv | $(COMPILE) --output-file requirements-uv.txt -
	$(COMPILE) --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra tracing --constraint requirements.txt --output-file requirements-tracing.txt pyproject.toml
	$(COMPILE) --extra run --constraint requirements-tracing.txt --output-file requirements-run.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements-tracing.txt --constraint requirements-run.txt --output-file requirements-dev.txt pyproject.toml
	echo 'schemathesis>=4.32' | $(COMPILE) --constraint requirements-dev.txt --output-file requirements-contract.txt -

# Random passwords for compose.yaml, written once; it asks nothing, and installs nothing.
env:
	@./deploy/env.sh

# The release, with its version and commit in its labels.
image:
	$(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag projectionist:$(VERSION) .

clean:
	rm -rf $(VENV) $(INSTALLER) $(CONTRACT) .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* *.egg-info
