# make demo    installs what is missing, runs the miniature study, prints its table, names the report
# make test    installs what is missing, checks style and types, runs the default tests
PYTHON ?= python3.11
TOOLKIT := .venv/.installed
TRAIN := .venv-train/.installed
QUIET := --quiet --disable-pip-version-check

.PHONY: demo test slow check toolkit train-env clean
demo: $(TOOLKIT) $(TRAIN)
	.venv/bin/dskill study recipes/studies/miniature.yml

test: $(TOOLKIT) $(TRAIN) check
	.venv/bin/pytest

slow: $(TOOLKIT) $(TRAIN)
	.venv/bin/pytest -m "slow" -n 1 --timeout 3600

check: $(TOOLKIT)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

toolkit: $(TOOLKIT)
train-env: $(TRAIN)

$(TOOLKIT): pyproject.toml constraints/toolkit.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install $(QUIET) -c constraints/toolkit.txt -e ".[dev]"
	.venv/bin/pip check
	touch $@

# Training lives apart: axolotl pins an older pydantic than Inspect needs. A recipe needs nothing of ours.
$(TRAIN): constraints/train.txt
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/pip install $(QUIET) -c constraints/train.txt torch==2.13.0 axolotl==0.19.0
	.venv-train/bin/pip check
	touch $@

clean:
	rm -rf .venv .venv-train runs build *.egg-info
