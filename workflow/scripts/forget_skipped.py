#!/usr/bin/env python3
"""Delete what says in place of a result that a machine could not make it, so that the next run tries again."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a study's results: results/<study>")
    return parser.parse_args()


def main() -> None:
    results = arguments().results
    if not results.is_dir():
        raise UserError(f"{results}: there are no results of this study yet: run it first")
    found = [
        path
        for folder in ("evaluations", "timings", "setups", "chat")
        for path in sorted((results / folder).rglob("*.json"))
        if not records.was_run(files.read_json(path))
    ]
    # Snakemake makes a missing file again only where one that is made of it is missing too.
    made_of_them = [results / "setups.json", results / "chat.json", results / "merged.json"] if found else []
    for path in found + made_of_them:
        path.unlink(missing_ok=True)
    print(f"{len(found)} files of skipped evaluations removed from {results}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
