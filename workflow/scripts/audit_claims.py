#!/usr/bin/env python3
"""Check every claim and every number of a publication against this run."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.claims import listing
from mmlu_kit.claims import reading as audits
from mmlu_kit.results import study_results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    parser.add_argument("--reference", type=Path, required=True, help="the folder with published.yaml and claims.yaml")
    parser.add_argument("--output", type=Path, required=True, help="claims.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results = study_results.checked(args)
    result = audits.make(results.merged, args.reference, results.outcomes)
    result.write(args.output)
    print(listing.counts(result))


if __name__ == "__main__":
    user_errors.run(main)
