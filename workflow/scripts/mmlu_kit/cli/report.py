"""Run a whole study, from questions and models to its report in results/<study>, with Snakemake.

A stopped run resumes where it stopped, and after a change only affected outputs are rebuilt. The exit status is Snakemake's.
"""

import argparse
import os
import sys
from pathlib import Path

from mmlu_kit import options, sources
from mmlu_kit.cli import study_options
from mmlu_kit.timing import machine

EXAMPLE = "mmlu-kit report demo --cores 8"
EPILOG = (
    "Results are written to the working directory. Clusters, images and other choices are Snakemake's own options: "
    "snakemake --profile profiles/slurm --config study=writeup"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("study", metavar="STUDY", help="the study's name in config")
    add("--config", "--configfile", type=Path, metavar="FILE", help="a file that extends config.yaml, with a study of your own")
    add("--cores", type=options.positive, metavar="N", help="processor cores to use (default: all)")


def run(args: argparse.Namespace) -> None:
    snakefile = sources.clone("mmlu-kit report") / "Snakefile"
    args.configfile = [args.config] if args.config else []
    study_options.resolve(study_options.read(args))  # Snakemake shows a mistake in config with a traceback
    command = [sys.executable, "-m", "snakemake", "--snakefile", os.path.relpath(snakefile)]
    command += ["--cores", str(args.cores or machine.cores_usable() or 1)]
    command += ["--configfile", str(args.config)] if args.config else []
    command += ["--config", f"study={args.study}"]
    # Rules run the programs of this environment, whether or not it is active.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # In place of this process, so that signals, terminal and exit status are Snakemake's own.
    sys.stdout.flush()
    os.execv(command[0], command)
