#!/usr/bin/env python3
"""Export a study's results in the form of lm-eval's results and samples files, one folder a model."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mmlu_kit import user_errors
from mmlu_kit.results import lm_eval_export


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--results", type=Path, required=True, help="the study's results, results/<study>, with merged.json")
    add("--resources", type=Path, default=Path("resources"), help="where questions were fetched (default: resources)")
    add("--output", type=Path, required=True, metavar="FOLDER", help="write <model>/results_*.json and samples_*.jsonl there")
    return parser.parse_args()


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model's folder."""
    from mmlu_kit.models import transformers_model  # takes seconds to import

    return transformers_model.load_tokenizer(folder)


def main() -> None:
    args = arguments()
    for line in lm_eval_export.export(args.results, args.resources, args.output, load_tokenizer):
        print(line)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
