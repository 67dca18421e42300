#!/usr/bin/env python3
"""Read logs of /usr/bin/time (GNU -v, or BSD and macOS -l) into one JSON file."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, problems, timing
from mmlu_kit.problems import Problem


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the folder that logs are named from")
    parser.add_argument("--logs", type=Path, nargs="*", required=True, help="logs of /usr/bin/time")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    times = {}
    for log in args.logs:
        if not log.is_file():
            raise Problem(f"{log} does not exist: run its job again")
        text = log.read_text(encoding="utf-8", errors="replace")
        times[log.relative_to(args.folder).as_posix()] = timing.parse_time_log(text, str(log))
    files.write_json(args.output, times)
    print(f"{len(times)} logs of /usr/bin/time read")


if __name__ == "__main__":
    sys.exit(problems.run(main))
