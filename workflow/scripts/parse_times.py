#!/usr/bin/env python3
"""Read logs of /usr/bin/time (GNU -v, or BSD and macOS -l) into one JSON file."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, problems, studies, timing


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="the resolved study as JSON text")
    parser.add_argument("--folder", type=Path, required=True, help="the folder with <model>/<job>.time, logs of /usr/bin/time")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    study = json.loads(args.study)
    names = dict.fromkeys(studies.process(study, model, subject) for model, subject in studies.pairs(study))
    there = [name for name in names if (args.folder / name).is_file()]
    times = {
        name: timing.parse_time_log((args.folder / name).read_text(encoding="utf-8", errors="replace"), str(args.folder / name))
        for name in there
    }
    files.write_json(args.output, times)
    print(f"{len(there)} of {len(names)} logs of /usr/bin/time are there and were read")


if __name__ == "__main__":
    sys.exit(problems.run(main))
