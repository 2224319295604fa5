# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
ONCE ?=
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test lint format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.installed ## Start everything here, with a demo; ONCE=1 sends it, waits for the result and stops
	@exec $(BIN)/python -m config.local.up $(if $(filter-out 0 no false,$(ONCE)),--once)

# Many processes import the same modules: what was compiled is kept, whatever the environment says.
test test-long: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.installed-dev ## Run the tests on SQLite, then on PostgreSQL
	$(BIN)/python -m pytest -n 2 -m "not long"
	TEST_DATABASE=postgresql $(BIN)/python -m pytest -n 2 -m "not long"

.PHONY: test-long
test-long: $(VENV)/.installed-dev ## Run what takes long: simulated years, every page for every role, properties with 500 examples
	$(BIN)/python -m pytest -n 2 -m "long or hypothesis" --hypothesis-profile=long
	TEST_DATABASE=postgresql $(BIN)/python -m pytest -n 2 -m long --hypothesis-profile=long

.PHONY: test-crash
test-crash: $(VENV)/.installed-dev ## Kill real processes and read what came of it; ROUNDS=50 is the long form, SEED repeats a run
	$(BIN)/python -m tests.crash

.PHONY: test-postfix
test-postfix: $(VENV)/.installed-dev ## Send a thousand mails through a real Postfix, and see what comes back; needs root, and installs it
	@$(BIN)/python -m tests.postfix

.PHONY: test-matrix
test-matrix: $(VENV)/.installed-dev ## Try pools, brokers, queues, limits, an upgrade with real workers; ROWS="Pool Pacing" runs some
	@$(BIN)/python -m pip install -q -r tests/matrix/requirements.txt
	@$(BIN)/python -m tests.matrix $(ROWS)

.PHONY: test-e2e
test-e2e: $(VENV)/.installed-dev ## Walk through the admin in a real Chromium, which must be installed
	$(BIN)/python -m pytest -o addopts="-p no:valkey -p no:randomly -q --timeout=600" tests/e2e

.PHONY: gallery
gallery: $(VENV)/.installed-dev ## Make a picture of each shipped mail, for docs/gallery.md, with the installed Chromium
	@$(BIN)/python -m tests.mails gallery

.PHONY: lint-mails
lint-mails: $(VENV)/.installed-dev ## Look at the shipped mails: axe, what mail clients support, SpamAssassin, sizes
	@$(BIN)/python -m tests.mails lint

.PHONY: bench
bench: $(VENV)/.installed-dev benchmarks/.venv/.installed ## Measure how fast it is, against others; QUICK=1 is the short form
	@$(BIN)/python -m benchmarks $(if $(filter-out 0 no false,$(QUICK)),--quick)

.PHONY: bench-admin
bench-admin: $(VENV)/.installed-dev ## Time each page of the admin over ten million deliveries; about a quarter of an hour
	@$(BIN)/python -m benchmarks.admin_pages

.PHONY: docs
docs: $(VENV)/.installed-dev ## Write docs/reference.md anew from the code
	@$(BIN)/python -m tests.docs

lint: $(VENV)/.installed-dev ## Check style, types, the Dockerfile and the compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	SECRET_KEY=lint ALLOWED_HOSTS=lint $(BIN)/mypy mailer config
	$(BIN)/mypy --config-file clients/python/pyproject.toml clients/python/afternoon_post
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

format: $(VENV)/.installed-dev ## Put the code into its standard form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## Remove the virtual environment and all local data
	@echo "Removing $(VENV), staticfiles and var: the local database, its mails and passwords"
	rm -rf $(VENV) staticfiles var

# The stamps say what is installed; a newer requirements file installs again.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make run PYTHON=/path/to/python3.11")'
	@echo "Installing into $(VENV); the first time this takes about half a minute …"
	@if command -v uv >/dev/null; then \
		{ test -x $(BIN)/python || uv venv --quiet --python "$(PYTHON)" $(VENV); } \
		&& uv pip install --quiet --python $(BIN)/python --requirement requirements.txt; \
	else \
		$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --requirement requirements.txt; \
	fi
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need …"
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --requirement requirements-dev.txt; \
	else \
		$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt; \
	fi
	@touch $@

# What the service is compared with has an environment of its own.
benchmarks/.venv/.installed: benchmarks/requirements.txt
	@if command -v uv >/dev/null; then \
		{ test -x benchmarks/.venv/bin/python || uv venv --quiet --python "$(PYTHON)" benchmarks/.venv; } \
		&& uv pip install --quiet --python benchmarks/.venv/bin/python --requirement benchmarks/requirements.txt; \
	else \
		$(PYTHON) -m venv benchmarks/.venv && benchmarks/.venv/bin/python -m pip install --quiet --requirement benchmarks/requirements.txt; \
	fi
	@touch $@
