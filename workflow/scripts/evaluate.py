#!/usr/bin/env python3
"""Ask a language model four-choice questions and score its answers, one subject or several with one loaded model."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import checkpoints, files, problems, progress, prompts, questions, records, timing
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
    add("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="where the model runs (default: cpu)")
    add("--dtype", choices=("float32", "bfloat16", "float16"), default="float32", help="number format (default: float32)")
    add("--quantization", choices=("none", "4bit", "8bit"), default="none", help="by bitsandbytes (default: none)")
    add("--template", choices=prompts.TEMPLATES, default="plain", help="running text or the model's chat template")
    add("--examples", type=int, choices=range(6), default=0, help="worked examples before each question (default: 0)")
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--tokens-per-batch", type=int, default=1024, help="tokens computed at a time, padding included (default: 1024)")
    add("--evaluations", type=Path, metavar="FOLDER", help="write <subject>.json with every record there")
    add("--timings", type=Path, metavar="FOLDER", help="write <subject>.json with what it took there")
    add("--process", help="name of the /usr/bin/time log of this process, noted in the timing files")
    add("--verbose", action="store_true", help="print each question, the model's answer and whether it was right")
    return parser.parse_args()


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
    asked = read_questions(args.questions, args.subjects)
    manifest = checkpoints.opened(args.model)
    name = args.name or Path(manifest["folder"]).name

    # torch and transformers take seconds to import: --help and every mistake above come before them.
    import torch
    from mmlu_kit import machine, models, scoring

    models.check_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"Loading {name} …", flush=True)
    loading = timing.Stopwatch(torch, args.device)
    tokenizer = models.load_tokenizer(manifest["folder"])
    model = models.load_model(manifest["folder"], args.device, args.dtype, args.quantization)
    load_s = loading.read()["real_s"]
    effective = models.effective(model)
    print("Model loaded successfully!")
    print(f"Model device: {model.device.type}")
    print(f"Model dtype: {model.dtype}", flush=True)

    requested = {
        "device": args.device,
        "dtype": args.dtype,
        "quantization": args.quantization,
        "template": args.template,
        "examples": args.examples,
        "tokens_per_batch": args.tokens_per_batch,
    }
    everything = []
    for subject, found in asked.items():
        watch = timing.Stopwatch(torch, args.device)
        examples = questions.split(found, "dev")[: args.examples]
        if len(examples) < args.examples:
            raise Problem(f"{subject}: {args.examples} examples are asked for and its dev split has {len(examples)}")
        tests = questions.split(found, "test")
        prepared = scoring.prepare(tests, examples, args.template, tokenizer, models.context_length(model))
        with progress.Bar(f"{name} {subject}", len(prepared)) as bar:
            scored = scoring.score(model, tokenizer, prepared, args.tokens_per_batch, bar.advance)
        took = watch.read()
        if args.verbose:
            for question, record in zip(tests, scored, strict=True):
                print_question(question, record)
        totals = records.totals(scored)
        print(f" Result: {percent(totals['correct'], totals['questions'])}   # {subject}", flush=True)
        if args.evaluations:
            evaluation = records.evaluation(name, manifest, requested, effective, subject, scored)
            files.write_json(args.evaluations / f"{subject}.json", evaluation)
        if args.timings:
            measured = {
                "schema": "mmlu-kit/timing/1",
                "model": name,
                "subject": subject,
                "questions_scored": len(scored),
                "process": args.process,
                "threads": torch.get_num_threads(),
                "load_s": load_s,
                "peak_rss_bytes": timing.peak_rss_bytes(),
                "machine": machine.describe(torch),
                **took,
            }
            files.write_json(args.timings / f"{subject}.json", measured)
        everything += scored
    totals = records.totals(everything)
    print(f"Overall Accuracy: {100 * totals['correct'] / totals['questions']:.2f}%")
    print(
        f"As generated: {percent(totals['correct_generated'], totals['questions'])}; "
        f"a letter could be read from {totals['parsed']} of {totals['questions']} answers"
    )


def print_question(question: questions.Question, record: dict) -> None:
    print(f"\n{question.name}: {question.question}")
    for letter, choice in zip(questions.LETTERS, question.choices, strict=True):
        print(f"  {letter}. {choice}")
    verdict = "correct" if record["correct"] else f"wrong, the answer is {record['gold']}"
    print(f"  Model's answer: {record['predicted']} ({verdict}); it would write {record['generated']!r}")


if __name__ == "__main__":
    sys.exit(problems.run(main))
