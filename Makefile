# Every target sets up what it needs in .venv: Python 3.11 or newer is all there must be.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN_READY := $(VENV)/.ready-run
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.ready-docs
# What takes longest begins first (tests/conftest.py): xdist must keep that order.
PYTEST := $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
FILE ?=
ARGS ?=

.PHONY: run demo demo-web web test quick coverage torture machine image-trial soak lint audit sbom format bench bench-quick generate_logs \
	wheel deb deb-trial docker changelog reference share docs screenshot clean

PAGE_SOURCES := $(shell find web/src web/build.mjs web/package.json web/package-lock.json -type f 2>/dev/null)

$(RUN_READY): pyproject.toml hatch_build.py $(wildcard glancemetrics/native/*.[ch]) $(PAGE_SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=python3.12")'
	@echo "Installing GlanceMetrics and its dependencies in $(VENV); this takes about a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) 'pip>=25.1' --editable .
	@touch $@

# Tools for tests and linters are installed only for the targets that run them.
$(READY): $(RUN_READY)
	$(PIP) --group dev
	@touch $@

# The console: on FILE, or on simulated traffic without one.
run: $(RUN_READY)
ifeq ($(FILE),)
	@$(MAKE) --no-print-directory demo
else
	@$(BIN)/glancemetrics '$(FILE)' $(ARGS)
endif

# The console on simulated traffic, with a spike and errors.
demo: $(RUN_READY)
	@$(BIN)/glancemetrics demo $(ARGS)

# The page on the same traffic, beside the log as it is written; Ctrl-C ends both.
DEMO_LOG := build/demo/access.log
demo-web: $(RUN_READY)
	@mkdir -p $(dir $(DEMO_LOG)) && : > $(DEMO_LOG)
	@trap 'trap - INT TERM EXIT; kill 0' INT TERM EXIT; \
	while :; do $(BIN)/glancemetrics generate --rate 60 --duration 3m --format timed \
		--spike 40s@400+20s --error-spike 40s@0.3+30s -o $(DEMO_LOG); done & \
	$(BIN)/glancemetrics $(DEMO_LOG) --config off --web --web-admin --no-console --state-dir off \
		--alert-threshold 150 --alertwindow 30s --alert-log off $(ARGS) & \
	tail -n 0 -F $(DEMO_LOG)

# The page alone, bundled anew.
web: $(RUN_READY)
	rm -rf actors/outputs/web/static
	$(PIP) --editable .

test: $(READY)
	$(PYTEST) $(ARGS)

# Tests of what computes, without random input and without those marked slow: under a minute.
quick: $(READY)
	$(PYTEST) --quiet -m 'not hypothesis and not slow' \
		--durations 5 --durations-min 2 tests/glancemetrics $(ARGS)

# All tests; fails below the coverage in [tool.coverage.report] of pyproject.toml.
coverage: $(READY)
	$(PYTEST) --cov --cov-report term:skip-covered $(ARGS)

# Long tests of everything that could lose, duplicate or reorder a line.
torture: $(READY)
	TORTURE=1 $(BIN)/pytest -s tests/torture tests/actors/sources/files tests/actors/monitor $(ARGS)

# systemd as it is, and a power failure: in a virtual machine (root, mmdebstrap and QEMU are needed).
machine: $(READY)
	MACHINE=1 $(BIN)/pytest -s tests/machine $(ARGS)

# Builds and runs the image without Docker (needs root, buildah and mmdebstrap).
image-trial: $(READY)
	IMAGE=1 $(BIN)/pytest -s tests/image $(ARGS)

# Half an hour of traffic, rotation, killed outputs and a terminal that changes its size.
soak: $(READY)
	$(BIN)/python -m benchmarks soak --minutes 30 $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Known vulnerabilities of dependencies (asks the package index), its own code, and licences.
RELEASE := build/release
LICENCES := Apache-2.0;Apache License 2.0;Apache Software License;MIT;MIT License;MIT-0;0BSD;ISC;\
BSD-2-Clause;BSD-3-Clause;BSD License;Mozilla Public License 2.0 (MPL 2.0);MPL-2.0;Zlib;\
Python Software Foundation License;PSF-2.0;Unlicense;CC0-1.0

$(RELEASE)/.ready: pyproject.toml
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/pip install --quiet --disable-pip-version-check '.[fleet,notify,otlp]'
	@touch $@

audit: $(READY) $(RELEASE)/.ready
	$(PIP) --group audit
	$(BIN)/bandit --quiet --recursive -ll --configfile pyproject.toml glancemetrics actors
	$(BIN)/pip-licenses --python $(RELEASE)/bin/python --partial-match --allow-only '$(LICENCES)' \
		--ignore-packages glancemetrics > $(RELEASE)/licences.txt
	$(BIN)/pip-audit --path $$($(RELEASE)/bin/python -c 'import site; print(site.getsitepackages()[0])')

# What a release is made of, as CycloneDX has it.
sbom: $(READY) $(RELEASE)/.ready
	$(PIP) --group audit
	@mkdir -p dist
	$(BIN)/cyclonedx-py environment $(RELEASE)/bin/python --output-file dist/glancemetrics.cdx.json

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

# Two minutes: is anything slower than it was? Keep new ratios with ARGS=--keep.
bench-quick: $(READY)
	$(BIN)/python -m benchmarks quick $(ARGS)

# What the old program's script did: 6,000 to 9,000 lines a second into its default log.
generate_logs: $(RUN_READY)
	$(BIN)/glancemetrics generate -o /tmp/access.log --rate 7500 --flutter 0.06 $(ARGS)

# Source archive and wheel for glibc 2.28 (2018) and newer, checked and installed. zig compiles for that
# glibc. The release workflow builds wheels for all platforms with cibuildwheel.
ZIG_CC := $(abspath $(BIN))/python -m ziglang cc -target $(shell uname -m)-linux-gnu.2.28 -mcpu=baseline
wheel: $(READY)
	$(PIP) --group release
	rm -rf build/wheel
	CC='$(ZIG_CC)' $(BIN)/python -m build --outdir build/wheel
	PATH=$(abspath $(BIN)):$$PATH $(BIN)/auditwheel repair --wheel-dir dist build/wheel/*.whl
	cp build/wheel/*.tar.gz dist
	$(BIN)/twine check --strict dist/*.whl dist/*.tar.gz
	WHEEL=$$(ls -t dist/*.whl | head -n 1) $(BIN)/pytest -q tests/packaging/test_wheel.py $(ARGS)

# A Debian package for this release of Debian or Ubuntu, in dist/.
deb: $(RUN_READY)
	$(BIN)/python packaging/deb/build.py

# Installs, runs, upgrades, removes and purges it in a chroot (needs root and mmdebstrap).
deb-trial: $(READY)
	DEB=1 $(BIN)/pytest -s tests/deb $(ARGS)

docker:
	docker build -t glancemetrics .

# Shows the next release's notes; ARGS='build --yes --version 1.2.3' writes them to CHANGELOG.md.
changelog: $(READY)
	$(BIN)/towncrier $(or $(ARGS),build --draft --version next)

# The reference in docs/, from the code: commands, settings, rules, library, formats.
reference: $(READY)
	$(BIN)/python -m docs.reference_pages

# The man page and tab completions in packaging/share, from the options of all commands.
share: $(READY)
	$(BIN)/python -m docs.shared_files

# The documentation as a site in build/site; broken links fail. Building it needs no network.
$(DOCS_READY): pyproject.toml $(RUN_READY)
	$(PIP) --group docs
	@touch $@

docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@! grep -rlE '(src|rel="(stylesheet|preconnect)" href)="?https?:' build/site --include='*.html' \
		|| { echo 'These pages load something from another site.' >&2; exit 1; }
	@echo 'To read it: $(BIN)/python -m http.server --directory build/site'

# The pictures of the console, from the real screen in tmux, and of the page in Chromium.
screenshot: $(READY)
	$(BIN)/python -m docs.screenshot console docs/console.svg
	$(BIN)/python -m docs.screenshot outage docs/outage.svg
	$(BIN)/python -m docs.screenshot tour docs/tour.svg
	$(BIN)/python -m docs.screenshot page docs/page.png

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
