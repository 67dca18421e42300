#!/usr/bin/env python3
"""Write the report and an explorer of all questions as one HTML file that works offline."""

import argparse
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.inputs import questions
from mmlu_kit.report import page
from mmlu_kit.report.explorer import explorer
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Merged


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--report", type=Path, required=True, help="report.md; the figures it shows are in figures/ beside it")
    add("--merged", type=Path, required=True, help="merged.json")
    add("--table", type=Path, required=True, help="questions.csv")
    add("--questions", type=Path, nargs="*", required=True, help="the questions, one .jsonl file for each subject")
    add("--page", type=Path, required=True, help="the folder of page.html.j2, page.css and page.js")
    add("--output", type=Path, required=True, help="report.html to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    markdown = files.read_text(args.report)
    folder = args.report.parent
    paths = sorted(path for path in (folder / "figures").glob("*") if path.suffix in page.FORMATS)
    figures = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    texts = [question for path in args.questions for question in questions.read_jsonl(path)]
    data = explorer(Merged.read(args.merged), merging.read_table(args.table), texts)
    files.write_text(args.output, page.render(markdown, figures, data, args.page))
    print(f"{args.output} written: {len(data.text)} questions, {len(data.models)} models")


if __name__ == "__main__":
    user_errors.run(main)
