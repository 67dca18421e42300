#!/usr/bin/env python3
"""Compare the runs of a study's timing setups: what was asked for, what ran, how long it took, whether answers differ."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.results import timing_setups
from mmlu_kit.timing import time_logs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="the resolved study as JSON text")
    parser.add_argument("--folder", type=Path, required=True, help="the folder with run_<repeat>/<setup>.txt and <setup>/")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def read_run(folder: Path, setup: dict, repeat: int, subjects: list[str]) -> dict:
    """One run of a setup from its folder."""
    mine = folder / f"run_{repeat}" / setup["name"]
    outcomes = [records.read_outcome(mine / "evaluations" / f"{subject}.json", "evaluation") for subject in subjects]
    timings = [records.read_outcome(mine / "timings" / f"{subject}.json", "timing") for subject in subjects]
    log = mine.with_name(f"{setup['name']}.txt")
    process = time_logs.parse_time_log(log.read_text(encoding="utf-8", errors="replace"), str(log))
    return timing_setups.run(setup, repeat, outcomes, timings, process)


def main() -> None:
    args = arguments()
    asked = json.loads(args.study)["timing_setups"]
    repeats = range(1, asked["repeats"] + 1)
    runs = [read_run(args.folder, setup, repeat, asked["subjects"]) for setup in asked["setups"] for repeat in repeats]
    summaries = [timing_setups.summary(setup, runs) for setup in asked["setups"]]
    ran = timing_setups.configurations_run(runs)
    result = {
        "schema": "mmlu-kit/setups/1",
        "model": asked["model"],
        "subjects": asked["subjects"],
        "repeats": asked["repeats"],
        "runs": runs,
        "setups": summaries,
        "configurations": ran,
        "comparisons": timing_setups.comparisons(ran),
    }
    files.write_json(args.output, result)
    for found in summaries:
        outcome = f"median {found['real_s']['median']:.2f} s" if found["effective"] else f"not run: {found['reason']}"
        print(f"{found['name']}: {outcome}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
