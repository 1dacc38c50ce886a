# `make` lists the commands. On Windows, the README has the same steps as plain commands.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
JOBS ?= 2
unexport PYTHONDONTWRITEBYTECODE  # where it is set, every start would compile torch anew

usable = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c '$(usable)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed

# What decides the outcome of each step; a step is redone when one of its files changes.
method = $(foreach name,$(1),bytecover_lite/$(name).py)
songs := $(wildcard bytecover_lite/songbook/*.py bytecover_lite/songbook/*.csv) \
	$(call method,commands_corpus)
signal := $(call method,cqt filterbank store store_files store_writer)
sound := $(signal) $(call method,audio decoders features)
learning := $(call method,augment coarser data imprint losses model model_config optimizers recipes resnet_ibn train)
scoring := $(call method,baselines coarser qmax recurrence embed pipeline ranking retrieval)
scores := build/scores/songbook-test.json build/scores/chorales.json

.PHONY: help book test site pdf datacos weights bench serve clean lock readme lint unit browser assignments

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(scores) site  ## everything: environment, corpus, training, scores, pages
	@echo
	@$(BIN)/bytecover summary $(scores)
	@echo
	@echo "The book: file://$(CURDIR)/web/site/index.html (or: make serve)"

test: lint unit site browser  ## everything that continuous integration runs

# The environment. pip alone does the same as uv, only slower.
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	$(BIN)/uv pip install --python $(BIN)/python -r requirements.lock \
		|| $(BIN)/python -m pip install -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps -e . \
		|| $(BIN)/python -m pip install --no-deps -e .
	touch $@

# A corpus is begun anew when its sources change, and continued when it was only interrupted.
build/songbook.begun: $(songs) $(signal) | $(INSTALLED)
	rm -rf build/songbook && mkdir -p build && touch $@
build/chorales.begun: $(songs) $(sound) | $(INSTALLED)
	rm -rf build/chorales && mkdir -p build && touch $@
build/run.begun: $(learning) build/songbook.done
	rm -rf build/run && touch $@

build/songbook.done: build/songbook.begun
	$(BIN)/bytecover songbook build/songbook --preset lite --jobs $(JOBS)
	touch $@
build/chorales.done: build/chorales.begun
	$(BIN)/bytecover chorales build/chorales --jobs $(JOBS)
	touch $@
build/run.done: build/run.begun
	$(BIN)/bytecover train build/songbook build/run --preset lite
	touch $@

build/scores/songbook-test.json: build/run.done $(scoring)
	$(BIN)/bytecover evaluate build/songbook --model build/run/model.safetensors --out $@
build/scores/chorales.json: build/run.done build/chorales.done $(scoring)
	$(BIN)/bytecover evaluate build/chorales --model build/run/model.safetensors --out $@

# Da-TACOS at full size: chapter 10 shows what it writes.
build/datacos.begun: $(songs) $(signal) | $(INSTALLED)
	rm -rf build/datacos && mkdir -p build && touch $@
build/datacos.done: build/datacos.begun
	$(BIN)/bytecover songbook build/datacos --preset datacos --jobs $(JOBS)
	touch $@
datacos: build/datacos.done  ## the full Da-TACOS protocol; writes book/results/scores_datacos*.json
	$(BIN)/bytecover evaluate build/datacos --share 50 --details \
		--systems random chroma 2dftm qmax model --out book/results/scores_datacos_part.json
	$(BIN)/bytecover evaluate build/datacos --details --out book/results/scores_datacos.json

# The shipped checkpoint, anew: hours on two cores. Each step continues what was interrupted.
weights: $(INSTALLED)  ## train the shipped checkpoint anew (hours)
	$(BIN)/bytecover songbook build/large --preset large --jobs $(JOBS)
	$(BIN)/bytecover train build/large build/run-long --preset long
	$(BIN)/bytecover export build/run-long build/long.safetensors \
		--result book/results/training_long.json
	$(BIN)/bytecover songbook build/wide --preset wide --jobs $(JOBS)
	$(BIN)/bytecover train build/wide build/run-wide --preset wide --start-from build/long.safetensors
	$(BIN)/bytecover export build/run-wide build/wide.safetensors \
		--result book/results/training_wide.json
	$(BIN)/bytecover train build/wide build/run-fine --preset fine --start-from build/wide.safetensors
	$(BIN)/bytecover export build/run-fine build/fine.safetensors \
		--result book/results/training_fine.json
	$(BIN)/bytecover songbook build/parts --preset parts --jobs $(JOBS)
	$(BIN)/bytecover train build/parts build/run-parts --preset parts --start-from build/fine.safetensors
	$(BIN)/bytecover export build/run-parts build/parts.safetensors \
		--result book/results/training_parts.json
	$(BIN)/bytecover songbook build/played --preset played --jobs $(JOBS)
	$(BIN)/bytecover train build/played build/run-played --preset played --start-from build/parts.safetensors
	$(BIN)/bytecover export build/run-played build/played.safetensors \
		--result book/results/training_played.json
	$(BIN)/bytecover songbook build/voices --preset voices --jobs $(JOBS)
	$(BIN)/bytecover train build/voices build/run-voices --preset voices --start-from build/played.safetensors
	$(BIN)/bytecover export build/run-voices build/voices.safetensors \
		--result book/results/training_voices.json
	$(BIN)/bytecover songbook build/timbres --preset timbres --jobs $(JOBS)
	$(BIN)/bytecover train build/timbres build/run-timbres --preset timbres --start-from build/voices.safetensors
	$(BIN)/bytecover export build/run-timbres build/timbres.safetensors \
		--result book/results/training_timbres.json
	$(BIN)/bytecover songbook build/uneven --preset uneven --jobs $(JOBS)
	$(BIN)/bytecover train build/uneven build/run-uneven --preset uneven --start-from build/timbres.safetensors
	$(BIN)/bytecover export build/run-uneven build/uneven.safetensors \
		--result book/results/training_uneven.json
	$(BIN)/bytecover songbook build/plenty --preset plenty --jobs $(JOBS)
	$(BIN)/bytecover train build/plenty build/run-plenty --preset plenty --start-from build/uneven.safetensors
	$(BIN)/bytecover export build/run-plenty build/plenty.safetensors \
		--result book/results/training_plenty.json
	$(BIN)/bytecover songbook build/textures --preset textures --jobs $(JOBS)
	$(BIN)/bytecover train build/textures build/run-textures --preset textures --start-from build/plenty.safetensors
	$(BIN)/bytecover export build/run-textures build/textures.safetensors \
		--result book/results/training_textures.json
	$(BIN)/bytecover songbook build/invented --preset invented --jobs $(JOBS)
	$(BIN)/bytecover train build/invented build/run-invented --preset invented --start-from build/textures.safetensors
	$(BIN)/bytecover export build/run-invented bytecover_lite/checkpoints/lite.safetensors \
		--result book/results/training_invented.json

site: $(INSTALLED)  ## execute the chapters that changed and render the pages to web/site
	$(BIN)/python book/tools/execute.py --jobs $(JOBS)
	$(BIN)/python book/tools/render.py

pdf: site  ## print the whole book to web/bytecover.pdf; needs Chromium
	$(BIN)/python book/tools/pdf.py

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python book/tools/lint.py
	$(BIN)/python book/tools/readme.py --check

unit: $(INSTALLED)
	$(BIN)/python -m pytest -n $(JOBS) -m "not browser and not site"

browser: $(INSTALLED)
	$(BIN)/python -m pytest -m "browser or site" tests/book

bench: $(INSTALLED)  ## measure speed; writes book/results/benchmark.json
	$(BIN)/python -m tests.benchmarks

assignments: $(INSTALLED)  ## student, instructor and Colab versions of the assignments, in build/assignments
	$(BIN)/python book/tools/assignments.py bundle build/assignments

serve: $(INSTALLED)  ## open the rendered pages at http://localhost:8000
	$(BIN)/python -m webbrowser -t http://localhost:8000/ &
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory web/site

readme: $(INSTALLED)  ## write the README's file tree and results anew
	$(BIN)/python book/tools/readme.py

lock: $(INSTALLED)  ## resolve the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras \
		--upgrade --no-annotate --no-header --output-file build/lock
	{ echo "# Every package of every extra, for Python 3.11 to 3.13. Made by \`make lock\`."; \
		cat build/lock; } > requirements.lock

clean:  ## remove everything that was made, the environment included
	rm -rf build web .venv
