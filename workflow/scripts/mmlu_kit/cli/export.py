"""Export a study's results in another tool's form: lm-eval's results and samples files, or Every Eval Ever's."""

import argparse
from pathlib import Path
from typing import Any

from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit export results/demo --format every-eval-ever --organization 'My university' --output exported"
# What the evaluator is to the models' makers, in the words of Every Eval Ever's schema.
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
LM_EVAL, EVERY_EVAL_EVER = FORMATS = ("lm-eval", "every-eval-ever")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")
    add("--format", choices=FORMATS, default=LM_EVAL, help=f"whose files to write (default: {LM_EVAL})")
    add("--resources", type=Path, default=Path("resources"), help="the folder with the fetched questions (default: resources)")
    text = "the folder for <model>/results_*.json and samples_*.jsonl, or for data/<questions>/<developer>/<model>/*"
    add("--output", type=Path, required=True, metavar="FOLDER", help=text)
    add("--organization", metavar="NAME", help=f"who ran the evaluation, which {EVERY_EVAL_EVER} needs to know")
    text = f"what that is to the models' makers, for {EVERY_EVAL_EVER} (default: other)"
    add("--relationship", choices=RELATIONSHIPS, help=text)


def run(args: argparse.Namespace) -> None:
    from mmlu_kit.results import every_eval_ever, lm_eval_export  # they import pandas

    if args.format == EVERY_EVAL_EVER:
        if not (args.organization or "").strip():
            raise UserError(f"--format {EVERY_EVAL_EVER} needs to know who ran the evaluation: name it with --organization")
        evaluator = every_eval_ever.Evaluator(args.organization, args.relationship or "other")
        lines = every_eval_ever.export(args.results, args.resources, args.output, evaluator)
    else:
        for option in ("organization", "relationship"):
            if getattr(args, option) is not None:
                raise UserError(f"--{option} is for --format {EVERY_EVAL_EVER}: leave it out, or name that format")
        lines = lm_eval_export.export(args.results, args.resources, args.output, _load_tokenizer)
    for line in lines:
        print(line)


def _load_tokenizer(folder: Path) -> Any:
    from mmlu_kit.models import tokenizers  # takes seconds to import

    return tokenizers.load_tokenizer(folder)
