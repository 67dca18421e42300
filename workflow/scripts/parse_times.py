#!/usr/bin/env python3
"""Parse logs of /usr/bin/time (GNU -v, or BSD and macOS -l) into one JSON file."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.results import locations
from mmlu_kit.timing import time_logs
from mmlu_kit.timing.time_logs import Processes


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--results", type=Path, required=True, help="results/<study>, the folder that holds the logs")
    add("--logs", type=Path, nargs="*", default=[], help="timings/<model>/<job>.time in it or in its elsewhere/<name>/")
    add("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    logs = {locations.log_name(args.results, log): time_logs.read_time_log(log) for log in args.logs}
    Processes(logs).write(args.output)
    print(f"{len(logs)} logs of /usr/bin/time read")


if __name__ == "__main__":
    user_errors.run(main)
