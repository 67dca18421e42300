"""Export a study's results as lm-eval's results and samples files, one folder for each model."""

import argparse
from pathlib import Path
from typing import Any

from mmlu_kit.results import lm_eval_export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")
    add("--resources", type=Path, default=Path("resources"), help="the folder with the fetched questions (default: resources)")
    add(
        "--output", type=Path, required=True, metavar="FOLDER", help="the folder for <model>/results_*.json and samples_*.jsonl"
    )


def run(args: argparse.Namespace) -> None:
    for line in lm_eval_export.export(args.results, args.resources, args.output, _load_tokenizer):
        print(line)


def _load_tokenizer(folder: Path) -> Any:
    from mmlu_kit.models import tokenizers  # takes seconds to import

    return tokenizers.load_tokenizer(folder)
