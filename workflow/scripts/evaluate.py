#!/usr/bin/env python3
"""Ask a language model four-choice questions and score its answers, one subject or several with one loaded model."""

import argparse
import gc
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmlu_kit import checkpoints, files, ledger, options, problems, progress, prompts, questions, records, sources
from mmlu_kit.journal import Journal, journal_key
from mmlu_kit.problems import Problem
from mmlu_kit.subjects import SUBJECTS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example: python workflow/scripts/evaluate.py --model workflow/demo/models/demo-small "
        "--questions workflow/demo/questions --subjects astronomy business_ethics --verbose",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", help="how the model is called in results (default: its folder's name)")
    add("--questions", type=Path, required=True, nargs="+", help="a folder of MMLU CSVs, or .jsonl files by fetch_questions.py")
    add("--subjects", nargs="+", choices=SUBJECTS, metavar="SUBJECT", help="which subjects, needed with a folder of CSVs")
    options.add_loading(parser)
    add("--preset", choices=prompts.PRESETS, default="lm_eval", help="the prompt's form (default: lm_eval)")
    add("--examples", type=int, choices=range(6), default=0, help="worked examples before each question (default: 0)")
    add("--fewer-examples", action="store_true", help="show fewer where a prompt would be longer than the model's context")
    add("--max-new-tokens", type=int, default=1, metavar="N", help="tokens the model may write as its answer (default: 1)")
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--tokens-per-batch", type=batch_size, default="auto", metavar="N", help="tokens computed at a time (default: auto)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write <subject>.json with every record there")
    add("--timings", type=Path, metavar="FOLDER", help="write <subject>.json with what it took there")
    add("--journals", type=Path, metavar="FOLDER", help="keep scored batches there, to go on after a kill")
    add("--process", help="name of the /usr/bin/time log of this process, noted in the timing files")
    add("--record-host", action="store_true", help="note this machine's name in the timing files")
    add("--verbose", action="store_true", help="print each question, the model's answer and whether it was right")
    return parser.parse_args()


def batch_size(text: str) -> int | str:
    """'auto' or a number from 1."""
    if text != "auto" and int(text) < 1:
        raise ValueError
    return text if text == "auto" else int(text)


def read_questions(paths: list[Path], subjects: list[str] | None) -> dict[str, list[questions.Question]]:
    """Questions by subject, dev examples among them."""
    if paths[0].is_dir():
        if len(paths) > 1 or not subjects:
            raise Problem("--questions takes one folder of CSVs with --subjects, or .jsonl files")
        return {subject: questions.read_folder(paths[0], subject) for subject in subjects}
    found = {}
    for path in paths:
        asked = questions.read_jsonl(path)
        if len({question.subject for question in asked}) > 1:
            raise Problem(f"{path} holds more than one subject")
        found[asked[0].subject] = asked
    return {subject: asked for subject, asked in found.items() if not subjects or subject in subjects}


def percent(part: int, whole: int) -> str:
    return f"{part}/{whole} correct = {100 * part / whole:.2f}%"


def main() -> None:
    args = arguments()
    book = ledger.Ledger()
    asked = read_questions(args.questions, args.subjects)
    folder = checkpoints.located(args.model)
    name = args.name or folder.name
    settings = ("device", "dtype", "quantization", "preset", "examples", "fewer_examples", "max_new_tokens", "tokens_per_batch")
    requested = {setting: getattr(args, setting) for setting in settings}

    # What is imported and loaded stays: to look through it for garbage, again and again, is a quarter of the start.
    gc.disable()
    # The model's files are hashed meanwhile, which leaves the interpreter free.
    hashing = ThreadPoolExecutor(1).submit(checkpoints.opened, args.model)
    # torch and transformers take seconds to import: --help and every mistake above come before them.
    import torch
    from mmlu_kit import configurations, gpu, loading, machine, models, scoring

    machine.keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"Loading {name} …", flush=True)
    book.switch("load")
    manifest = hashing.result()
    tokenizer = models.load_tokenizer(folder)
    settings = {setting: requested[setting] for setting in configurations.SETTINGS}
    model, effective, reason = loading.load(manifest, settings, args.on_unavailable)
    if model is None:
        skip(name, requested, reason, asked, [args.evaluations, args.timings])
        return
    gc.freeze()
    gc.enable()
    device = model.device.type
    tokens_per_batch = models.tokens_per_batch(model, args.tokens_per_batch)
    print("Model loaded successfully!")
    print(f"Model device: {device}")
    print(f"Model dtype: {model.dtype}")
    print(f"Model quantization: {effective['quantization']}")
    if reason:
        print(f"Not as asked: {reason}", flush=True)

    if device == "cuda":
        book.watch_gpu(torch.cuda)
    computed = [*(effective[setting] for setting in settings), tokens_per_batch, args.max_new_tokens, torch.get_num_threads()]
    code = sources.sources(scoring.__file__) + sources.sources(models.__file__)
    about = {
        "process": args.process,
        "process_started": book.process_started,
        "threads": torch.get_num_threads(),
        "tokens_per_batch": tokens_per_batch,
        "machine": machine.describe(torch, args.record_host),
    }
    once = book.take(ledger.ONCE)
    about |= {f"{part}_s": once[f"{part}_s"] for part in ledger.ONCE}
    everything, journals, failed = [], [], False
    for subject, found in asked.items():
        started, meter = ledger.now(), gpu.Meter(torch, device)
        try:
            tests = questions.split(found, "test")
            with book.part("tokenize"):
                prepared = prepare(found, tests, model, tokenizer, args)
            if args.journals:
                kind = machine.device_class(torch, device)
                key = journal_key(manifest["files"], prepared, computed, kind, machine.packages(), code)
                journals.append(Journal(args.journals / f"{subject}.jsonl", key))
            journal = journals[-1] if args.journals else None
            scored, new = score(f"{name} {subject}", model, tokenizer, prepared, tokens_per_batch, args, journal, book)
        except Problem as problem:
            # The other subjects of this model are finished all the same; their journals are kept for the next run.
            problems.report(f"{name}: {problem}")
            book.take(ledger.PARTS)
            failed = True
            continue
        if args.verbose:
            for question, record in zip(tests, scored, strict=True):
                print_question(question, record)
        totals = records.totals(scored)
        print(f" Result: {percent(totals['correct'], totals['questions'])}   # {subject}", flush=True)
        if args.evaluations:
            with book.part("write"):
                evaluation = records.evaluation(name, manifest, requested, effective, reason, subject, scored)
                files.write_json(args.evaluations / f"{subject}.json", evaluation)
        took = {"started": started, **book.take(ledger.PARTS), **meter.read(), "peak_rss_bytes": ledger.peak_rss_bytes()}
        if args.timings:
            files.write_json(args.timings / f"{subject}.json", records.timing(name, subject, len(scored), new, **about, **took))
        everything += scored
    if failed:
        sys.exit(2)
    # Only now: Snakemake deletes the files of a job that fails, those of finished subjects too.
    for journal in journals:
        journal.remove()
    totals = records.totals(everything)
    print(f"Overall Accuracy: {100 * totals['correct'] / totals['questions']:.2f}%")
    print(
        f"As generated: {percent(totals['correct_generated'], totals['questions'])}; "
        f"a letter could be read from {totals['parsed']} of {totals['questions']} answers"
    )


def skip(name: str, requested: dict, reason: str, subjects: Iterable[str], folders: list[Path | None]) -> None:
    """Say why the model is not run, and write that in place of every result."""
    print(f"Not run: {reason}")
    for folder in filter(None, folders):
        for subject in subjects:
            files.write_json(folder / f"{subject}.json", records.not_run(name, requested, reason, subject))


def prepare(found: list[questions.Question], tests: list[questions.Question], model: Any, tokenizer: Any, args: Any) -> list:
    """The prompts of a subject's test questions."""
    from mmlu_kit import encoding, models

    shown = questions.examples(found, args.examples)
    return encoding.prepare(tests, shown, args.preset, tokenizer, models.context_length(model), args.fewer_examples)


def score(
    label: str,
    model: Any,
    tokenizer: Any,
    prepared: list,
    tokens_per_batch: int,
    args: argparse.Namespace,
    journal: Journal | None,
    book: ledger.Ledger,
) -> tuple[list[dict], int]:
    """The records of prepared prompts, and how many of them were scored now; `journal` has the others and takes these."""
    from mmlu_kit import scoring

    kept = journal.kept if journal else {}
    new = len(prepared) - sum(map(len, kept.values()))
    with progress.Bar(label, new) as bar:

        def done(number: int, records: list[dict]) -> None:
            if journal:
                with book.part("write"):
                    journal.append(number, records)
            bar.advance(len(records))

        return scoring.score(model, tokenizer, prepared, tokens_per_batch, args.max_new_tokens, kept, done, book.part), new


def print_question(question: questions.Question, record: dict) -> None:
    print(f"\n{question.name}: {question.question}")
    for letter, choice in zip(questions.LETTERS, question.choices, strict=True):
        print(f"  {letter}. {choice}")
    verdict = "correct" if record["correct"] else f"wrong, the answer is {record['gold']}"
    print(f"  Model's answer: {record['predicted']} ({verdict}); it would write {record['generated']!r}")


if __name__ == "__main__":
    sys.exit(problems.run(main))
