# Each verb is one script in deploy/local; README.md there tells how they work.
.DEFAULT_GOAL := help
.PHONY: help setup up down restart demo infra logs test bench chaos lint fmt lock clean
PYTHON ?= python3
VENV := .venv/bin
SETUP := $(PYTHON) -m deploy.local.venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make the virtual environment from requirements.lock
	@$(SETUP)

up: setup ## start everything, print URL and API key, leave it running
	@$(VENV)/python -m deploy.local.up

down: setup ## stop everything that make up or make infra started
	@$(VENV)/python -m deploy.local.down

restart: setup ## make down and up again, to take up changes in the code
	@$(VENV)/python -m deploy.local.down
	@$(VENV)/python -m deploy.local.up

demo: setup ## a whole campaign, from an Excel file to delivery receipts (KEEP=1 leaves it running)
	@$(VENV)/python -m deploy.local.with_stack $(VENV)/python -m deploy.local.demo

infra: setup ## start only PostgreSQL and RabbitMQ, for working on tests
	@$(VENV)/python -m deploy.local.infra

logs: setup ## follow the logs of all processes
	@$(VENV)/python -m deploy.local.logs

test: setup ## run all tests, in two processes (ARGS="path -k word -x --pdb" goes to pytest: what it picks runs in one)
	@$(VENV)/python -m deploy.local.testing $(ARGS)

bench: setup ## measure rates, processor time and memory (ONLY=row,… N=… RUNS=…; see docs/performance.md)
	@ONLY="$(ONLY)" N="$(N)" RUNS="$(RUNS)" $(VENV)/python -m bench

chaos: setup ## break things on purpose while campaigns run (FAULTS=n ONLY=fault,… N=… SEED=…; see docs/operations.md)
	@FAULTS="$(FAULTS)" ONLY="$(ONLY)" N="$(N)" SEED="$(SEED)" $(VENV)/python -m tests.chaos

lint: setup ## check style, types and the import rules
	@$(VENV)/python -m deploy.local.lint

fmt: setup ## put all code into the one format
	@$(VENV)/ruff check -q --fix-only .
	@$(VENV)/ruff format .

lock: setup ## write requirements.lock anew from requirements.in
	@$(VENV)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.lock requirements.in

clean: down ## stop everything and delete all its data
	@$(PYTHON) -m deploy.local.clean
