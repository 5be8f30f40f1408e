# Two commands are the whole set-up; each makes .venv and installs what it needs when that is missing.
#   make demo    watch it work
#   make test    formatting, lint, types, tests, doctests
# Before a release:
#   make test-all  the slow tests, too

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test test-all format clean

demo: $(INSTALLED)
	$(BIN)/rga demo

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

test-all: test
	$(BIN)/pytest -n 2 --dist worksteal -m slow

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv demo-output

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
