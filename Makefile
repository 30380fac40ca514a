# Everything a person types here:  make demo | make test | make lint | make coverage | make bench | make torture | make clean
# Needs Python 3.11 or later and nothing else: what the project needs is put into .venv, and again when pyproject.toml changes.
# ARGS go to the command:  make demo ARGS="--port 9000"     make test ARGS="tests/flow -k tally"

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help demo test lint coverage bench phrases torture clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,3s/^# //p' Makefile

demo: $(VENV)/ready-run
	@exec $(BIN)/vaiven demo $(ARGS)

test: $(VENV)/ready-dev
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: $(VENV)/ready-dev
	@exec $(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(ARGS)

lint: $(VENV)/ready-dev
	@status=0; \
	$(BIN)/ruff check || status=1; \
	$(BIN)/ruff format --check || status=1; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports --no-logo || status=1; \
	exit $$status

bench: $(VENV)/ready-dev
	@exec $(BIN)/python tests/bench/run.py $(ARGS)

# Kills and faults at random moments for MINUTES, on SQLite and then on Redis, each round with a seed of its own, which a failure names.
MINUTES ?= 10
torture: $(VENV)/ready-dev
	@TORTURE_MINUTES=$(MINUTES) exec $(BIN)/python -m pytest -s -k random tests/crash/test_kill.py tests/crash/redis/test_fleet_faults.py $(ARGS)

# How much of what people type is understood, by type and language:  make phrases ARGS=--failures
phrases: $(VENV)/ready-dev
	@PYTHONPATH=framework exec $(BIN)/python tests/flow/words/rates.py $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov build dist

$(VENV)/ready-run: pyproject.toml .ci/setup
	@sh .ci/setup $(VENV) run

$(VENV)/ready-dev: pyproject.toml .ci/setup
	@sh .ci/setup $(VENV) dev
