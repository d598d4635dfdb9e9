# One command for each need. `make run` and `make test` set up everything they need on a fresh machine.

PORT ?= 8000
ARGS ?=
EXAMPLES ?= 1000
PYTHON := .venv/bin/python
PIP_INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

# Settings as in production, for `check --deploy`. The secrets protect nothing.
PRODUCTION := DEBUG=False \
	SECRET_KEY=$$($(PYTHON) -c "import secrets; print(secrets.token_urlsafe(50))") \
	ALLOWED_HOSTS=watch.example.com \
	CLERK_ISSUER=https://clerk.example.com \
	CLERK_JWKS_URL=https://clerk.example.com/.well-known/jwks.json \
	CLERK_AUTHORIZED_PARTIES=https://app.example.com \
	CLERK_WEBHOOK_SECRETS=whsec_bm90LWEtc2VjcmV0LWF0LWFsbC1qdXN0LWEtY2hlY2s=

.PHONY: help run test fuzz check client-check fix bench lock audit clean

help:
	@echo "make run     set up what is missing and serve on http://localhost:$(PORT)   (PORT=8001 for another port)"
	@echo "make test    all tests, on SQLite and on PostgreSQL                   (ARGS='ingest -k twice' for some)"
	@echo "make fuzz    thousands of random requests at the API, for a long while (EXAMPLES=, SEED=)"
	@echo "make check   lint, types, import contracts, migrations, deployment checks"
	@echo "make client-check   the TypeScript example against docs/openapi.yaml; needs node and npm"
	@echo "make fix     what of that can be put right by itself"
	@echo "make bench   the measurements"
	@echo "make lock    requirements*.txt anew from requirements*.in             (ARGS=--upgrade for newer versions)"
	@echo "make audit   known vulnerabilities of what we depend on; needs a network"

run: .venv/installed
	@$(PYTHON) manage.py start --port $(PORT)

test: test-sqlite test-postgresql

test-sqlite: .venv/installed-dev
	@echo "SQLite:"
	@env -u DATABASE_URL $(PYTHON) -m pytest $(ARGS)

test-postgresql: .venv/installed-dev
	@echo "PostgreSQL:"
	@$(PYTHON) scripts/with_postgres.py $(PYTHON) -m pytest $(ARGS)

# New requests every time, unless SEED says which. In `make test` they are few and always the same.
fuzz: .venv/installed-dev
	@seed=$${SEED:-$$($(PYTHON) -c "import secrets; print(secrets.randbelow(10**9))")}; \
	echo "The same again: make fuzz SEED=$$seed EXAMPLES=$(EXAMPLES)"; \
	export FUZZ_SEED=$$seed FUZZ_EXAMPLES=$(EXAMPLES); \
	for database in "env -u DATABASE_URL" "$(PYTHON) scripts/with_postgres.py"; do \
		$$database $(PYTHON) -m pytest --timeout=0 --show-capture=no watchtracker/tests/test_hostile_schema.py $(ARGS) \
			|| { echo "The same again: make fuzz SEED=$$seed EXAMPLES=$(EXAMPLES)"; exit 1; }; \
	done

check: .venv/installed-dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTHON) manage.py makemigrations --check
	@$(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING

# Not part of check: whoever works on the backend needs no node.
client-check: clients/typescript/node_modules/.package-lock.json
	@npm --prefix clients/typescript run --silent check

clients/typescript/node_modules/.package-lock.json: clients/typescript/package-lock.json
	@npm --prefix clients/typescript ci --no-audit --no-fund --silent
	@touch $@

fix: .venv/installed-dev
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

bench: .venv/installed-dev
	@$(PYTHON) -m benchmarks $(ARGS)

lock: | .venv/bin/python
	@$(PYTHON) -c "import uv" 2>/dev/null || $(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	@for name in requirements requirements-dev; do \
		$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command "make lock" --output-file $$name.txt $(ARGS) $$name.in || exit 1; \
	done

audit: .venv/installed-dev
	@$(PYTHON) -m pip_audit --disable-pip --require-hashes -r requirements.txt -r requirements-dev.txt

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@scripts/make_venv.sh

.venv/installed: requirements.txt | .venv/bin/python
	@echo "Installing what runs Watchtracker ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt | .venv/bin/python
	@echo "Installing what works on Watchtracker ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@ .venv/installed
