#!/usr/bin/env python3
"""Print claims.json: every published number beside this run's, every claim with its two verdicts, and how many of each.

The exit status is 0 whatever the numbers are: they are information. Only a missing or damaged file is an error.
"""

import argparse
import sys
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.claims import listing


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, metavar="CLAIMS", help="results/<study>/claims.json")
    return parser.parse_args()


def main() -> None:
    listing.print_claims(arguments().file)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
