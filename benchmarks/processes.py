"""The processes of `make bench`: each does the tasks of one program with one model in one number format."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contests import SUBJECT, Entry
from llama_peer import Llama
from measurements import Run, Task, Work
from mmlu_kit.user_errors import UserError

CONTEND = Path(__file__).parent / "contend.py"
Batches = Mapping[Entry, tuple[int, ...]]  # sizes to choose from


@dataclass(frozen=True)
class Setup:
    """What the programs read: models by their name in contests.py, and folders of questions by the name of their set."""

    models: Mapping[str, Path]
    questions: Mapping[str, Path]
    llama: Llama | None
    threads: int


def rounds(setup: Setup, plan: Mapping[object, Sequence[Entry]], count: int) -> dict[Entry, list[Run]]:
    """Every entry's runs, one a round, each at its fastest batch size. The processes take turns."""
    batches = {entry: entry.batches for entries in plan.values() for entry in entries}
    for entries in plan.values():
        if several := [entry for entry in entries if len(entry.batches) > 1]:
            batches |= fastest_batches(setup, several)
    measured: dict[Entry, list[Run]] = {entry: [] for entry in batches}
    for number in range(count):
        for entries in plan.values():
            for entry, done in zip(entries, process(command(setup, entries, batches)), strict=True):
                measured[entry].append(done)
                print(f"round {number + 1} of {count}: {entry}: {done}", flush=True)
    return measured


def fastest_batches(setup: Setup, entries: Sequence[Entry]) -> dict[Entry, tuple[int, ...]]:
    """The batch size with which each entry of a process is fastest, on a few questions."""
    few = [replace(entry, questions=few_questions(entry), subjects=(SUBJECT,)) for entry in entries]
    found = {}
    for entry, done in zip(entries, process(command(setup, few, {entry: entry.batches for entry in few})), strict=True):
        assert done.work is not None
        found[entry] = (done.work.batch,)
        print(f"{entry}: fastest at batch size {done.work.batch}", flush=True)
    return found


def few_questions(entry: Entry) -> str:
    """The set that fills an entry's largest batch: lm-eval has a row for each choice of a cloze question."""
    return "two" if entry.way == "lm_eval_cloze" else "four" if entry.examples else "start"


def process(command: Sequence[object]) -> list[Run]:
    """Run a program to its end; it prints a line for each task, or none where it is timed as a whole."""
    words = list(map(str, command))
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace")
    process_s = time.perf_counter() - began
    if done.returncode:
        raise UserError(f"{' '.join(words)}: {(done.stderr.strip() or f'exit status {done.returncode}').splitlines()[-1]}")
    works = [Work.model_validate_json(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [Run(process_s=process_s, work=work) for work in works] or [Run(process_s=process_s)]


def command(setup: Setup, entries: Sequence[Entry], batches: Batches) -> list[object]:
    """The command of a process that does these entries, with these batch sizes to choose from."""
    first = entries[0]
    if first.way == "llama":
        assert setup.llama is not None  # else its contests are left out
        return setup.llama.command(first.dtype, [(entry.examples, batches[entry]) for entry in entries])
    options: list[object] = ["--model", setup.models[first.model], "--dtype", first.dtype, "--threads", setup.threads]
    if first.way == "load":
        return [sys.executable, CONTEND, *options, "--load"]
    if first.way == "evaluate":
        options += ["--questions", setup.questions[first.questions], "--subjects", *first.subjects]
        return [sys.executable, "-m", "mmlu_kit", "evaluate", *options]
    return [sys.executable, CONTEND, *options, "--tasks", *(task(setup, entry, batches[entry]) for entry in entries)]


def task(setup: Setup, entry: Entry, batches: tuple[int, ...]) -> str:
    """An entry as contend.py takes it."""
    folder = setup.questions[entry.questions]
    done = Task(way=entry.way, questions=folder, subjects=entry.subjects, examples=entry.examples, batches=batches)
    return done.model_dump_json()
