#!/usr/bin/env python3
"""Ask a language model multiple-choice questions and score its answers, one subject or several with one loaded model."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.evaluation.process import Job, Outputs, evaluate
from mmlu_kit.inputs import questions
from mmlu_kit.settings import OnUnavailable
from mmlu_kit.timing.phase_timer import PhaseTimer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", required=True, help="the model's name in results")
    add("--questions", type=Path, required=True, nargs="+", help=".jsonl files by fetch_questions.py, one a subject")
    options.add_loading(parser)
    options.add_prompt(parser)
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write <subject>.json with every record there")
    add("--timings", type=Path, metavar="FOLDER", help="write <subject>.json with what it took there")
    add("--journals", type=Path, metavar="FOLDER", help="keep scored batches there, to resume after a kill")
    add("--process", help="name of the /usr/bin/time log of this process, noted in the timing files")
    add("--record-host", action="store_true", help="note this machine's name in the timing files")
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
    evaluate(job, questions.read_subjects(args.questions, None), timer)


if __name__ == "__main__":
    user_errors.run(main)
