# Two commands: `make lab` to talk, `make test` to check. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ARGS ?=
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
NPM := $(PYTHON) hatch_build.py npm
NOTEBOOK := notebooks/01_talk.ipynb

# Servers that are not ours, without what they ask for: models (gigabytes, and PyTorch), or what JupyterLab brings.
FOREIGN := speech-to-speech==1.1.0 voila==0.5.13

JS_SOURCES := $(shell find js -type f -not -path '*/node_modules/*' -not -path 'js/tests/*' 2>/dev/null)
STATIC := $(addprefix rtc_widget/static/,widget.js widget.css waves.js loopback.js page.js)
# Built files that someone removed are made again, whatever the stamps say.
GONE := $(if $(filter-out $(wildcard $(STATIC)),$(STATIC)),gone)

# Tests use the sandbox: no account, and no way to one. What is compiled is kept: they start Python hundreds of times.
CLEAN_ENV := env -u OPENAI_API_KEY -u OPENAI_BASE_URL -u PYTHONDONTWRITEBYTECODE
PYTEST := $(CLEAN_ENV) $(PYTHON) -m pytest

AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab test check-python check-js browser bench pictures soak clean gone

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

lab: .venv/.lab ## JupyterLab on the first notebook; ARGS="--no-browser" on a server
	$(PYTHON) -m jupyterlab $(AS_ROOT) $(ARGS) $(NOTEBOOK)

test: .venv/.js browser ## everything a change must pass
	@$(MAKE) --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) check-python check-js
	$(PYTEST) -n 3

check-python: .venv/.test
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

check-js: .venv/.js
	$(NPM) run lint
	$(NPM) run check
	$(NPM) test

bench: browser ## the figures: connect, relay, import, size, answer
	$(CLEAN_ENV) $(PYTHON) -m tests.benchmarks $(ARGS)

pictures: browser ## the README's pictures, taken anew of a real call
	$(CLEAN_ENV) $(PYTHON) -m tests.browser.pictures

soak: browser .venv/.kernels ## tests that take long
	$(PYTEST) -m soak

clean: ## remove what was built and installed here
	rm -rf .venv dist rtc_widget/static js/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON):
	@for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "rtc_widget: making .venv with $$("$$python" --version)"; \
	    "$$python" -m venv .venv || { rm -rf .venv; \
	      echo "rtc_widget: $$python cannot make .venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	    exit 0; \
	  fi; \
	done; \
	echo "rtc_widget: no Python 3.11 or later on PATH (looked for python3, python3.14 to python3.11, python)" >&2; \
	exit 1

.venv/.lab: $(PYTHON) pyproject.toml hatch_build.py $(JS_SOURCES) $(GONE)
	@echo "rtc_widget: installing into .venv and building js/ into rtc_widget/static (minutes, the first time)"
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable '.[lab]'
	@touch $@

.venv/.test: .venv/.lab
	$(PIP) install --quiet --group test
	$(PIP) install --quiet --upgrade --no-deps --target .venv/foreign $(FOREIGN)
	@node="$$($(PYTHON) hatch_build.py requires)"; [ -z "$$node" ] || $(PIP) install --quiet "$$node"
	@touch $@

.venv/.js: js/package-lock.json .venv/.test
	$(NPM) ci --no-audit --no-fund
	@touch $@

# Older kernels, for the tests of what they deliver and what is said where they do not.
.venv/.kernels: .venv/.test
	for version in 6.31 7.3; do $(PIP) install --quiet --target .venv/kernels/$$version "ipykernel==$$version.*"; done
	@touch $@

browser: .venv/.test
	@$(PYTHON) tests/browser/chromium.py --install

gone:
