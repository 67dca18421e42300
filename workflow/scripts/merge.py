#!/usr/bin/env python3
"""Merge a study's evaluations and timings into merged.json and questions.csv."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.provenance import privacy
from mmlu_kit.results import archives, compatibility, merging
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--study", required=True, help="the resolved study as JSON text")
    add("--results", type=Path, required=True, help="results/<study>, with evaluations/, timings/ and elsewhere/")
    add("--setups", type=Path, help="setups.json, where the study has one")
    add("--stability", type=Path, help="stability.json, where the study has one")
    add("--chat", type=Path, help="chat.json, where the study has one")
    add("--merged", type=Path, required=True, help="merged.json to write")
    add("--table", type=Path, required=True, help="questions.csv to write")
    return parser.parse_args()


def path(folder: Path, kind: str, pair: tuple[str, str]) -> Path:
    """The file of a model and subject below a folder's evaluations or timings."""
    return folder / kind / pair[0] / f"{pair[1]}.json"


def main() -> None:
    args = arguments()
    study = json.loads(args.study)
    own, imported = args.results, study.imported(study)
    homes = {pair: archives.home(own, *pair) for pair in study.pairs(study)}
    there = {pair: home for pair, home in homes.items() if path(home, "evaluations", pair).is_file()}
    if not (there or args.setups or args.stability or args.chat):
        raise UserError(f"{args.results}: there is no result of this study to merge: run it first")
    for pair, home in there.items():
        for other in (own, *archives.folders(own)):
            if other != home and path(other, "evaluations", pair).is_file():
                archives.check_same(path(home, "evaluations", pair), path(other, "evaluations", pair))
    evaluations = [records.read_outcome(path(home, "evaluations", pair), "evaluation") for pair, home in there.items()]
    names = [path(home, "evaluations", pair).relative_to(own).as_posix() for pair, home in there.items()]
    compatibility.check({name: one for name, one in zip(names, evaluations, strict=True) if records.was_run(one)})
    timed = {pair: home for pair, home in there.items() if pair[0] not in imported}
    timings = [records.read_outcome(path(home, "timings", pair), "timing") for pair, home in timed.items()]
    sources = {pair: home.relative_to(own).as_posix() for pair, home in there.items() if home != own}
    processes = files.read_json(args.results / "timings/processes.json")
    setups = files.read_json(args.setups) if args.setups else None
    stability = files.read_json(args.stability) if args.stability else None
    chat = records.read(args.chat, "chat") if args.chat else None
    merged = merging.merge(study, evaluations, timings, processes, setups, stability, chat, sources)
    merged["study"] = privacy.short(study, Path.cwd())  # merged.json travels, and where a folder lies stays at home
    records.check(merged, "merged", str(args.merged))
    files.write_json(args.merged, merged)
    files.write_text(args.table, merging.table(study, evaluations).to_csv(index=False, lineterminator="\n"))
    counts = f"{len(merged['not_run'])} not run, {len(merged['missing'])} missing"
    print(f"{len(merged['results'])} results of {len(merged['models'])} models merged, {counts}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
