# The two commands: `make demo` plays a party, `make test` checks everything.
# Each makes .venv and installs what it needs; Python 3.11 or newer is all it takes.
# What is installed is what requirements/ names, to the byte: docs/supply-chain.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo/party-$(shell date -u +%Y%m%dT%H%M%S)
SBOM_OF ?= requirements/run.txt

LOCKED := -m pip install --quiet --require-hashes --only-binary :all:
OURSELVES := -m pip install --quiet --no-index --no-deps --no-build-isolation
# A release less than a week old may be somebody else's than its authors'.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --exclude-newer '7 days' --custom-compile-command 'make lock'

.PHONY: demo test lint types lock sbom clean

demo: $(VENV)/installed
	$(BIN)/hubbub run cocktail-party --agents 10 --set rounds=30 --seed 7 --out $(DEMO)
	$(BIN)/hubbub show $(DEMO)
	$(BIN)/hubbub verify $(DEMO)

test: $(VENV)/tested lint types
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/tested
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/tested
	$(BIN)/mypy
	$(BIN)/pyright

lock: $(VENV)/tested
	$(BIN)/$(LOCK) pyproject.toml --extra test --group build -o requirements/test.txt
	$(BIN)/$(LOCK) pyproject.toml -c requirements/test.txt -o requirements/run.txt
	$(BIN)/$(LOCK) --group build -c requirements/test.txt -o requirements/build.txt

# Of an environment with what $(SBOM_OF) names and nothing else.
sbom: $(VENV)/tested
	$(PYTHON) -m venv --clear --without-pip build/sbom
	$(BIN)/python -m pip --python build/sbom/bin/python install --quiet \
	  --require-hashes --only-binary :all: --requirement $(SBOM_OF)
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file build/hubbub.cdx.json build/sbom/bin/python

clean:
	rm -rf $(VENV) build demo .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml requirements/build.txt requirements/run.txt | $(BIN)/python
	$(BIN)/python $(LOCKED) --requirement requirements/build.txt --requirement requirements/run.txt
	$(BIN)/python $(OURSELVES) --editable .
	touch $@

$(VENV)/tested: pyproject.toml requirements/test.txt | $(BIN)/python
	$(BIN)/python $(LOCKED) --requirement requirements/test.txt
	$(BIN)/python $(OURSELVES) --editable .
	touch $@ $(VENV)/installed
