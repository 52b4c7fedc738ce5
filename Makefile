PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
NEWEST := .venv-newest
NEWEST_PYTHON ?= python3.13
# Other environments run the tests that take seconds; examples, notebooks and peers are the first one's.
FAST := -n 2 --dist worksteal -m "not slow" --ignore tests/test_examples.py \
	--ignore tests/test_benchmarks_agree.py
BASELINES := .benchmarks
.DEFAULT_GOAL := help
# Tests start many processes; each would compile the package's source anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo   the main job on the built-in chain: levels in the terminal, a report in demo-report.html"
	@echo "make test   every test"
	@echo "make oldest  the fast tests with the lowest versions of libraries that pyproject.toml allows"
	@echo "make newest  the fast tests with the newest Python ($(NEWEST_PYTHON)) and the newest libraries"
	@echo "make lint   ruff, mypy --strict, import-linter"
	@echo "make coverage  every test, with the lines and branches they leave out; fails under 95 %"
	@echo "make docs   the documentation in docs/_build/html; runs every code block, fails at a warning"
	@echo "make notebooks  the notebooks of examples/, run, with their pictures"
	@echo "make package  the wheel, tried in a clean environment of each Python"
	@echo "make hooks  ruff before each commit"
	@echo "make bench  speed side by side with peers, each in an environment of its own; writes benchmarks/README.md"
	@echo "            (QUICK=1: small sizes, printed only)"
	@echo "make bench-loops  each hot loop alone, held to its reference; SAVE=name keeps a baseline, COMPARE=name"
	@echo "            compares with it (FAIL=median:10%: fails where a median has grown by more)"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[plot]"
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[plot,parquet,live,dask,study,serve,mcp]" --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

$(VENV)/.hooks: $(VENV)/.lint
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group hooks
	@touch $@

$(OLDEST)/.test: pyproject.toml .ci/oldest.py
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python .ci/oldest.py > $(OLDEST)/lowest.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r $(OLDEST)/lowest.txt -e .
	@touch $@

$(NEWEST)/.test: pyproject.toml
	$(NEWEST_PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -e ".[plot,parquet,live,dask,study,serve,mcp]" --group test
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/gammaflow demo --out demo-report.html

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Old libraries warn of the newest ones that they need themselves, which is no business of the tests.
oldest: $(OLDEST)/.test
	$(OLDEST)/bin/python -m pytest tests $(FAST) -W ignore::DeprecationWarning

newest: $(NEWEST)/.test
	$(NEWEST)/bin/python -m pytest tests $(FAST)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95

# The wheel in a clean environment of each Python, with what it asks for and nothing else.
package: $(VENV)/.test
	rm -rf dist && $(BIN)/python -m build --quiet .
	for python in $(PYTHON) $(NEWEST_PYTHON); do \
		if $$python --version; then \
			rm -rf $(VENV)/clean && $$python -m venv $(VENV)/clean && \
			$(VENV)/clean/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[plot]" && \
			(cd dist && ../$(VENV)/clean/bin/python -m gammaflow demo --out demo.html && \
				../$(VENV)/clean/bin/gammaflow verify > /dev/null) || exit 1; \
		fi; \
	done
	rm -rf $(VENV)/clean

docs: $(VENV)/.docs
	rm -rf docs/_build docs/gallery_pages docs/reference/generated
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

# On the recorded chains where they lie beside the repository.
notebooks: $(VENV)/.test
	PYTHONPATH=. $(BIN)/python .ci/notebooks.py

hooks: $(VENV)/.hooks
	$(BIN)/pre-commit install

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

bench-loops: $(VENV)/.test
	$(BIN)/python -m pytest benchmarks -n 0 --benchmark-only --benchmark-storage=$(BASELINES) \
		--benchmark-columns=min,median,iqr,rounds $(if $(SAVE),--benchmark-save=$(SAVE)) \
		$(if $(COMPARE),--benchmark-compare='*_$(COMPARE)') $(if $(FAIL),--benchmark-compare-fail=$(FAIL))

clean:
	rm -rf $(VENV) $(OLDEST) $(NEWEST) .venv-peers demo-report.html .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* docs/_build docs/gallery_pages docs/reference/generated
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo test oldest newest coverage lint package docs notebooks hooks bench bench-loops clean
