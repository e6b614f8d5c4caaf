# The two commands: `make demo` plays a party, `make test` checks everything.
# Each makes .venv and installs what it needs; Python 3.11 or newer is all it takes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo/party-$(shell date -u +%Y%m%dT%H%M%S)

.PHONY: demo test lint types clean

demo: $(VENV)/installed
	$(BIN)/hubbub run cocktail-party --agents 10 --set rounds=30 --seed 7 --out $(DEMO)
	$(BIN)/hubbub show $(DEMO)
	$(BIN)/hubbub verify $(DEMO)

test: $(VENV)/tested lint types
	$(BIN)/python -m pytest

lint: $(VENV)/tested
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/tested
	$(BIN)/mypy
	$(BIN)/pyright

clean:
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/tested: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/installed
