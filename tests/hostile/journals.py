"""Journals of evaluations that are damaged, of another evaluation, or no regular files."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmlu_kit.evaluation.runner  # noqa: F401 - the programs run in forks of this process
from mmlu_kit.files import sha256

from tests.conftest import ROOT
from tests.hostile.inputs import Hostile

DEMO = ROOT / "workflow/demo"
JOURNAL = "journals/astronomy.jsonl"
EVALUATE = [
    *("mmlu-kit", "evaluate", "--model", DEMO / "models/demo-small", "--questions", "questions", "--subjects", "astronomy"),
    *("--threads", "1", "--tokens-per-batch", "128", "--journals", "journals", "--evaluations", "evaluations"),
]
Lines = list[bytes]


def asked(folder: Path) -> Sequence[str | Path]:
    """Write six questions, and return the command that asks them."""
    for split in ("dev", "test"):
        path = folder / f"questions/{split}/astronomy_{split}.csv"
        path.parent.mkdir(parents=True)
        lines = (DEMO / f"questions/{split}/astronomy_{split}.csv").read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:6]))
    return EVALUATE


def line(number: int, records: Any) -> bytes:
    """A batch's line, with the right hash."""
    text = records if isinstance(records, str) else json.dumps(records)
    return json.dumps({"batch": number, "sha256": sha256(text), "records": text}).encode() + b"\n"


def batch(journal: Lines) -> tuple[int, list[dict[str, Any]]]:
    """The number and the records of a journal's first batch."""
    entry = json.loads(journal[1])
    return entry["batch"], json.loads(entry["records"])


def edited(**changes: Any) -> Callable[[Lines], Lines]:
    """The first batch's first record with other values, and the right hash."""

    def change(journal: Lines) -> Lines:
        number, records = batch(journal)
        records[0].update(changes)
        return [journal[0], line(number, records), *journal[2:]]

    return change


def second(text: bytes) -> Callable[[Lines], Lines]:
    """Another line in place of the first batch's."""
    return lambda journal: [journal[0], text, *journal[2:]]


def with_records(records: Any) -> Callable[[Lines], Lines]:
    """Other records in the first batch, and the right hash."""
    return lambda journal: [journal[0], line(batch(journal)[0], records), *journal[2:]]


def rewritten(**changes: Any) -> Callable[[Lines], Lines]:
    """The first batch's line with other keys."""
    return lambda journal: [journal[0], json.dumps({**json.loads(journal[1]), **changes}).encode() + b"\n", *journal[2:]]


BOMB = b"[" * 100_000 + b"\n"
# What is done to the lines of a complete journal; its questions are scored again, and the run says so.
DAMAGE: dict[str, Callable[[Lines], Lines]] = {
    "nested": second(BOMB),
    "nested records": with_records("[" * 100_000),
    "short": second(b"{\n"),
    "empty": second(b"\n"),
    "binary": second(bytes(range(256)) + b"\n"),
    "latin-1": second("é\n".encode("latin-1")),
    "NUL": second(bytes(5000)),
    "NUL at the end": lambda journal: [*journal[:-1], bytes(len(journal[-1]))],
    "half-written": lambda journal: [*journal[:-1], journal[-1][: len(journal[-1]) // 2]],
    "half-written in the middle": lambda journal: [journal[0], journal[1][:50], *journal[2:]],
    "another hash": rewritten(sha256="0" * 64),
    "a number for the records": rewritten(records=1),
    "a batch that is true": rewritten(batch=True),
    "a batch that is a text": rewritten(batch="0"),
    "a batch that is infinite": second(b'{"batch": 1e400, "sha256": "", "records": ""}\n'),
    "a batch below zero": rewritten(batch=-1),
    "another key": rewritten(extra=1),
    "records that are no list": with_records({}),
    "records that are numbers": with_records([1, 2]),
    "records without keys": with_records([{}]),
    "NaN": edited(letter_mass=float("nan")),
    "another gold": edited(gold="A", predicted="A", correct=True, generated=" A", parsed="A", correct_generated=True),
    "another question's hash": edited(question_sha256="0" * 64),
    "another prompt": edited(prompt_sha256="0" * 64),
    "another prompt's length": edited(prompt_tokens=3),
    "other examples": edited(examples=4),
    "another subject": edited(subject="anatomy"),
    "an index that is not there": edited(index=99),
    "an index that is a text": edited(index="1"),
    "a letter that is not the best": edited(predicted=None, correct=False),
    "no probabilities": edited(letter_logprobs=None),
    "a probability above 1": edited(letter_logprobs={"A": 1.0, "B": 1.0, "C": 1.0, "D": 1.0}, predicted="A"),
    "a surrogate": edited(generated="\ud800", parsed=None, correct_generated=False),
    "right against its letters": edited(correct="yes"),
    "the key is damaged": lambda journal: [journal[0][:-5], *journal[1:]],
    "the key is NUL": lambda journal: [bytes(len(journal[0])), *journal[1:]],
    "the key is binary": lambda journal: [b"\xff\xfe\n", *journal[1:]],
    "the key is nested": lambda journal: [BOMB, *journal[1:]],
    "another evaluation's": lambda journal: [json.dumps({"key": "0" * 64}).encode() + b"\n", *journal[1:]],
    "no journal": lambda journal: [b'{"question": "Why?"}\n'],
    "a list": lambda journal: [b"[]\n"],
    "NUL alone": lambda journal: [bytes(100_000)],
}
# The same answers without a word: nothing is missing, or a line is there twice.
HARMLESS: dict[str, Callable[[Lines], Lines]] = {
    "complete": lambda journal: journal,
    "nothing": lambda journal: [],
    "the key alone": lambda journal: journal[:1],
    "a batch twice": lambda journal: [*journal, journal[1]],
    "another order": lambda journal: [journal[0], *reversed(journal[1:])],
}


def kind(name: str) -> Callable[[Path], Sequence[str | Path]]:
    """Something else than a journal under its name, or in place of its folder."""

    def make(folder: Path) -> Sequence[str | Path]:
        path = folder / JOURNAL
        path.parent.mkdir()
        other = folder / "mine.txt"
        other.write_text("mine")
        if name == "folder":
            path.mkdir()
        elif name == "pipe":
            os.mkfifo(path)
        elif name == "no folder":
            path.parent.rmdir()
            path.parent.write_text("")
        else:
            path.symlink_to({"link": other, "loop": path.name, "dangling": "/nowhere/at/all", "device": "/dev/zero"}[name])
        return asked(folder)

    return make


INPUTS = [
    *(
        Hostile(name, kind(name), f"{JOURNAL} is a link, and the kit writes a file")
        for name in ("link", "loop", "dangling", "device")
    ),
    Hostile("pipe", kind("pipe"), f"{JOURNAL} is not a regular file"),
    Hostile("folder", kind("folder"), f"Is a directory ({JOURNAL})"),
    Hostile("no folder", kind("no folder"), "File exists (journals)"),
]
