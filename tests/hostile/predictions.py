"""Files of predictions: in every form that is read, and damaged or doubtful ones, which are refused."""

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from pathlib import Path

from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS

from tests.hostile.inputs import Hostile

HEADER = ("subject", "test_index", "model", "prediction", "gold")
GOLD = "ABCD" * 5
WORDS = ("left", "right", "up", "down")
TESTS = [
    Question("anatomy", "test", n, f"Question {n}?", tuple(f"{word} {n}" for word in WORDS), GOLD[n]) for n in range(len(GOLD))
]
Rows = list[list[str]]
Make = Callable[[Path], Sequence[str | Path]]


def questions_with(numbers: Iterable[int]) -> list[Question]:
    """Return as many test questions, whose numbers of choices are repeated from these; the gold letters vary."""
    tests = []
    for n, number in zip(range(len(GOLD)), cycle(numbers), strict=False):
        choices = tuple(f"choice {letter} of {n}" for letter in LETTERS[:number])
        tests.append(Question("anatomy", "test", n, f"Question {n}?", choices, LETTERS[n % number]))
    return tests


def rows(texts: Iterable[str] = GOLD, model: str = "m", gold: Iterable[str] = GOLD) -> Rows:
    """Return the rows of a model with these predictions."""
    return [["anatomy", str(n), model, text, right] for n, (text, right) in enumerate(zip(texts, gold, strict=False))]


def changed(place: int, column: int, text: str) -> Rows:
    """Return a model's rows with one cell changed."""
    lines = rows()
    lines[place][column] = text
    return lines


def table(lines: Iterable[Sequence[str]], header: Sequence[str] = HEADER, **form: str | int) -> bytes:
    """Return a CSV file."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", **form).writerows([header, *lines])
    return stream.getvalue().encode()


def imported(data: bytes, model: str | None = None, name: str = "p.csv", tests: Sequence[Question] = TESTS) -> Make:
    """Return what writes a file of predictions and the questions, and imports it."""

    def make(folder: Path) -> list[str | Path]:
        (folder / name).write_bytes(data)
        questions.write_jsonl(folder / "anatomy.jsonl", tests)
        chosen = [f"--predictions-model={model}"] if model is not None else []
        paths = ["--questions", "anatomy.jsonl", "--evaluations", "evaluations"]
        return ["import_predictions.py", "--predictions", name, *chosen, "--name", "theirs", *paths]

    return make


def replaced(folder: Path, make: Callable[[Path], object]) -> Sequence[str | Path]:
    """Put something else in the place of a file of predictions, and import it."""
    command = imported(b"")(folder)
    (folder / "p.csv").unlink()
    make(folder / "p.csv")
    return command


# A form writes the answer to question `n`, whose choice `k` it names.
FORMS: dict[str, Callable[[int, int], str]] = {
    "letters": lambda n, k: LETTERS[k],
    "small letters": lambda n, k: "abcd"[k],
    "letters in brackets": lambda n, k: f"({LETTERS[k]})",
    "letters with a dot": lambda n, k: f"{LETTERS[k]}.",
    "letters of full width": lambda n, k: "ＡＢＣＤ"[k],
    "bold letters": lambda n, k: f"**{LETTERS[k]}**",
    "boxed letters": lambda n, k: f"\\boxed{{{LETTERS[k]}}}",
    "letter and text": lambda n, k: f"{LETTERS[k]}. {WORDS[k]} {n}",
    "letter in a line": lambda n, k: f"Some thoughts.\nAnswer: {LETTERS[k]}",
    "texts of choices": lambda n, k: f"{WORDS[k]} {n}",
    "numbers from 0": lambda n, k: str(k),
    "numbers from 0 as pandas writes them": lambda n, k: f"{k}.0" if n % 7 else "",
}
# The same where the question has another number of choices.
FORMS_OF_ANY_NUMBER: dict[str, Callable[[int, int], str]] = {
    "letters": lambda n, k: LETTERS[k],
    "small letters": lambda n, k: LETTERS[k].lower(),
    "small letters in brackets": lambda n, k: f"({LETTERS[k].lower()})",
    "letters of full width": lambda n, k: chr(ord("Ａ") + k),
    "letter and text": lambda n, k: f"{LETTERS[k]}) choice {LETTERS[k]} of {n}",
    "sentences": lambda n, k: f"I think that the answer is {LETTERS[k]}, since I know it.",
    "JSON": lambda n, k: f'{{"answer": "{LETTERS[k]}"}}',
    "texts of choices": lambda n, k: f"choice {LETTERS[k]} of {n}",
    "numbers from 0": lambda n, k: str(k),
    "numbers from 0 as pandas writes them": lambda n, k: f"{k}.0" if n % 7 != 3 else "",
}
WIDTHS = {
    "two choices": [2],
    "three choices": [3],
    "five choices": [5],
    "ten choices": [10],
    "26 choices": [26],
    "3, 4 and 5 choices": [3, 4, 5],
    "2 to 26 choices": [2, 10, 26],
}
NUMBERS = "and nothing says which of them is A"
FEW = "predictions can be read; the one for anatomy 0,"
REFUSED: dict[str, tuple[bytes, str]] = {
    "numbers from 1": (table(rows(str(1 + n % 4) for n in range(20))), f"the numbers 1, 2, 3, 4, {NUMBERS}"),
    "numbers from 0 or 1": (table(rows(str(1 + n % 3) for n in range(20))), f"the numbers 1, 2, 3, {NUMBERS}"),
    "numbers from 0 to 4": (table(rows(str(n % 5) for n in range(20))), f"the numbers 0, 1, 2, 3, 4, {NUMBERS}"),
    "numbers with -1": (table(rows(["-1", *"0123" * 4])[:20] + rows("0" * 20)[17:]), f"none of 20 {FEW} '-1', cannot"),
    "numbers and one text": (table(rows(["[Invalid]", *("0123" * 5)[1:]])), f"none of 20 {FEW} '[Invalid]', cannot"),
    "numbers and one letter": (table(rows("0123" * 4 + "012A")), f"1 of 20 {FEW} '0', cannot"),
    "nothing that is a letter": (table(rows(["no idea\x1b[2J"] * 20)), f"none of 20 {FEW} 'no idea\\x1b[2J', cannot"),
    "long texts": (table(rows(["word " * 5000] * 20)), f"none of 20 {FEW} 'word word"),
    "empty cells": (table(rows([""] * 20)), f"none of 20 {FEW} '', cannot"),
    "words for a missing answer": (table(rows(["nan", "None", "NULL", "N/A"] * 5)), f"none of 20 {FEW} 'nan', cannot"),
    "a fifth letter": (table(rows("E" * 20)), f"none of 20 {FEW} 'E', cannot"),
    "another right letter": (table(changed(3, 4, "A")), "the gold letter for anatomy/test/3 is 'A', but 'D' in this study"),
    "right answers from 1": (table(rows(gold="1234" * 5)), "the gold letter for anatomy/test/0 is '1', but 'A'"),
    "a question twice": (table([*rows(), *rows()[:1]]), "line 22: a second prediction of m for anatomy 0"),
    "an answer to no question": (table(changed(19, 1, "20")), "anatomy has no question 20"),
    "a surplus answer": (table([*rows(), ["anatomy", "20", "m", "A", "A"]]), "anatomy has no question 20"),
    "another subject": (table([["virology", *row[1:]] for row in rows()]), "no prediction for anatomy: leave out the subject"),
    "several models": (table([*rows(), *rows(model="n")]), "has several models, m, n: name one"),
    "no rows": (table([]), "it has no row"),
    "no header": (table(rows()[1:], rows()[0]), "its header lacks subject, test_index, model, prediction"),
    "a column twice": (table([[*row, "D"] for row in rows()], [*HEADER, "prediction"]), "its header has prediction twice"),
    "a semicolon": (table(rows(), delimiter=";"), "its header lacks"),
    "a short row": (table([*rows(), ["anatomy"]]), "line 22: its number of columns differs from the header's"),
    "a long row": (table([*rows(), [*rows()[0], "x"]]), "line 22: its number of columns differs from the header's"),
    "an open quote": (table(rows()) + b'anatomy,20,m,"A', "is not a CSV file"),
    "UTF-16": (table(rows()).decode().encode("utf-16"), "is not UTF-8 text"),
    "Latin-1": (table(rows(["é"] * 20)).decode().encode("latin-1"), "is not UTF-8 text"),
    "nothing": (b"", "its header lacks"),
    **{
        f"index {text!r}": (table(changed(0, 1, text)), "line 2: test_index is")
        for text in ("", "-1", "0.0", "first", "1e1", "٣", "9" * 30)
    },
}


def of_width(texts: Callable[[Question], str], numbers: Iterable[int], gold: Callable[[Question], str] | None = None) -> Make:
    """Return what imports predictions to questions with these numbers of choices; `texts` gives each question's answer."""
    tests = questions_with(numbers)
    golds = [(gold(question) if gold else question.answer) for question in tests]
    return imported(table(rows(map(texts, tests), gold=golds)), tests=tests)


def right(question: Question) -> int:
    """Return the number of the right choice, from 0."""
    return LETTERS.index(question.answer)


INPUTS = [
    *(Hostile(name, imported(table(rows(form(n, n % 4) for n in range(20)))), None) for name, form in FORMS.items()),
    *(Hostile(name, imported(data), line) for name, (data, line) in REFUSED.items()),
    *(
        Hostile(f"{name} of {width}", of_width(lambda one, form=form: form(one.index, right(one)), numbers), None)
        for width, numbers in WIDTHS.items()
        for name, form in FORMS_OF_ANY_NUMBER.items()
    ),
    *(
        Hostile(f"{name}, {width}", of_width(text, numbers, gold), line)
        for width, numbers in WIDTHS.items()
        for last in [LETTERS[max(numbers) - 1]]
        for name, text, gold, line in (
            ("numbers from 1", lambda one: str(right(one) + 1), None, f"{NUMBERS}: write the letters A to {last} (numbers are"),
            (
                "numbers that are too high",
                lambda one: str(len(one.choices) * (one.index % 2)),
                None,
                f"0 for A to {max(numbers) - 1}",
            ),
            ("nothing that is a letter", lambda one: "no idea", None, f"or a number from 0 to {max(numbers) - 1} in every row"),
            ("right answers from 0", lambda one: one.answer, lambda one: str(right(one)), None),
            (
                "right answers from 1",
                lambda one: one.answer,
                lambda one: str(right(one) + 1),
                "the gold letter for anatomy/test/0 is",
            ),
            (
                "right answers that no question has",
                lambda one: one.answer,
                lambda one: "[",
                "the gold letter for anatomy/test/0 is '['",
            ),
        )
    ),
    *(
        Hostile(
            f"a letter beyond the last of {width}", of_width(lambda one: LETTERS[len(one.choices)], numbers), "cannot: write A"
        )
        for width, numbers in WIDTHS.items()
        if max(numbers) < len(LETTERS)
    ),
    Hostile("numbers beyond a question's choices, but not others'", of_width(lambda one: str(one.index % 5), [3, 5]), None),
    Hostile("right answers from 0", imported(table(rows(gold="0123" * 5))), None),
    Hostile("right answers from 0 as pandas writes them", imported(table(rows(gold=["0.0", "1.0", "nan", "3.0"] * 5))), None),
    Hostile("a long chain of thought", imported(table(rows(["word " * 50_000 + "The answer is A."] * 20))), None),
    Hostile("Windows line ends", imported(table(rows()).replace(b"\n", b"\r\n")), None),
    Hostile("a column of row numbers", imported(table([["0", *row] for row in rows()], ["", *HEADER])), None),
    Hostile("a named pipe", lambda folder: replaced(folder, os.mkfifo), "file: correct the path"),
    Hostile("a folder", lambda folder: replaced(folder, os.mkdir), "file: correct the path"),
    Hostile("a device", lambda folder: replaced(folder, lambda path: path.symlink_to("/dev/zero")), "file: correct the path"),
    Hostile("no file", lambda folder: replaced(folder, lambda path: None), "p.csv does not exist: "),
    Hostile("with a byte order mark", imported(b"\xef\xbb\xbf" + table(rows())), None),
    Hostile("some unreadable", imported(table(rows(["?"] * 17 + ["D", "C", "D"]))), None),
    Hostile("no such model", imported(table(rows()), model="2"), "has no model '2'; it has m"),
    *(
        Hostile(f"a model called {model}", imported(table([*rows(model=model), *rows(model="x")]), model=model), None)
        for model in ("0.5", "1e5", "007", "nan", "None", "true", "inf", "1_000", "2026-01-01", "null", "-1", "--name", "", " ")
    ),
    Hostile("gzip", imported(gzip.compress(table(rows())), name="p.csv.gz"), None),
    Hostile("half of a gzip file", imported(gzip.compress(table(rows()))[:60], name="p.csv.gz"), "is not a complete gzip file"),
    Hostile("no gzip file", imported(table(rows()), name="p.csv.gz"), "is not a complete gzip file"),
]
