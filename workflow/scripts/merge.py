#!/usr/bin/env python3
"""Merge a study's evaluations and timings into merged.json and questions.csv."""

import argparse
from pathlib import Path

from mmlu_kit import files, options, user_errors
from mmlu_kit.provenance import privacy
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results import collection, merging
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.study import Study
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--study", required=True, help="the resolved study as JSON text")
    add("--results", type=Path, required=True, help="results/<study>, with evaluations/, timings/ and elsewhere/")
    add("--setups", type=Path, help="setups.json, if the study has timing setups")
    add("--stability", type=Path, help="stability.json, if the study measures stability")
    add("--chat", type=Path, help="chat.json, if the study has chat models")
    add("--merged", type=Path, required=True, help="merged.json to write")
    add("--table", type=Path, required=True, help="questions.csv to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    study = options.from_json(Study, args.study, "--study")
    # merged.json may be published, so only the base name of a path outside the project is kept.
    study = Study.model_validate(privacy.shorten(study.plain(), Path.cwd()))
    collected = collection.collect(study, args.results)
    if not (collected.outcomes or args.setups or args.stability or args.chat):
        raise UserError(f"{args.results}: no results of this study to merge: run it first")
    merged = merging.merge(
        study,
        collected.outcomes,
        collected.timings,
        Processes.read(args.results / "timings/processes.json"),
        SetupsFile.read(args.setups) if args.setups else None,
        StabilityFile.read(args.stability) if args.stability else None,
        ChatFile.read(args.chat) if args.chat else None,
        collected.sources,
    )
    merged.write(args.merged)
    files.write_text(args.table, merging.table(study, collected.outcomes).to_csv(index=False, lineterminator="\n"))
    counts = f"{len(merged.not_run)} not run, {len(merged.missing)} missing"
    print(f"{len(merged.results)} results of {len(merged.models)} models merged, {counts}")


if __name__ == "__main__":
    user_errors.run(main)
