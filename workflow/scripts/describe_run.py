#!/usr/bin/env python3
"""Describe a run: its code, command line, locks, images, models, questions and machines."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.provenance import run_record
from mmlu_kit.provenance.run_record import RunStart
from mmlu_kit.results import study_results
from mmlu_kit.sources import PROJECT
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    add = parser.add_argument
    add("--questions", type=Path, nargs="*", default=[], help="the .jsonl files of the questions")
    add("--begun", default="{}", metavar="JSON", help="recorded when Snakemake started: command, commit, changed, snakemake")
    add(
        "--image",
        action="append",
        default=[],
        metavar="KIND=NAME",
        help="a container image that rules ran in: a file or an address",
    )
    add("--output", type=Path, required=True, help="run.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    try:
        begun = RunStart.model_validate_json(args.begun or "{}", strict=True)
    except ValueError:
        raise UserError("--begun: not the JSON that the workflow passes: leave the option out") from None
    for image in args.image:
        if "=" not in image:
            raise UserError(f"--image: '{image}' is not KIND=NAME: name the kind of device, as in cpu=images/cpu.sif")
    merged = study_results.checked(args).merged
    images = dict(image.split("=", 1) for image in args.image)
    run = run_record.describe(merged, args.results, PROJECT, begun, images, args.questions)
    run.write(args.output)
    print(f"{args.output}: {len(run.code.files)} files of code, commit {run.code.commit or 'unknown'}")


if __name__ == "__main__":
    user_errors.run(main)
