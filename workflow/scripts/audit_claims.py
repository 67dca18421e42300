#!/usr/bin/env python3
"""Check every claim and every published number of the writeup against this run."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims import audit, listing
from mmlu_kit.claims.reference import Claims, Published
from mmlu_kit.results import study_results
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    parser.add_argument("--analysis", type=Path, required=True, help="analysis.json")
    parser.add_argument("--reference", type=Path, required=True, help="the folder with published.yaml and claims.yaml")
    parser.add_argument("--output", type=Path, required=True, help="claims.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged, analysis = study_results.checked(args).merged, AnalysisFile.read(args.analysis)
    paths = args.reference / "published.yaml", args.reference / "claims.yaml"
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} does not exist: --reference is the folder workflow/reference")
    published, claims = Published.read_yaml(paths[0]), Claims.read_yaml(paths[1])
    result = audit.audit(merged, analysis, published, claims)
    result.write(args.output)
    print(listing.counts(result))


if __name__ == "__main__":
    user_errors.run(main)
