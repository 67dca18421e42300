#!/usr/bin/env python3
"""Compare the runs of a study's timing setups: requested and effective configuration, times, and whether answers differ."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.evaluation import model_files, records
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.results import collection, origins, timing_setups
from mmlu_kit.results.origins import Origins
from mmlu_kit.study import Setup, TimingSetups
from mmlu_kit.timing import time_logs
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain
from pydantic import ValidationError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setups", required=True, help="the study's timing setups as JSON text")
    parser.add_argument("--folder", type=Path, required=True, help="the folder with run_<repeat>/<setup>.txt and <setup>/")
    parser.add_argument("--model", type=Path, required=True, help="the model's manifest by fetch_model.py")
    parser.add_argument("--questions", type=Path, nargs="+", required=True, help="the questions, .jsonl by fetch_questions.py")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def read_run(folder: Path, setup: Setup, repeat: int, model: str, subjects: list[str], known: Origins) -> timing_setups.Run:
    """Read one run of a setup from its folder. Raises UserError if it was made from something else than `known`."""
    run = folder / f"run_{repeat}" / setup.name
    paths = [run / "evaluations" / f"{subject}.json" for subject in subjects]
    outcomes = [records.read_evaluation(path) for path in paths]
    for path, outcome in zip(paths, outcomes, strict=True):
        collection.check_names(path, (model, path.stem), outcome)
        if isinstance(outcome, Evaluation):
            origins.check(path, outcome, known, "delete it and run again")
    timings = [records.read_timing(run / "timings" / f"{subject}.json") for subject in subjects]
    log = run.with_name(f"{setup.name}.txt")
    process = time_logs.read_time_log(log)
    try:
        return timing_setups.run(setup, repeat, outcomes, timings, process)
    except ValidationError as error:  # the log's times are impossible
        raise UserError(f"{log}: {explain(error, {})}; delete it and run again") from None


def main() -> None:
    args = arguments()
    setups = options.from_json(TimingSetups, args.setups, "--setups")
    subjects = {path.stem: origins.subject(path) for path in args.questions}
    known = Origins(subjects=subjects, models={setups.model: model_files.manifest(args.model)})
    runs = [
        read_run(args.folder, setup, repeat, setups.model, setups.subjects, known)
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
