"""Evaluate a model on questions without the workflow, and print its accuracies.

Nothing is kept without --evaluations. If a subject fails, the others are evaluated and the exit status is 2.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from mmlu_kit import options
from mmlu_kit.cli.json_output import print_json
from mmlu_kit.evaluation.process import Job, Outputs, evaluate
from mmlu_kit.inputs import model_choice, question_sources
from mmlu_kit.settings import OnUnavailable
from mmlu_kit.sources import PROJECT
from mmlu_kit.timing.phase_timer import PhaseTimer

EXAMPLE = "mmlu-kit evaluate --model demo-small --questions workflow/demo/questions --subjects astronomy business_ethics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    model_choice.add_arguments(parser)
    text = "a .csv file with a header, a .jsonl file, a folder of these, a folder of MMLU CSVs, or files by fetch_questions.py"
    add("--questions", type=Path, required=True, nargs="+", help=text)
    add("--subjects", nargs="+", metavar="SUBJECT", help="which subjects (default: all)")
    add("--limit", type=int, metavar="N", help="ask only the first so many questions of each subject")
    options.add_loading(parser, from_config=True)
    options.add_prompt(parser, from_config=True)
    options.add_batches(parser, from_config=True)
    add("--threads", type=options.positive, help="processor threads (default: config's, else all cores)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write each subject's records to <subject>.json in this folder")
    add("--timings", type=Path, metavar="FOLDER", help="write each subject's times to <subject>.json in this folder")
    add("--journals", type=Path, metavar="FOLDER", help="keep scored batches in this folder, so that a killed run resumes")
    add("--verbose", action="store_true", help="print each question, the model's answer and whether it was right")
    add("--json", action="store_true", help="print one JSON document with the accuracies, and all else on standard error")


def run(args: argparse.Namespace) -> None:
    timer = PhaseTimer()
    by_subject = question_sources.read_subjects([_located(path) for path in args.questions], args.subjects, args.limit)
    model = model_choice.choose(args.model, args.config, args.adapter)
    entry = model.entry
    job = Job(
        model=model.path,
        adapter=model.adapter,
        name=model.name,
        requested=options.requested(args, entry.requested if entry else None),
        on_unavailable=OnUnavailable(args.on_unavailable or (entry.on_unavailable if entry else OnUnavailable.FAIL)),
        outputs=Outputs(args.evaluations, args.timings, args.journals),
        threads=args.threads or (entry.threads if entry else None),
        verbose=args.verbose,
    )
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        scored = evaluate(job, by_subject, timer)
    from mmlu_kit.evaluation import scores  # it imports scipy, for which loading should not wait

    accuracies = scores.scores(job, scored)
    if args.json:
        print_json(accuracies)
    elif accuracies.subjects:
        print("\n".join(["", *scores.table(accuracies)]))


def _located(path: Path) -> Path:
    """A path of the working directory or, if there is nothing at it, of the kit, as for a model's folder."""
    return path if path.exists() or not (PROJECT / path).exists() else PROJECT / path
