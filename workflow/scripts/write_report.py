#!/usr/bin/env python3
"""Write a study's report as Markdown from its results, and its main tables as CSV and LaTeX."""

import argparse
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.analysis import reading as analyses
from mmlu_kit.claims import reading as audits
from mmlu_kit.claims.reference import Published
from mmlu_kit.provenance import run_record
from mmlu_kit.report import context
from mmlu_kit.report.tables import tables
from mmlu_kit.results import study_results
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    parser.add_argument("--analysis", type=Path, required=True, help="analysis.json")
    parser.add_argument("--claims", type=Path, help="claims.json, if the study has a reference")
    parser.add_argument("--reference", type=Path, help="the reference: the folder with published.yaml and claims.yaml")
    parser.add_argument("--run", type=Path, required=True, help="run.json")
    parser.add_argument("--templates", type=Path, required=True, help="the folder of the report's templates")
    parser.add_argument("--output", type=Path, required=True, help="report.md to write; links are relative to it")
    parser.add_argument("--tables", type=Path, required=True, help="the folder to write <table>.csv and <table>.tex to")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results = study_results.checked(args)
    merged, analysis = results.merged, analyses.read(args.analysis, results)
    if (args.claims is None) != (args.reference is None):
        raise UserError("--claims and --reference belong together: name both or neither")
    claims = audits.read(args.claims, merged, args.reference, results.outcomes) if args.claims else None
    folder = args.resources / "subjects" / merged.study.subjects_folder
    run = run_record.read(args.run, merged, args.results, [folder / f"{name}.jsonl" for name in merged.study.subjects])
    published = Published.read_yaml(args.reference / "published.yaml") if args.reference else None
    files.write_text(args.output, context.render(merged, analysis, claims, run, args.templates, published))
    args.tables.mkdir(parents=True, exist_ok=True)  # there may be no result, and no table
    for name, table in tables(merged, analysis).items():
        files.write_text(args.tables / f"{name}.csv", table.csv())
        files.write_text(args.tables / f"{name}.tex", table.latex())
    print(f"{args.output} written")


if __name__ == "__main__":
    user_errors.run(main)
