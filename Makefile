# Safemail: the words that people and CI use. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test loop check bench crash screenshots clean

help: ## list these words
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready service/portal/static/assets/.ready ## environment and page assets only

demo: setup ## a small Microsoft 365 and the whole service on localhost; prints the addresses
	$(BIN)/python -m emulator demo

test: $(VENV)/.ready-tests node_modules/.ready-tests service/portal/static/assets/.ready ## everything the tests need, then the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadscope

loop: setup ## every mail of tests/mail through the whole loop, one line of JSON each
	$(BIN)/python -m emulator loop tests/mail/*.eml

check: $(VENV)/.ready-tests node_modules/.ready-tests ## ruff, mypy, import-linter, templates, manifest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --quiet --lint service/portal/templates emulator
	$(BIN)/python -m tests.addin.manifest_check

bench: $(VENV)/.ready-tests service/portal/static/assets/.ready ## ratios to a baseline in the same run
	$(BIN)/python -m tests.bench

crash: $(VENV)/.ready-tests service/portal/static/assets/.ready ## kill -9 at every step of the mail's way, on both databases
	$(BIN)/python -m pytest tests/crash

screenshots: $(VENV)/.ready-tests node_modules/.ready-tests service/portal/static/assets/.ready ## the README's pictures, made anew
	$(BIN)/python -m tests.screenshots

clean: ## forget environment, assets and demo data
	rm -rf $(VENV) node_modules service/portal/static/assets .demo

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/.python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.ready-tests: tests/requirements.lock $(VENV)/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	touch $@

node_modules/.ready: package-lock.json
	npm ci --omit=dev --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

node_modules/.ready-tests: package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	touch node_modules/.ready $@

ASSET_SOURCES := $(wildcard service/portal/static/src/* service/portal/static/src/help/* service/portal/templates/*.html service/portal/templates/*/*.html)

service/portal/static/assets/.ready: node_modules/.ready service/portal/assets.mjs $(ASSET_SOURCES)
	node service/portal/assets.mjs
	touch $@
