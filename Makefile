# One command is the whole set-up; each makes .venv and installs what it needs when that is missing.
#   make demo    watch it work
#   make test    formatting, lint, types, tests, doctests
#   make docs    the pages as a site: docs/_build/html/index.html
# Before a release:
#   make test-all  the slow tests, too
#   make lowest  the tests of the core with the lowest versions that pyproject.toml allows, in .venv-lowest, of 6 GB; it needs uv
#   make fuzz    random inputs: CASES=10000 in all, SEED=0, KIND= for one of the six kinds (tests/fuzz/kinds.py)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed

unexport PYTHONDONTWRITEBYTECODE # the tests start rga many times, and would compile it each time

.PHONY: demo test test-all docs lowest fuzz format clean

demo: $(INSTALLED)
	$(BIN)/rga demo

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/pytest -n 2 --dist worksteal

test-all: test
	$(BIN)/pytest -n 2 --dist worksteal -m slow

docs: $(INSTALLED)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --builder html docs docs/_build/html

# What the lowest versions cannot: PyTorch 2.8 compiles some attention in several graphs where newer ones make one, and cannot copy what
# torch.fx traced; timm 1.0.23 takes a test's cache for its own format.
NEWER := $(addprefix --deselect tests/,\
	attention/test_relation.py::test_compiles_without_graph_breaks \
	attention/test_tracing.py::test_a_symbolic_trace_keeps_checks_precision_and_survives_copies \
	attention/test_tracing.py::test_compiles_in_training_under_autocast \
	attachment/test_blocks.py::test_attention_inside_of_blocks_compiles_in_one_graph \
	attachment/test_tokens.py::test_pretrained_positions_are_interpolated_to_the_size_of_the_images)
LOWEST := tests/attention tests/attachment tests/ranking tests/storage tests/images tests/pretrained tests/cli/test_help.py tests/test_loading.py

lowest:
	rm -rf .venv-lowest # versions that are there would stay
	uv venv --python 3.11 .venv-lowest
	uv pip install --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[all,hog,openvino]'
	uv pip install --python .venv-lowest/bin/python pytest hypothesis httpx torchmetrics pytorch-metric-learning
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest $(LOWEST) $(NEWER)

CASES ?= 10000
SEED ?= 0

fuzz: $(INSTALLED)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz --cases $(CASES) --seed $(SEED) $(if $(KIND),--kind $(KIND)) $(if $(BLOB),--blob '$(BLOB)')

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-lowest demo-output docs/_build

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
