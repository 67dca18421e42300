#!/usr/bin/env python3
"""Measure what the kit itself takes for a study of many models and subjects: planning, merging, analysis, report and archives.

No model runs: answers and times are made up, from real questions, which are repeated with another text until they are as many
as MMLU's. Every step is a process of its own. Processor seconds tell more than those by the clock on a machine that does other
work too. Compare the tables of several sizes to see what grows faster than its input.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import made_study
from made_study import NAME, RESULTS, ROOT, Size
from mmlu_kit import files, user_errors
from mmlu_kit.timing import processor
from mmlu_kit.user_errors import UserError

# What /usr/bin/time writes of a step, after its name.
COST = "%e\t%U\t%S\t%M"
# Runs a program as rules do, and appends its name and what it took to a file.
SHIM = """#!/bin/sh
exec /usr/bin/time -a -o '{log}' -f "$1\t{cost}" '{python}' "$@"
"""


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds by the clock and of the processor, and the peak memory of its largest process in MB."""

    step: str
    real_s: float
    cpu_s: float
    peak_mb: float


def measured(step: str, *command: str | Path, **variables: str) -> Cost:
    """Run a command in the working directory; one that fails raises UserError with the end of what it wrote."""
    log = Path("time.txt")  # a program that this large process starts itself would have its peak memory
    timed = ["/usr/bin/time", "-o", log, "-f", f"{step}\t{COST}", *command]
    done = subprocess.run(timed, capture_output=True, text=True, env=os.environ | variables, check=False)
    if done.returncode:
        raise UserError(f"{step} failed; look at the end of its output:\n{(done.stdout + done.stderr)[-2000:]}")
    return costs_in(log)[0]


def costs_in(log: Path) -> list[Cost]:
    """The costs in a log of /usr/bin/time, in its order."""
    lines = [line.split("\t") for line in files.read_text(log).splitlines()]
    return [
        Cost(Path(step).stem, float(real), float(user) + float(system), int(peak) / 1000)
        for step, real, user, system, peak in lines
    ]


def measure(size: Size, data: Path) -> list[Cost]:
    """Make a study in the working directory, and measure all that follows its evaluations."""
    study = made_study.write_inputs(size, data)
    snakemake = ("snakemake", "--snakefile", ROOT / "Snakefile", "--config", f"study={NAME}", "--quiet", "all")
    kit = (sys.executable, "-m", "mmlu_kit")
    costs = [measured("snakemake, dry run, nothing made", *snakemake, "--dry-run")]
    costs += [measured("check, nothing made", *kit, "check", "--study", NAME)]
    made_study.write_results(study)
    measured(
        "snakemake, which records the evaluations", *snakemake, "--cores", "1", "--touch", "--forceall", "--until", "evaluate"
    )
    costs += [measured("snakemake, dry run, evaluated", *snakemake, "--dry-run")]
    shim, log = Path("bin/python").absolute(), Path("programs.txt").absolute()
    files.write_text(shim, SHIM.format(log=log, cost=COST, python=sys.executable))
    shim.chmod(0o755)
    run = measured(
        "snakemake, from evaluations to provenance", *snakemake, "--cores", "1", PATH=f"{shim.parent}:{os.environ['PATH']}"
    )
    costs += [*costs_in(log), run]
    for step, options in {
        "status": ["--study", NAME],
        "check": ["--study", NAME],
        "check-results": [RESULTS],
        "verify": [RESULTS],
        "pack": [RESULTS, "--output", "growth.zip"],
        "unpack": ["growth.zip", "--results", f"other/{RESULTS}"],
    }.items():
        costs.append(measured(step, *kit, step, *options))
    return [*costs, measured("snakemake, dry run, all made", *snakemake, "--dry-run")]


def table(size: Size, costs: Sequence[Cost]) -> str:
    """The costs as a table in Markdown."""
    rows = [f"| {cost.step} | {cost.real_s:.1f} | {cost.cpu_s:.1f} | {cost.peak_mb:.0f} |" for cost in costs]
    megabytes = sum(path.stat().st_size for path in Path(RESULTS).rglob("*") if path.is_file()) / 1e6
    title = f"{size.models} models, {size.subjects} subjects, {size.questions:,} questions; results of {megabytes:.0f} MB"
    heads = ["| Step | Real s | Processor s | Peak MB |", "|---|---|---|---|"]
    return "\n".join([f"{processor.name()}, {os.cpu_count()} cores; {title}", "", *heads, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--models", type=int, default=20, help="how many models (default: %(default)s)")
    add("--subjects", type=int, default=made_study.MMLU_SUBJECTS, help="how many subjects (default: %(default)s)")
    add(
        "--data",
        type=Path,
        default=ROOT.parent / "shared/data",
        help="the folder with real questions in mmlu/ (default: %(default)s)",
    )
    add("--keep", type=Path, metavar="FOLDER", help="a new folder to work in, which is kept")
    add("--output", type=Path, help="a file for the table")
    args = parser.parse_args()
    size, data = Size(args.models, args.subjects), (args.data / "mmlu").absolute()
    output = args.output and args.output.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            text = table(size, measure(size, data))
    print(text)
    if output:
        files.write_text(output, f"{text}\n")


if __name__ == "__main__":
    user_errors.run(main)
