#!/usr/bin/env python3
"""Delete a study's "not run" placeholders so that those models are tried again by the next run."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.formatting import plural
from mmlu_kit.results import skipped


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a study's results: results/<study>")
    return parser.parse_args()


def main() -> None:
    results = arguments().results
    deleted = plural(skipped.forget(results), "placeholder")
    print(f"{deleted} of skipped evaluations deleted from {results}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
