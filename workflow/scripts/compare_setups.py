#!/usr/bin/env python3
"""Compare the runs of a study's timing setups: requested and effective configuration, times, and whether answers differ."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.results import timing_setups
from mmlu_kit.study import Setup, TimingSetups
from mmlu_kit.timing import time_logs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setups", required=True, help="the study's timing setups as JSON text")
    parser.add_argument("--folder", type=Path, required=True, help="the folder with run_<repeat>/<setup>.txt and <setup>/")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def read_run(folder: Path, setup: Setup, repeat: int, subjects: list[str]) -> timing_setups.Run:
    """Read one run of a setup from its folder."""
    run = folder / f"run_{repeat}" / setup.name
    outcomes = [records.read_evaluation(run / "evaluations" / f"{subject}.json") for subject in subjects]
    timings = [records.read_timing(run / "timings" / f"{subject}.json") for subject in subjects]
    process = time_logs.read_time_log(run.with_name(f"{setup.name}.txt"))
    return timing_setups.run(setup, repeat, outcomes, timings, process)


def main() -> None:
    args = arguments()
    setups = options.from_json(TimingSetups, args.setups, "--setups")
    runs = [
        read_run(args.folder, setup, repeat, setups.subjects)
        for setup in setups.setups
        for repeat in range(1, setups.repeats + 1)
    ]
    compared = timing_setups.compare(setups, runs)
    compared.write(args.output)
    for summary in compared.setups:
        outcome = f"median {summary.real_s.median:.2f} s" if summary.real_s else f"not run: {summary.reason}"
        print(f"{summary.name}: {outcome}")


if __name__ == "__main__":
    user_errors.run(main)
