# make demo   the whole story on made images: install, train, judge, compare, report
# make app    the page, in the browser
# make test   every check: style, types, all tests with coverage
# make venv   only the environment, in .venv; `make clean` removes it
#
# Needs Python 3.11, 3.12 or 3.13 and nothing else; `make demo PYTHON=/path/to/python` names one.

PYTHON ?=
WORKERS ?= 2
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# An environment whose Python has gone (upgraded, or the folder moved) is made anew.
$(shell $(RUN) -c '' 2>/dev/null || rm -f $(VENV)/.made $(VENV)/.installed $(VENV)/.installed-dev)

.PHONY: help demo app test venv clean
help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# ARGS reaches the command: make app ARGS="--port 9000"
demo: $(VENV)/.installed
	@$(RUN) -m braintumor demo $(ARGS)

app: $(VENV)/.installed
	@$(RUN) -m braintumor app $(ARGS)

# All of it runs even where one part fails, so that one look shows everything; pytest has the
# last word, and the exit status speaks for all. Two processes share the test files, for many tests
# wait more than they reckon (make test WORKERS=4 where there are cores and memory, 3 GB each); in
# the order of the folders, or the longest files would come last, with one process left.
test: $(VENV)/.installed-dev
	@status=0; \
	$(RUN) -m ruff check . || status=1; \
	$(RUN) -m ruff format --check . || status=1; \
	$(RUN) -m mypy || status=1; \
	[ $$status = 0 ] || echo "STYLE OR TYPES ARE NOT IN ORDER: see above. The tests follow."; \
	$(RUN) -m pytest --cov --numprocesses $(WORKERS) --dist loadfile \
		--no-loadscope-reorder $(ARGS) || status=1; \
	exit $$status

venv: $(VENV)/.installed

# The stamps are written last: an installation broken off is taken up again.
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing braintumor with its page and its training into $(VENV): some minutes, once."
	@$(PIP) --editable '.[app,train]' || { echo "$(failed)" >&2; exit 1; }
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools for the tests into $(VENV)."
	@$(PIP) --editable '.[dev]' || { echo "$(failed)" >&2; exit 1; }
	@touch $@

failed = The packages could not be installed: pip says why above. Mend that (most often the \
connection), and run make again: it goes on where it stopped.

$(VENV)/.made:
	@$(find_python); \
	echo "Making $(VENV) with $$found ($$("$$found" -V 2>&1))."; \
	"$$found" -m venv --clear $(VENV) || { \
		echo "$$found could not make $(VENV): it says why above." >&2; exit 1; }
	@touch $@

# Sets `found` to the first Python that has the right version and can make environments. Each is
# tried rather than looked up: a name on the PATH may be a stub that runs nothing.
define find_python
found=; bare=; \
for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
	"$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		2>/dev/null || continue; \
	if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; \
	then found="$$candidate"; break; else bare="$$candidate"; fi; \
done; \
if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	echo "$$bare cannot make environments: install its venv package" \
		"(on Debian and Ubuntu: apt install python3-venv), then run make again." >&2; exit 1; \
elif [ -z "$$found" ]; then \
	echo "No Python 3.11, 3.12 or 3.13 was found $(if $(PYTHON),at $(PYTHON),on the PATH): install" \
		"one, or name it with make PYTHON=/path/to/python, then run make again." >&2; exit 1; \
fi
endef

clean:
	rm -rf $(VENV)
