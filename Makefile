# The two commands of the README: `make demo` and `make test`. `make check` is run before every commit.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format lint types fast bench docs clean

demo: $(STAMP)
	$(BIN)/python -m gradwork.cli.demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2

check: $(STAMP) lint types fast

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/pyright

fast: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m "not slow"

bench: $(STAMP)
	$(BIN)/pip install --quiet scikit-learn statsmodels pandas torch==2.13.0
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist src/*.egg-info demo

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Gradwork needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $(STAMP)
