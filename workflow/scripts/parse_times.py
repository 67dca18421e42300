#!/usr/bin/env python3
"""Read logs of /usr/bin/time (GNU -v, or BSD and macOS -l) into one JSON file."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.results import archives
from mmlu_kit.timing import time_logs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="the resolved study as JSON text")
    parser.add_argument("--results", type=Path, required=True, help="results/<study>, with timings/<model>/<job>.time")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    study = json.loads(args.study)
    logs: dict[str, Path] = {}
    for model, subject in study.pairs(study):
        home, process = archives.home(args.results, model, subject), study.process(study, model, subject)
        name = process if home == args.results else f"{home.relative_to(args.results).as_posix()}/{process}"
        logs[name] = home / "timings" / process
    there = {name: path for name, path in logs.items() if path.is_file()}
    times = {
        name: time_logs.parse_time_log(path.read_text(encoding="utf-8", errors="replace"), str(path))
        for name, path in there.items()
    }
    files.write_json(args.output, times)
    print(f"{len(there)} of {len(logs)} logs of /usr/bin/time are there and were read")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
