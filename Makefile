# Everything runs from a fresh clone with Python 3.11+ and make: `make demo`, `make test`.

PYTHON ?= python3
# Its notice of a newer pip is noise here.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What is installed; `make test PACKAGE=dist/envkit.whl` tests a built wheel.
PACKAGE ?= --editable .
# The versions that judge; `make lint test CONSTRAINTS=` takes the newest.
CONSTRAINTS ?= tests/constraints.txt
VENV := .venv
BIN := $(VENV)/bin
TARGETS := demo test lint bench format clean
.PHONY: $(TARGETS) help
.DEFAULT_GOAL := help

help:
	@echo "make demo   serve the sample app on loopback, nginx in front where it is installed"
	@echo "make test   install what the tests need, and run them"
	@echo "make lint   ruff and strict type checks"
	@echo "make bench  envkit beside its peers"

demo: $(VENV)/.app
	@$(BIN)/python examples/flask_app/make_demo_env.py .demo
	@echo "the sample app is examples/flask_app, its README.md says what it answers; settings and database are in .demo"
	@cd examples/flask_app && PATH="$(CURDIR)/$(BIN):$$PATH" envkit up --env-file "$(CURDIR)/.demo/.env"

test: $(VENV)/.test
	@tests/set-up
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github/workflows

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .demo .tools build dist

# One stamp for each dependency group, made anew when the project's metadata changes.
$(VENV)/.test $(VENV)/.lint: pinned := $(CONSTRAINTS:%=--constraint %)
$(VENV)/.test $(VENV)/.lint: $(CONSTRAINTS)
$(VENV)/.app $(VENV)/.test $(VENV)/.lint $(VENV)/.bench: $(VENV)/.%: pyproject.toml | $(VENV)/.pip
	@echo "installing envkit and its $* dependencies into $(VENV) …"
	@$(call again,$(BIN)/python -m pip install --quiet $(PACKAGE) --group $* $(pinned))
	@touch $@

# Dependency groups (PEP 735) need pip 25.1 or later; Debian's is older.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "envkit needs Python 3.11 or later; name one by make PYTHON=python3.12" >&2; exit 1; }
	@echo "making the virtual environment $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(call again,$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1')
	@touch $@

# One hiccup of a network is no fault of what is here.
again = $(1) || { echo "once more …" >&2; sleep 5; $(1); }
