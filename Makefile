# One command is the whole set-up; each makes .venv and installs what it needs when that is missing.
#   make demo    watch it work
#   make test    formatting, lint, types, tests, doctests
#   make docs    the pages as a site: docs/_build/html/index.html
# Before a release:
#   make test-all  the slow tests, too
#   make fuzz    random inputs: CASES=10000 in all, SEED=0, KIND= for one of the six kinds (tests/fuzz/kinds.py)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test test-all docs fuzz format clean

demo: $(INSTALLED)
	$(BIN)/rga demo

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

test-all: test
	$(BIN)/pytest -n 2 --dist worksteal -m slow

docs: $(INSTALLED)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --builder html docs docs/_build/html

CASES ?= 10000
SEED ?= 0

fuzz: $(INSTALLED)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz --cases $(CASES) --seed $(SEED) $(if $(KIND),--kind $(KIND)) $(if $(BLOB),--blob '$(BLOB)')

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv demo-output docs/_build

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
