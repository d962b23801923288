# Everything runs in .venv, which the first command makes with the versions that are known to work together.
PYTHON ?= python3
BIN := .venv/bin
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help check fast test bench first-run demo-results docs dependencies lock pre-commit

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1|/' | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

check: .venv/installed  ## formatting, lint, types, layers: what a change must pass before its tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

fast: .venv/installed  ## the tests to run before each commit
	$(BIN)/python -m pytest -q -n 2 -m "not slow" tests/unit tests/hygiene

test: .venv/installed  ## all tests
	$(BIN)/python -m pytest -q -n 2

bench: .venv/installed  ## how fast the demo model runs on this machine
	$(BIN)/gpa-mlx bench --model demo

first-run: .venv/installed  ## everything on this machine, tried and measured: gpa-mlx-first-run.json
	$(BIN)/gpa-mlx doctor --first-run

demo-results: .venv/installed  ## what the demo model computes, anew: gpa_mlx/data/demo/results.json
	$(BIN)/python -m gpa_mlx.doctor.first_run.demo_results

docs: .venv/installed  ## the site in build/site, with every link checked
	$(BIN)/mkdocs build --strict

dependencies: .venv/installed  ## sizes and licences of what is installed with the program (WRITE=1 writes them down)
	$(BIN)/python -m tests.hygiene.dependencies $(if $(WRITE),--write)

lock:  ## constraints.txt anew: the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --quiet --universal --all-extras --python-version 3.11 --no-annotate --custom-compile-command "make lock" --upgrade pyproject.toml --output-file constraints.txt

pre-commit: .venv/installed  ## check what is committed from now on (needs pre-commit)
	pre-commit install
