# Two commands do all the set-up: `make compare` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: compare test clean

# The main job: twelve activations, three seeds each, on the handwritten digits.
compare: $(VENV)/.installed
	$(BIN)/keras-acts compare digits --seeds 3

test: $(VENV)/.test-installed
	$(BIN)/python -m pytest --numprocesses auto
	$(BIN)/python -m pytest --numprocesses auto --quiet --doctest-modules keras_acts tuning/keras_acts_tuning

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "keras-acts needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) "pip>=25.1"
	$(PIP) --editable ".[tensorflow,tuning]"
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(PIP) --editable ".[docs,export,ray,suite]" --group test
	@touch $@

clean:
	rm -rf $(VENV) results docs/_build docs/activations docs/_generated dist
