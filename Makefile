# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

SHELL := bash
.DEFAULT_GOAL := help
export PATH := $(PATH):$(HOME)/.cargo/bin

# Runs of the continuous integration build in a fresh clone each: they share what is built outside of it.
ifdef CI
export CARGO_TARGET_DIR ?= $(HOME)/.cache/spendlog-target
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)

# Settings of this machine, if there are any: see .env.example.
ENV := set -a; [ ! -f .env ] || . ./.env; set +a;

.PHONY: help setup run test split check fmt eval bench torture openapi samples clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | while IFS=$$'\t' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

setup: ## Installs what is missing; says what and why before
	@$(ENV) scripts/setup.sh

run: setup ## Builds and serves; on an empty ledger shows the samples going through
	@cargo build --release -p spendlog-server
	@$(ENV) $(TARGET)/release/spendlog models fetch --if-missing || true
	@$(ENV) exec $(TARGET)/release/spendlog serve --demo

test: ## Runs every test, against a private PostgreSQL and an Apache Kafka
	@FOR_TESTS=1 SPENDLOG_MODELS=$(CURDIR)/data/models scripts/setup.sh
	@scripts/kafka.sh
	@cargo build --workspace --bins --tests
	@SPENDLOG_MODELS=$(CURDIR)/data/models $(TARGET)/debug/spendlog models fetch --if-missing || true
	@cargo test --workspace

split: ## Runs the tests of the whole system again, with roles split over two processes and Kafka between them
	@FOR_TESTS=1 SPENDLOG_MODELS=$(CURDIR)/data/models scripts/setup.sh
	@scripts/kafka.sh
	@cargo build --workspace --bins --tests
	@SPENDLOG_TEST_SPLIT=1 cargo test --workspace --test it

check: ## Formatting and lints, and schemas/asyncapi.yaml where asyncapi is installed
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@cargo clippy --workspace --features spendlog-server/eventstoredb --all-targets -- -D warnings
	@if command -v asyncapi >/dev/null; then asyncapi validate schemas/asyncapi.yaml; else echo "schemas/asyncapi.yaml is not validated: npm install --global @asyncapi/cli"; fi

fmt: ## Formats the code
	@cargo fmt --all

# Without the folder it only says so: nothing is installed.
eval: $(if $(CORPORA),setup) ## Scores the reading of documents: CORPORA=folder [SPLIT=dev] [ONLY=name,...]
	@if [ -z "$(CORPORA)" ]; then echo "make eval needs the folder of the corpora: make eval CORPORA=<folder> [SPLIT=dev] [ONLY=name,...]" >&2; echo "It holds a folder for each corpus (truth.jsonl and files) and eval/ with a scoring script for each." >&2; exit 2; fi
	@cargo build --release -p spendlog-server -p spendlog-documents
	@$(TARGET)/release/spendlog models fetch --if-missing || true
	@$(TARGET)/release/spendlog-eval --corpora "$(CORPORA)" --split "$(or $(SPLIT),dev)" --only "$(ONLY)" --models "$(CURDIR)/data/models" --out out/eval

bench: setup ## Measures on a private PostgreSQL with full durability: [ONLY=name,...]
	@cargo build --release -p spendlog-server -p spendlog-e2e
	@$(TARGET)/release/spendlog-bench $(if $(ONLY),--only "$(ONLY)")

torture: setup ## Two servers, 16 writers and all that can break: [MINUTES=1] [SEED=n]
	@cargo build --release -p spendlog-server -p spendlog-e2e
	@$(TARGET)/release/spendlog-torture --minutes $(or $(MINUTES),1) $(if $(SEED),--seed $(SEED))

openapi: ## Writes schemas/openapi.json and .env.example anew
	@cargo build -p spendlog-server
	@$(TARGET)/debug/spendlog openapi > schemas/openapi.json
	@$(TARGET)/debug/spendlog config example > .env.example

samples: ## Makes the documents of samples/ anew (needs samples/requirements.txt)
	@python3 samples/make.py

clean: ## Removes what was built; data/ stays
	@cargo clean
