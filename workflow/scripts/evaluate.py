#!/usr/bin/env python3
"""Evaluate a language model on the multiple-choice questions of one or more subjects, loading it once."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.evaluation.process import Job, Outputs, evaluate
from mmlu_kit.inputs import question_sources
from mmlu_kit.settings import OnUnavailable
from mmlu_kit.timing.phase_timer import PhaseTimer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", required=True, help="the model's name in results")
    add("--questions", type=Path, required=True, nargs="+", help=".jsonl files by fetch_questions.py, one for each subject")
    options.add_loading(parser)
    options.add_prompt(parser)
    options.add_batches(parser)
    add("--threads", type=options.positive, help="processor threads (default: all cores)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write each subject's records to <subject>.json in this folder")
    add("--timings", type=Path, metavar="FOLDER", help="write each subject's times to <subject>.json in this folder")
    add("--journals", type=Path, metavar="FOLDER", help="keep scored batches in this folder, so that a killed run resumes")
    add("--process", help="name of this process's /usr/bin/time log, to record in the timing files")
    add("--record-host", action="store_true", help="record this machine's name in the timing files")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    timer = PhaseTimer()
    job = Job(
        model=args.model,
        name=args.name,
        requested=options.requested(args),
        on_unavailable=OnUnavailable(args.on_unavailable),
        outputs=Outputs(args.evaluations, args.timings, args.journals),
        threads=args.threads,
        process=args.process,
        record_host=args.record_host,
    )
    evaluate(job, question_sources.SubjectFiles(args.questions).read_all(), timer)


if __name__ == "__main__":
    user_errors.run(main)
