#!/usr/bin/env python3
"""Judge every claim of the writeup and compare each of its numbers with this run's."""

import argparse
import sys
from pathlib import Path

import yaml
from mmlu_kit import files, user_errors
from mmlu_kit.claims import audit, comparison, evidence, listing
from mmlu_kit.evaluation import records


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", type=Path, required=True, help="merged.json")
    parser.add_argument("--analysis", type=Path, required=True, help="analysis.json")
    parser.add_argument("--reference", type=Path, required=True, help="the folder with published.yaml and claims.yaml")
    parser.add_argument("--output", type=Path, required=True, help="claims.json to write")
    return parser.parse_args()


def reference(path: Path) -> dict:
    """A file of the reference folder."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise user_errors.UserError(f"{path} does not exist: --reference is the folder workflow/reference") from None


def main() -> None:
    args = arguments()
    merged = records.read(args.merged, "merged")
    analysis = files.read_json(args.analysis)
    if "pairs" not in analysis:
        raise user_errors.UserError(f"{args.analysis} is not an analysis of a study: delete it and run again")
    published, claims = (reference(args.reference / name) for name in ("published.yaml", "claims.yaml"))
    run = evidence.of_run(merged, analysis, published)
    result = {
        "schema": "mmlu-kit/claims/2",
        "study": merged["study"]["name"],
        "same_models": run["same_models"],
        "claims": audit.judge(claims["claims"], evidence.of_published(published), run),
        "numbers": comparison.compare(published, merged),
    }
    records.check(result, "claims", str(args.output))
    files.write_json(args.output, result)
    print(listing.counts(result))


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
