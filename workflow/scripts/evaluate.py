#!/usr/bin/env python3
"""Ask a language model multiple-choice questions and score its answers, one subject or several with one loaded model."""

import argparse
import gc
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.evaluation.records import Record, Totals
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.settings import LETTERS, MOST_EXAMPLES, OnUnavailable, Preset, Requested, Split, TokensPerBatch
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.timing import machine
from mmlu_kit.timing.phase_timer import PhaseTimer
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example: python workflow/scripts/evaluate.py --model workflow/demo/models/demo-small "
        "--questions workflow/demo/questions --subjects astronomy business_ethics --verbose",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", help="the model's name in results (default: its folder's name)")
    add("--questions", type=Path, required=True, nargs="+", help="a folder of MMLU CSVs, or .jsonl files by fetch_questions.py")
    add("--subjects", nargs="+", choices=SUBJECTS, metavar="SUBJECT", help="which subjects, needed with a folder of CSVs")
    options.add_loading(parser)
    add("--preset", choices=list(map(str, Preset)), default="lm_eval", help="the prompt's form (default: lm_eval)")
    add("--examples", type=int, choices=range(MOST_EXAMPLES + 1), default=0, help="few-shot examples (num_fewshot; default: 0)")
    add("--fewer-examples", action="store_true", help="show fewer where a prompt would exceed the model's context")
    add("--max-new-tokens", type=int, default=1, metavar="N", help="tokens the model may write as its answer (default: 1)")
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--tokens-per-batch", type=batch_size, default="auto", metavar="N", help="tokens computed at a time (default: auto)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write <subject>.json with every record there")
    add("--timings", type=Path, metavar="FOLDER", help="write <subject>.json with what it took there")
    add("--journals", type=Path, metavar="FOLDER", help="keep scored batches there, to resume after a kill")
    add("--process", help="name of the /usr/bin/time log of this process, noted in the timing files")
    add("--record-host", action="store_true", help="note this machine's name in the timing files")
    add("--verbose", action="store_true", help="print each question, the model's answer and whether it was right")
    return parser.parse_args()


def batch_size(text: str) -> TokensPerBatch:
    """'auto' or a number from 1."""
    if text == "auto":
        return "auto"
    if int(text) < 1:
        raise ValueError
    return int(text)


def percent(part: int, whole: int) -> str:
    return f"{part}/{whole} correct = {100 * part / whole:.2f}%"


def main() -> None:
    args = arguments()
    timer = PhaseTimer()
    by_subject = questions.read_subjects(args.questions, args.subjects)
    folder = checkpoints.located(args.model)
    name = args.name or folder.name
    requested = Requested(**{setting: getattr(args, setting) for setting in Requested.model_fields})

    # Imported modules and the loaded model stay: collecting garbage among them, again and again, is a quarter of the start.
    gc.disable()
    # The model's files are hashed meanwhile, which releases the interpreter.
    hashing = ThreadPoolExecutor(1).submit(checkpoints.opened, args.model)
    # torch and transformers take seconds to import: --help and every mistake above come before them.
    import torch
    from mmlu_kit.evaluation.runner import Outputs, Runner, write_not_run
    from mmlu_kit.models import loading, transformers_model

    machine.keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"Loading {name} …", flush=True)
    timer.switch("load")
    manifest = hashing.result()
    tokenizer = transformers_model.load_tokenizer(folder)
    loaded = loading.load(manifest, requested, OnUnavailable(args.on_unavailable))
    outputs = Outputs(args.evaluations, args.timings, args.journals)
    if loaded.model is None or loaded.effective is None:
        print(f"Not run: {loaded.reason}")
        write_not_run(name, requested, loaded.reason or "", list(by_subject), outputs)
        return
    gc.freeze()
    gc.enable()
    print("Model loaded successfully!")
    print(f"Model device: {loaded.model.device.type}")
    print(f"Model dtype: {loaded.model.dtype}")
    print(f"Model quantization: {loaded.effective.quantization}")
    if loaded.reason:
        print(f"Not as requested: {loaded.reason}", flush=True)

    runner = Runner(name, manifest, requested, loaded, tokenizer, outputs, timer, args.process, args.record_host)
    records: list[Record] = []
    failed = False
    for subject, subject_questions in by_subject.items():
        try:
            scored = runner.run(subject, subject_questions)
        except UserError as error:
            # The other subjects of this model are finished all the same; journals are kept for the next run.
            user_errors.report(f"{name}: {error}")
            failed = True
            continue
        if args.verbose:
            print_questions(questions.split(subject_questions, Split.TEST), scored)
        totals = Totals.over(scored)
        print(f" Result: {percent(totals.correct, totals.questions)}   # {subject}", flush=True)
        records += scored
    if failed:
        sys.exit(2)
    runner.finish()
    totals = Totals.over(records)
    print(f"Overall Accuracy: {100 * totals.correct / totals.questions:.2f}%")
    print(
        f"As generated: {percent(totals.correct_generated, totals.questions)}; "
        f"a letter could be parsed from {totals.parsed} of {totals.questions} answers"
    )


def print_questions(tests: Sequence[questions.Question], records: Sequence[Record]) -> None:
    """Print each question, its choices and the model's answer."""
    for question, record in zip(tests, records, strict=True):
        print(f"\n{question.name}: {question.question}")
        for letter, choice in zip(LETTERS, question.choices, strict=True):
            print(f"  {letter}. {choice}")
        verdict = "correct" if record.correct else f"wrong, the answer is {record.gold}"
        print(f"  Model's answer: {record.predicted} ({verdict}); it would write {record.generated!r}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
