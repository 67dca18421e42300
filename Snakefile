# The whole study, from questions and models to the report. Run it with:  snakemake --cores 8
# Studies are defined in config.yaml; results are written to results/<study>/.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

min_version("9.14")
FOLDER = Path(str(workflow.current_basedir)).resolve()
if not FOLDER.is_dir():
    raise WorkflowError(
        f"{workflow.current_basedir}: Snakemake reads only rules from a repository, and the kit needs its programs: clone it, "
        "and name the Snakefile of the clone"
    )


sys.path.insert(0, f"{FOLDER}/workflow/scripts")

from mmlu_kit import config_files
from mmlu_kit.user_errors import UserError


configfile: f"{FOLDER}/config.yaml"


BESIDE = Path("config.yaml")
if os.path.lexists(BESIDE) and not (BESIDE.exists() and BESIDE.samefile(FOLDER / BESIDE)):
    # A working directory other than the kit's folder may have a config.yaml, which extends the kit's.
    try:
        config_files.read([BESIDE])  # Snakemake would hang at a bomb of aliases
    except UserError as error:
        raise WorkflowError(str(error)) from None

    configfile: "config.yaml"


report: "workflow/report/captions/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/predictions.smk"
include: "workflow/rules/timing.smk"
include: "workflow/rules/setups.smk"
include: "workflow/rules/stability.smk"
include: "workflow/rules/chat.smk"
include: "workflow/rules/merge.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/provenance.smk"


run_log.install(workflow, Path(RESULTS))

if workflow.is_main_process:
    # Files that somebody changed since the last run are named before they are used.
    try:
        keeps_records = "--drop-metadata" not in sys.argv
        for line in changes.check(Path(RESULTS), Path(SUBJECT_FILES), Path(".snakemake"), makes, keeps_records):
            print(f"warning: {line}", file=sys.stderr)
    except UserError as error:
        raise WorkflowError(str(error)) from None


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.md",
        f"{RESULTS}/report.html",
        f"{RESULTS}/merged.json",
        CLAIMS,
        f"{RESULTS}/questions.csv",
        f"{RESULTS}/provenance.json",
        # A deleted result is made again, even if what was made from it is there.
        rules.record_provenance.input,


# Collected from the beginning, as Snakemake's log lacks failed jobs under --quiet.
FAILURES = Failures()
logger.addHandler(FAILURES)


onsuccess:
    ending.show(workflow, Path(RESULTS))
    from mmlu_kit.report import studies  # it imports jinja2, for which no start of Snakemake should wait

    try:
        studies.write(Path("results"), FOLDER / "workflow/report/page")
    except (UserError, OSError) as error:
        print(f"warning: results/index.html was not written: {visible(str(error))}", file=sys.stderr)


onerror:
    for line in FAILURES.lines(workflow.scheduler.failed):
        print(f"error: {visible(line)}", file=sys.stderr)
