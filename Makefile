# Two commands for a fresh machine with Python >= 3.11, git and make: `make demo` and `make test`.
# Each makes its own environment in .venv first; nothing outside this folder is touched.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
REPORT ?= reports/demo
# A warning, such as a link that leads nowhere, ends the build.
SITE   := $(BIN)/sphinx-build --quiet --nitpicky --fail-on-warning docs reports/site

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs links bench clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.session ## Both IOCs, both stories, the analysis and its report, in a few minutes
	$(BIN)/cryohalo demo --output $(REPORT)

test: $(VENV)/.test ## The whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev ## Style, types, the direction of imports, and the site without a warning
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(SITE)

format: $(VENV)/.dev ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## The site, in reports/site, after what of it is generated from the code
	$(BIN)/python -m iocs.documents
	$(SITE)
	@echo "the site: reports/site/index.html"

links: $(VENV)/.dev ## Every link that leaves the site, asked for: it needs the network
	$(BIN)/sphinx-build --quiet --builder linkcheck -D nb_execution_mode=off docs reports/links

bench: $(VENV)/.test ## The benchmarks in one table, as ratios against named alternatives (some ten minutes)
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and all that was made
	rm -rf $(VENV) reports build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] >= (3, 11) else "cryohalo needs Python >= 3.11, but %s is %s: make PYTHON=python3.12" % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv $(VENV)

# One stamp per set of extras: a new pyproject.toml or constraints.txt installs anew.
$(VENV)/.session $(VENV)/.test $(VENV)/.dev: $(VENV)/.%: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing cryohalo[$*] into $(VENV) (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@echo "Compiling the refrigerator's loop (some 20 s, once for each version)"
	@$(BIN)/python -m amrr.compiling
	@touch $@
