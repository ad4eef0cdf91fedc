# Everything a developer does with this project. `make setup` is run by what needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCKER ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

.PHONY: setup run test test-browser test-faults check bench screenshots race lock env image clean

setup: $(STAMP)

$(STAMP): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: setup
	$(BIN)/python -m local_stack

# Two at a time, each with servers of its own, because fault tests mostly wait.
test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore=tests/browser --cov --cov-report=term

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

# Pins names, versions and hashes of what pyproject.toml asks for.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra tracing --constraint requirements.txt --output-file requirements-tracing.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

# Random passwords for compose.yaml, written once; it asks nothing, and installs nothing.
env:
	@./deploy/env.sh

# The release, with its version and commit in its labels.
image:
	$(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag projectionist:$(VERSION) .

clean:
	rm -rf $(VENV) .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* *.egg-info
