# make demo     a simulated drive through bad weather, through the live node, to a report
# make report FROM=drive.mp4   replays a bag, a video or a folder of pictures, and opens the report
# make test     every test
# make bench    measures every engine of this machine: about 15 minutes on two idle CPU cores
# make bench-quality   judges the default model in bad weather on unseen drives: about 5 minutes on two cores
# make docs     the documentation as a site, in out/site
# make bench-node      measures what the node adds, many cameras on one node, overload, and a soak: about 17 minutes
# make lint     formatting, lint and types
# Each sets up .venv first, once: the pinned packages, real ROS 2 wheels among them, and this package.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The site's tools are installed by `make docs` alone, Ray by those who have a cluster.
REQUIREMENTS := $(filter-out requirements/docs.txt requirements/fleet.txt,$(wildcard requirements/*.txt))
WITHOUT_DEPENDENCIES := requirements/tensorrt-dry-run.txt

# The demo's drive: a seed that no training uses.
DEMO := out/demo
DEMO_SEED := 1020260
# Where `make report` writes: a folder named after the recording.
REPORT = out/$(basename $(notdir $(patsubst %/,%,$(FROM))))

# .venv brings its own ROS 2 client library and its own DDS, whatever the shell has sourced; nothing leaves this machine.
unexport PYTHONPATH AMENT_PREFIX_PATH COLCON_PREFIX_PATH CMAKE_PREFIX_PATH
export RMW_IMPLEMENTATION := rmw_fastrtps_cpp
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

.DELETE_ON_ERROR:
.PHONY: help setup demo report test bench bench-quality bench-node docs lint format clean

help:
	@sed -n 's/^# //p' Makefile | head -8

setup: $(STAMP)

$(STAMP): $(REQUIREMENTS) setup.py setup.cfg package.xml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c requirements/constraints.txt \
		$(foreach file,$(filter-out $(WITHOUT_DEPENDENCIES) %/constraints.txt,$(REQUIREMENTS)),-r $(file))
	$(BIN)/python -m pip install --no-deps -r $(WITHOUT_DEPENDENCIES)
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	touch $@

demo: $(STAMP)
	rm -rf $(DEMO)
	$(BIN)/python -m training.simulate $(DEMO)/input --seconds 20 --rate 10 --size 360x640 --seed $(DEMO_SEED)
	$(BIN)/replay $(DEMO)/input --live --max-in-flight 1 --out $(DEMO) --force
	@echo "Report: $(CURDIR)/$(DEMO)/report.html"

report: $(STAMP)
	@test -n "$(FROM)" || { echo "Name the recording: make report FROM=drive.mp4"; exit 1; }
	$(BIN)/replay "$(FROM)" --out "$(REPORT)" --force
	@$(BIN)/python -m webbrowser "file://$(abspath $(REPORT))/report.html" || true

# As many tests at a time as there are cores, each on one: more threads than cores wait for one another.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

bench: $(STAMP)
	$(BIN)/python -m benchmarks.bench

bench-quality: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.quality models/default.pt2 --base models/base.pt2 --out out/quality

docs: $(STAMP)
	$(BIN)/python -m pip install -q -c requirements/constraints.txt -r requirements/docs.txt
	$(BIN)/python docs/site/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "Site: $(CURDIR)/out/site/index.html"

bench-node: $(STAMP)
	$(BIN)/python -m benchmarks.node --out out/bench_node.json

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf out build install log ros2_ws/build ros2_ws/install ros2_ws/log *.egg-info .pytest_cache .mypy_cache .ruff_cache
