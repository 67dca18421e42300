#!/usr/bin/env python3
"""Merge a study's evaluations and timings into merged.json and questions.csv."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, merging, problems, records, studies
from mmlu_kit.problems import Problem


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--study", required=True, help="the resolved study as JSON text")
    add("--results", type=Path, required=True, help="the folder with evaluations/, timings/ and timings/processes.json")
    add("--setups", type=Path, help="setups.json, where the study has one")
    add("--stability", type=Path, help="stability.json, where the study has one")
    add("--chat", type=Path, help="chat.json, where the study has one")
    add("--merged", type=Path, required=True, help="merged.json to write")
    add("--table", type=Path, required=True, help="questions.csv to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    study = json.loads(args.study)
    names = [f"{model}/{subject}.json" for model, subject in studies.pairs(study)]
    there = [name for name in names if (args.results / "evaluations" / name).is_file()]
    if not (there or args.setups or args.stability or args.chat):
        raise Problem(f"{args.results}: there is no result of this study to merge: run it first")
    evaluations = [records.read_outcome(args.results / "evaluations" / name, "evaluation") for name in there]
    timings = [records.read_outcome(args.results / "timings" / name, "timing") for name in there]
    processes = files.read_json(args.results / "timings/processes.json")
    setups = files.read_json(args.setups) if args.setups else None
    stability = files.read_json(args.stability) if args.stability else None
    chat = records.read(args.chat, "chat") if args.chat else None
    merged = merging.merge(study, evaluations, timings, processes, setups, stability, chat)
    records.check(merged, "merged", str(args.merged))
    files.write_json(args.merged, merged)
    files.write_text(args.table, merging.table(study, evaluations).to_csv(index=False, lineterminator="\n"))
    counts = f"{len(merged['not_run'])} not run, {len(merged['missing'])} missing"
    print(f"{len(merged['results'])} results of {len(merged['models'])} models merged, {counts}")


if __name__ == "__main__":
    sys.exit(problems.run(main))
