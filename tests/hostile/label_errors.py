"""Folders of label checks: what is read in spite of damage, and what is refused."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.helpers import results
from tests.hostile.inputs import Hostile

HEADER = ("question", "choices", "answer", "error_type", "source", "correct_answer", "potential_reason")
SUBJECTS = ["anatomy", "virology"]
Make = Callable[[Path], Sequence[str | Path]]


def checks(*, encoding: str = "utf-8", delimiter: str = ",", **cells: str) -> bytes:
    """Return a file with a good check of anatomy's first question, and one that has other cells."""
    question = results.question("anatomy", 0)
    row = {"question": question.question, "choices": str(list(question.choices)), "answer": "0", "error_type": "ok"}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows([row, row | cells])
    return stream.getvalue().encode(encoding)


def analysed(**files: bytes) -> Make:
    """Return what writes a study and these files of checks, and analyses it."""

    def make(folder: Path) -> list[str | Path]:
        (folder / "labels").mkdir()
        for subject, data in files.items():
            (folder / f"labels/mmlu_{subject}.csv").write_bytes(data)
        return ["analyse.py", *study(folder), "--label-errors", "labels", "--output", "analysis.json"]

    return make


def study(folder: Path) -> list[str]:
    """Write the results of a study of two subjects, and return the options of analyse.py that name them."""
    evaluations = [results.evaluation("m", subject, "ABCD") for subject in SUBJECTS]
    return results.write(folder, results.study(["m"], SUBJECTS), evaluations)


DAMAGED = {
    "choices that are code": checks(choices="__import__('os').system('touch owned')"),
    **{
        f"{number} choices": checks(choices=str([f"choice {n}" for n in range(number)]))
        for number in (0, 1, 2, 3, 5, 10, 26, 27)
    },
    "choices with a number": checks(choices="['a', 2]"),
    "choices that are a tuple": checks(choices="('a', 'b')"),
    "choices that are a set": checks(choices="{'a', 'b'}"),
    "choices that are a text": checks(choices="'ab'"),
    "choices without end": checks(choices="[" * 15_000),
    "an unknown type": checks(error_type="<script>alert(1)</script>"),
    "no type": checks(error_type=""),
    "an escape sequence": checks(error_type="\x1b[2J"),
    "a field that is too long": checks(question="w" * 200_000),
    "a short row": checks() + b"Why?,[]\n",
    "a long row": checks() + b"Why?,[],0,ok,,,,more\n",
    "an open quote": checks() + b'"Why?\n',
    "a quote within a cell": checks() + b'"Why"?,[],0,ok,,,\n',
    "a null character": checks(question="Why\0?"),
    "bytes of Mac Roman": checks(question="the bully’s", encoding="mac_roman"),
    "bytes of Windows-1252": checks(question="the bully’s", encoding="cp1252"),
    "semicolons": checks(delimiter=";"),
    "a right answer that is code": checks(error_type="wrong groundtruth", correct_answer="__import__('os').system('x')"),
    "right answers without end": checks(error_type="wrong groundtruth", correct_answer="0," * 60_000),
    "a right answer with an escape sequence": checks(error_type="wrong groundtruth", correct_answer="\x1b[2J"),
}
UNREADABLE = {
    "no content": (b"", "mmlu_anatomy.csv: its header lacks choices, error_type, question"),
    "UTF-16": (checks(encoding="utf-16"), "mmlu_anatomy.csv: its header lacks"),
    "another table": (b"a,b\n1,2\n", "mmlu_anatomy.csv: its header lacks"),
    "a zip file": (b"PK\x03\x04" + bytes(range(256)), "mmlu_anatomy.csv:"),
    "no good row": (checks()[: checks().index(b"\n") + 1] + b"Why?\n", "line 2: its number of columns differs"),
}
INPUTS = [
    *(Hostile(f"{name} beside a good row", analysed(anatomy=data), None) for name, data in DAMAGED.items()),
    *(Hostile(name, analysed(anatomy=data), line) for name, (data, line) in UNREADABLE.items()),
    *(
        Hostile(f"{name}, beside a good file", analysed(anatomy=checks(), virology=data), None)
        for name, (data, _) in UNREADABLE.items()
    ),
    Hostile("only a header", analysed(anatomy=checks()[: checks().index(b"\n") + 1]), None),
    Hostile("no file of this study", analysed(astronomy=checks()), None),
    Hostile("no files", analysed(), "labels has no mmlu_<subject>.csv: it should be the folder of MMLU-Redux's CSV files"),
]
