#!/usr/bin/env python3
"""Write the report and an explorer of all questions as one HTML file that works offline."""

import argparse
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.report import page, views
from mmlu_kit.report.explorer import explorer
from mmlu_kit.results import study_results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    add = parser.add_argument
    add("--report", type=Path, required=True, help="report.md; the figures it shows are in figures/ beside it")
    add("--page", type=Path, required=True, help="the folder of page.html.j2, its style and its scripts")
    add("--output", type=Path, required=True, help="report.html to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    markdown = files.read_text(args.report)
    folder = args.report.parent
    paths = sorted(path for path in (folder / "figures").glob("*") if path.suffix in views.FORMATS)
    figures = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    results = study_results.checked(args)
    data = explorer(results.merged, study_results.checked_table(results, args.results), results.questions)
    files.write_text(args.output, page.render(markdown, figures, data, args.page))
    print(f"{args.output} written: {len(data.text)} questions, {len(data.models)} models")


if __name__ == "__main__":
    user_errors.run(main)
