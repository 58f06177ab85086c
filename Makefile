# QuantLab. `make run` sets everything up and opens a lab; `make help` lists the rest.
PORT ?= 8000
QUANT_HOME ?= $(CURDIR)/var
OUT ?= $(QUANT_HOME)/shots
UV_VERSION := 0.13.8
PYTHON ?= python3
BIN := .venv/bin
export QUANT_HOME
export UV_PYTHON_DOWNLOADS = never

.DEFAULT_GOAL := help
.PHONY: help run test check openapi torture calibrate fix lock browser shots bench clean

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "QuantLab needs python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.run: .venv/bin/uv requirements.txt
	$(BIN)/uv pip sync --quiet --require-hashes requirements.txt --python $(BIN)/python
	@rm -f .venv/.dev && touch $@

.venv/.dev: .venv/bin/uv requirements-dev.txt
	$(BIN)/uv pip sync --quiet --require-hashes requirements-dev.txt --python $(BIN)/python
	@touch $@ .venv/.run

run: .venv/.run ## Set everything up and open a lab [PORT=8000] [QUANT_HOME=./var]
	@exec $(BIN)/python manage.py serve --port $(PORT)

test: .venv/.dev ## Run every test that must never break
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

check: .venv/.dev ## Lint, format, types, architecture, migrations, deployment, API
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	QUANT_HTTPS=1 $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m quantlab.openapi
	$(BIN)/python -m strategies.dsl.manual
	$(BIN)/python -m strategies.critic.manual

openapi: .venv/.dev ## Write docs/openapi.json, expressions.md and critic.md anew; [FORCE=1] even if scripts would break
	$(BIN)/python -m quantlab.openapi write $(if $(FORCE),--force)
	$(BIN)/python -m strategies.dsl.manual write
	$(BIN)/python -m strategies.critic.manual write

torture: .venv/.dev ## Kill, crowd and stop the lab at full size; writes docs/reliability.md
	$(BIN)/python -m tests.torture

calibrate: .venv/.dev ## Test every statistic of luck on known data; writes docs/calibration.md
	$(BIN)/python -m tests.calibration

fix: .venv/.dev ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/bin/uv ## Write the hash-locked requirements anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra postgres --extra redis --constraint requirements.txt -o requirements-server.txt

browser: ## Install Debian's Chromium for the browser tests (needs root)
	@command -v chromium >/dev/null || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium)

shots: .venv/.dev ## Take screenshots of every page of an open lab [PORT=8000] [OUT=./var/shots]
	$(BIN)/python manage.py shots --url http://127.0.0.1:$(PORT) --out $(OUT)

bench: .venv/.dev ## Measure engine and product beside their peers, write docs/benchmarks.md
	$(BIN)/python -m tests.bench.run
	$(BIN)/python -m tests.bench.product

clean: ## Remove the environment and caches; the lab's data in QUANT_HOME stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
