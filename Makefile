# make report: set up, then run the demo study.  make test: run all tests.  Everything happens in .venv.
PYTHON ?= python3
STUDY ?= demo
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
ARGS ?=
# A file that adds to config.yaml, for a study of your own.
CONFIG =
CONFIGURED = $(if $(CONFIG),--configfile $(CONFIG))
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: report test lint partial-report pack unpack status retry verify check-results images image-cpu image-cuda demo-models locks bench
.DELETE_ON_ERROR:

report: .venv/kit
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY)
	@echo "The report: results/$(STUDY)/report.html"

# Report on the evaluations that are there and name what is missing.
partial-report: .venv/kit
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY) partial=True --allowed-rules all parse_times merge analyse audit_claims draw_figures describe_run write_report write_page record_provenance

# Run again what was skipped because the machine could not do it (on_unavailable: skip).
retry: .venv/kit
	python workflow/scripts/forget_skipped.py results/$(STUDY)
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY)

# Pack what this machine ran in a study, and join such an archive with the study's results on another.
pack: .venv/kit
	python workflow/scripts/pack_results.py results/$(STUDY) --output results/$(STUDY).zip

unpack: .venv/kit
	python workflow/scripts/join_results.py $(or $(FILE),$(error name the archive: make unpack STUDY=… FILE=….zip)) --results results/$(STUDY)

# What of a study is done, what is running and how long is left.
status: .venv/kit
	@python workflow/scripts/show_status.py --study $(STUDY) $(CONFIGURED)

# Compare each number that the writeup publishes with this run's, and judge its claims; whatever they are, that is no error.
verify: .venv/kit
	snakemake --cores $(CORES) $(CONFIGURED) --config study=$(STUDY) --until audit_claims
	@python workflow/scripts/verify.py results/$(STUDY)/claims.json

# Compare every result file with the hash that was recorded when the run ended.
check-results: .venv/kit
	@python workflow/scripts/check_results.py results/$(STUDY)

# One worker mostly waits for SLURM, the others compute.
WORKERS ?= 3
test: .venv/test
	python -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

lint: .venv/test
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/rules
	snakemake --lint

# Build the images that rules run in under --use-singularity, with docker, podman or buildah, and Apptainer.
images: image-cpu image-cuda

image-cpu image-cuda: image-%:
	sh docker/build.sh $*

# Train the four demo models again and write their questions again, in place.
demo-models: .venv/kit
	python workflow/demo/write_questions.py
	python workflow/demo/train_models.py

# Compare the kit's speed and memory with other programs': some 40 minutes on a machine that does nothing else.
DATA ?= ../shared/data
bench: .venv/test
	PYTHONPATH=workflow/scripts python benchmarks/bench.py --data $(DATA) $(ARGS)

locks:
	sh envs/lock.sh

.venv/kit: envs/torch.txt envs/cpu.lock
	sh envs/install.sh $(PYTHON) cpu
	touch $@

.venv/test: .venv/kit envs/test.lock
	sh envs/install.sh $(PYTHON) test
	touch $@
