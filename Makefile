# Each target does its own set-up: a virtual environment in .venv, made anew when the dependencies change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CORPUS ?=
DATA ?=
TORTURE ?=
LIBRARY ?=
LIBRARIES ?=
SEED ?= 0

.PHONY: demo test test-all test-fast lint audit package bench bench-scale bench-torture bench-kills bench-power-cuts bench-full-disk test-fuzz bench-mutants docs clean

$(READY): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(READY)  ## a library of synthesised pieces, the real commands, and what they recommend
	$(BIN)/cfaudio demo

test: $(READY)  ## all tests; those that need a program which is not there are left out, and the end says so
	$(BIN)/python -m pytest

test-fast: $(READY)  ## what takes three minutes
	$(BIN)/python -m pytest -m 'not slow'

test-all:  ## the same, once what is missing is installed, where apt is there
	.ci/programs
	$(MAKE) test
test-fuzz: $(READY)  ## property and fuzz tests with new examples, ten times as many, for every night
	FUZZ=new $(BIN)/python -m pytest $$(grep -rl --include='test_*.py' -e 'from fuzzing' -e 'format_contract' -e 'from hypothesis' tests)

lint: $(READY)  ## Python, and the page's JavaScript and CSS; biome comes as a wheel for Linux on x86-64 alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	[ ! -x $(BIN)/biome ] || $(BIN)/biome lint --error-on-warnings

audit: $(READY)  ## known holes of the dependencies, where pip-audit can ask for them
	$(BIN)/python .ci/audit.py

package: $(READY)  ## the source archive and the wheel, in build/dist, and whether all is in them and a package index would take them
	$(BIN)/python .ci/package.py

bench: $(READY)  ## CORPUS=FOLDER measures on real music, LIBRARIES=FOLDERS on simulated ones, DATA=FOLDER on public data
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python tests/benchmarks/bench_extraction.py $(CORPUS)
	$(BIN)/python tests/benchmarks/bench_import.py
	$(BIN)/python tests/benchmarks/bench_scale.py
	$(BIN)/python tests/benchmarks/bench_household.py
	$(BIN)/python tests/benchmarks/bench_recommend.py
	$(BIN)/python tests/benchmarks/bench_page.py
	$(BIN)/python tests/benchmarks/bench_training.py
	$(if $(LIBRARIES),$(BIN)/python tests/benchmarks/bench_ablations.py $(LIBRARIES))
	$(if $(LIBRARIES),$(BIN)/python tests/benchmarks/bench_nets.py $(LIBRARIES))
	$(BIN)/python tests/benchmarks/bench_factors.py $(if $(DATA),--data $(DATA))
	$(if $(DATA),$(BIN)/python tests/benchmarks/bench_sessions.py --data $(DATA))

bench-scale: $(READY)  ## a million tracks; takes an hour and 17 GB of disk
	$(BIN)/python tests/benchmarks/bench_scale.py --tracks 1000000 --known 100000 --listens 500000

bench-torture: $(READY)  ## TORTURE=FOLDER of damaged and hostile files, with their expectations in README.tsv
	$(BIN)/python tests/benchmarks/bench_torture.py $(TORTURE)

bench-kills: $(READY)  ## LIBRARY=FOLDER: 100 kills, and 40 times ctrl-C; takes half an hour
	$(BIN)/python tests/benchmarks/bench_kills.py $(LIBRARY) --kills 100
	$(BIN)/python tests/benchmarks/bench_kills.py $(LIBRARY) --kills 40 --signal INT

bench-power-cuts: $(READY)  ## LIBRARY=FOLDER, as root: what a disk holds when the power is cut, 40 times
	$(BIN)/python tests/benchmarks/bench_power_cuts.py $(LIBRARY)

bench-full-disk: $(READY)  ## LIBRARY=FOLDER, as root: disks that fill up under the commands
	$(BIN)/python tests/benchmarks/bench_full_disk.py $(LIBRARY)

bench-mutants: $(READY)  ## SEED=N: a hundred small wrong changes, and how many of them the tests notice; takes an hour
	$(BIN)/python -m pip install --quiet cosmic-ray
	$(BIN)/python tests/benchmarks/bench_mutants.py --seed $(or $(SEED),0)

docs: $(READY)  ## build/docs/index.html, without warnings, and the tests that hold the pages to the code
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs
	$(BIN)/python -m pytest -q tests/plugin/test_docs.py tests/plugin/test_scheduling.py

clean:
	rm -rf $(VENV) .audit build dist *.egg-info
