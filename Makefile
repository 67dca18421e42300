# make report: set up and run the demo study.  make test: run all tests.  Everything is installed in .venv.
PYTHON ?= python3
STUDY ?= demo
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
ARGS ?=
# A file that extends config.yaml with your own study.
CONFIG =
CONFIGURED = $(if $(CONFIG),--configfile $(CONFIG))
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: report test lint partial-report pack unpack check status retry verify check-results images image-cpu image-cuda image-cuda12 demo-models schemas docs locks quantized bench llama
.DELETE_ON_ERROR:

report: .venv/kit
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY)

# Report on the evaluations that exist and list the missing ones.
partial-report: .venv/kit
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY) partial=True --allowed-rules all parse_times merge analyse audit_claims draw_figures describe_run write_report write_page record_provenance

# Rerun what was skipped because a machine could not run it (on_unavailable: skip).
retry: .venv/kit
	mmlu-kit forget-skipped results/$(STUDY)
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY)

# Pack the results that this machine computed for a study; unpack such an archive on another machine.
pack: .venv/kit
	mmlu-kit pack results/$(call quoted,STUDY) --output results/$(call quoted,STUDY).zip

# The archive to unpack, and what to call the machine (default: the archive's name).
FILE =
NAME =
# A variable as it was typed, for the shell: file names may have spaces, quotes and $.
quoted = '$(subst ','\'',$(value $1))'
unexport FILE NAME

unpack: .venv/kit
	mmlu-kit unpack --results results/$(call quoted,STUDY) $(CONFIGURED) $(if $(value NAME),--name=$(call quoted,NAME)) \
		-- $(if $(value FILE),$(call quoted,FILE),$(error name the archive: make unpack STUDY=… FILE=….zip))

# Show what a study will fetch, need, skip and take, without running anything. ARGS may choose parts: ARGS='--only small'
check: .venv/kit
	@mmlu-kit check --study $(STUDY) $(CONFIGURED) $(ARGS)

# Show which parts of a study are done or running, and how long the rest takes.
status: .venv/kit
	@mmlu-kit status --study $(STUDY) $(CONFIGURED) $(ARGS)

# Compare every number and claim of the publication that a study names with a finished run. The exit status does not depend on them.
verify: .venv/kit
	@mmlu-kit verify results/$(STUDY)

# Compare every result file with the hash that was recorded when the run ended.
check-results: .venv/kit
	@mmlu-kit check-results results/$(STUDY)

# One worker mostly waits for SLURM while the others compute.
WORKERS ?= 3
test: .venv/test
	python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/test
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	snakefmt --check Snakefile workflow/rules
	snakemake --lint

# Build the documentation into site/; a warning is an error.
docs: .venv/test
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

# Build the images that rules run in under --use-singularity, with docker, podman or buildah, and Apptainer.
images: image-cpu image-cuda

image-cpu image-cuda image-cuda12: image-%:
	sh docker/build.sh $*

# Train the four demo models again and write their questions again, in place.
demo-models: .venv/kit
	python workflow/demo/write_questions.py
	python workflow/demo/train_models.py

# Compare speed and memory with other programs: about 30 minutes on an otherwise idle machine. GGUF is a file of
# SmolLM2-135M-Instruct; ARGS=--record writes the table to benchmarks/measured too.
DATA ?= ../shared/data
GGUF ?= $(shell ../shared/tools/real-model 2>/dev/null)
bench: .venv/test
	python benchmarks/bench.py --data $(DATA) $(if $(GGUF),--gguf $(GGUF)) $(ARGS)

# Build llama.cpp from source for `make bench`: some seven minutes, with a C++ compiler.
llama: .venv/llama/built

.venv/llama/built: envs/llama.txt .venv/kit
	python -m pip install --quiet --target .venv/llama --upgrade --no-deps --require-hashes \
		--no-binary llama-cpp-python --requirement envs/llama.txt
	touch $@

# Rewrite workflow/schemas after a change of a data model.
schemas: .venv/kit
	mmlu-kit schemas

locks:
	sh envs/lock.sh

# Install the optional packages that load checkpoints saved by compressed-tensors or torchao.
quantized: .venv/quantized

.venv/kit: envs/torch.txt envs/cpu.lock pyproject.toml
	sh envs/install.sh $(PYTHON) cpu
	touch $@

.venv/quantized: .venv/kit envs/quantized.lock
	sh envs/install.sh $(PYTHON) quantized
	touch $@

.venv/test: .venv/kit envs/test.lock
	sh envs/install.sh $(PYTHON) test
	touch $@
