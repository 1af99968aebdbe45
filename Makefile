# make deps · make play · make test · make test-fast · make bench · make lint · make soak · make rtsan · make sanitize · make test-oldest       (writes .venv, build/, compiled modules in aedsp/)

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard aedsp/_kernels/*.p[yx]* aedsp/_kernels/*.h aedsp/_kernels/simd/* aedsp/_rt/*.p[yx]* aedsp/_rt/*.h)

.PHONY: deps system play test test-fast test-oldest bench lint soak rtsan sanitize clean
.DELETE_ON_ERROR:

deps: system $(VENV)/installed

# What pip cannot bring: installed as root on Debian, otherwise named in one line.
system:
	@PYTHON="$(PYTHON)" sh scripts/system_packages.sh

$(VENV)/installed: $(SOURCES)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing aedsp and compiling its kernels: a minute or two the first time."
	@mkdir -p build
	@$(BIN)/python -m pip install --disable-pip-version-check --editable ".[all,test,benchmark,lint]" >build/install.log 2>&1 \
		|| { tail -40 build/install.log; echo "The whole output is in build/install.log"; exit 1; }
	@touch $@

play: deps
	@$(BIN)/python -m aedsp.play

test: deps
	@$(BIN)/python -m pytest

# All but the paper smoke run, the wheel, the checked build and the other instruction sets.
test-fast: deps
	@$(BIN)/python -m pytest -m "not slow"

# The oldest declared version of every dependency, in an environment of its own.
test-oldest: system
	@PYTHON="$(PYTHON)" sh scripts/test_oldest.sh

bench: deps
	@$(BIN)/python -m pytest --benchmark
	@$(BIN)/python benchmarks/against_libraries.py || true

# Ten minutes of playing under load, on JACK's dummy driver.
soak: deps
	@AEDSP_SOAK_S=600 $(BIN)/python -m pytest -s tests/e2e/test_load.py tests/engine/test_controls.py

# The callback under RealtimeSanitizer.
rtsan: deps
	@command -v clang-22 >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] || apt-get install -y -qq --no-install-recommends clang-22 libclang-rt-22-dev >/dev/null
	@$(BIN)/python -m pytest -rs tests/e2e/test_rtsan.py

# Kernels, real-time code and engine under AddressSanitizer, UBSan and ThreadSanitizer.
sanitize: deps
	@$(BIN)/python scripts/sanitize.py address
	@$(BIN)/python scripts/sanitize.py thread

lint: deps
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@sh scripts/typecheck.sh $(BIN)

clean:
	rm -rf $(VENV) build dist *.egg-info
	find aedsp -name '*.so' -delete
