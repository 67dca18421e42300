"""Hostile and damaged question sets: folders of CSV files, and the .jsonl files that later stages read."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.inputs import Hostile

ROW = "What is 1 + 1?,1,2,3,4,B\n"
TO_FILE = ["--subject", "astronomy", "--output", "astronomy.jsonl"]
FETCH = ["fetch_questions.py", "--source", '{"path": "set"}', *TO_FILE]
LINE = {
    "subject": "astronomy",
    "split": "test",
    "index": 0,
    "question": "What is 1 + 1?",
    "choices": ["1", "2", "3", "4"],
    "answer": "B",
}


def folder_of(test: str | bytes, dev: str | bytes | None = None, encoding: str = "utf-8") -> Callable[[Path], list[str]]:
    """Fetch from a folder with this test file and, if it is given, this dev file."""

    def make(folder: Path) -> list[str]:
        for split, content in (("test", test), ("dev", dev)):
            (folder / "set" / split).mkdir(parents=True)
            if content is not None:
                data = content if isinstance(content, bytes) else content.encode(encoding)
                (folder / f"set/{split}/astronomy_{split}.csv").write_bytes(data)
        return FETCH

    return make


def with_file(create: Callable[[Path], object], split: str = "test") -> Callable[[Path], list[str]]:
    """Fetch from a folder in which `create` makes the file of a split."""

    def make(folder: Path) -> list[str]:
        folder_of(ROW)(folder)
        path = folder / f"set/{split}/astronomy_{split}.csv"
        path.unlink(missing_ok=True)
        create(path)
        return FETCH

    return make


def written(rows: list[list[str]], **form: Any) -> str:
    """Return rows as a CSV text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, **form).writerows(rows)
    return stream.getvalue()


def lines_of(*lines: str | bytes | dict[str, object], name: str = "astronomy", count: int = 1) -> Callable[[Path], list[str]]:
    """Import answers to `count` questions of a .jsonl file with these lines."""

    def make(folder: Path) -> list[str]:
        texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
        data = [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in texts]
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(data) + b"\n")
        answers = "".join(f"astronomy,{index},m,A\n" for index in range(count))
        (folder / "p.csv").write_text(f"subject,test_index,model,prediction\n{answers}")
        return [
            "import_predictions.py",
            "--predictions",
            "p.csv",
            "--name",
            "m",
            "--evaluations",
            "e",
            "--questions",
            f"{name}.jsonl",
        ]

    return make


FOLDERS = [
    Hostile("a byte order mark", folder_of(ROW, encoding="utf-8-sig"), None),
    Hostile("line ends of Windows", folder_of(ROW.replace("\n", "\r\n") * 2, ROW), None),
    Hostile("line ends of old Macs", folder_of(ROW.replace("\n", "\r") * 2), None),
    Hostile("blank lines between rows", folder_of(f"\n{ROW}\n\r\n{ROW}\n"), None),
    Hostile("no line end at the end", folder_of(ROW.strip()), None),
    Hostile("a passage of 100,000 characters", folder_of(ROW.replace("What", "What " * 20_000)), None),
    Hostile("line separators of Unicode in a cell", folder_of("a\u2028b\u2029c\x85d\x1ce,1,2,3,4,B\n"), None),
    Hostile("all choices empty", folder_of("q,,,,,A\n"), None),
    Hostile("all choices equal", folder_of("q,x,x,x,x,A\n"), None),
    Hostile("ten thousand rows", folder_of(ROW * 10_000), None),
    Hostile(
        "a cell of more than 131,072 characters", folder_of(ROW.replace("What", "What " * 40_000)), "not a CSV file (field"
    ),
    Hostile("Latin-1", folder_of("café,1,2,3,4,B\n", encoding="latin-1"), "is not UTF-8 text (byte 3): convert it to UTF-8"),
    Hostile("Latin-1 in dev", folder_of(ROW, "café,1,2,3,4,B\n".encode("latin-1")), "dev/astronomy_dev.csv is not UTF-8 text"),
    Hostile("UTF-16", folder_of(ROW, encoding="utf-16"), "is not UTF-8 text (byte 0): convert it to UTF-8"),
    Hostile("UTF-16 without a mark", folder_of(ROW, encoding="utf-16-le"), "row 1: it has NUL characters: save it as UTF-8"),
    Hostile("UTF-32", folder_of(ROW, encoding="utf-32"), "is not UTF-8 text (byte 0): convert it to UTF-8"),
    Hostile("a NUL in a choice", folder_of(f"{ROW}q,1,2\0,3,4,B\n"), "row 2: it has NUL characters"),
    Hostile(
        "semicolons",
        folder_of(ROW.replace(",", ";")),
        "row 1: 1 column instead of 6 (question, A, B, C, D, the answer's letter)",
    ),
    Hostile("semicolons: the advice", folder_of(ROW.replace(",", ";")), "separate them by commas, not by semicolons"),
    Hostile("tabs", folder_of(ROW.replace(",", "\t")), "separate them by commas, not by tabs"),
    Hostile(
        "a quotation mark without its pair",
        folder_of(f'{ROW}"never closed,1,2,3,4,A\n{ROW}'),
        "is not a CSV file (unexpected end",
    ),
    Hostile("text after a quoted cell", folder_of('"q" x,1,2,3,4,A\n'), "in line 1): correct its quotation marks"),
    Hostile("five columns", folder_of(f"{ROW}q,1,2,3,A\n"), "row 2: 5 columns instead of 6"),
    Hostile("six columns after five", folder_of(f"q,1,2,3,A\n{ROW}"), "row 2: 6 columns instead of 5 (question, A, B, C, the"),
    Hostile("ten choices", folder_of("q,1,2,3,4,5,6,7,8,9,10,J\n"), None),
    Hostile("two choices", folder_of("q,1,2,B\n"), None),
    Hostile("one choice", folder_of("q,1,A\n"), "row 1: 3 columns instead of 6"),
    Hostile("27 choices", folder_of(f"q{',x' * 27},A\n"), "row 1: 29 columns instead of 6"),
    Hostile("the letter of no choice", folder_of("q,1,2,3,D\n"), "row 1: the answer is 'D', not one of A, B, C (MMLU's"),
    Hostile(
        "a header",
        folder_of(f"question,A,B,C,D,answer\n{ROW}"),
        "'answer', not one of A, B, C, D (MMLU's files have no header row)",
    ),
    Hostile("an answer in lower case", folder_of("q,1,2,3,4,b\n"), "row 1: the answer is 'b', not one of A, B, C, D"),
    Hostile("an answer that is a number", folder_of("q,1,2,3,4,1\n"), "row 1: the answer is '1'"),
    Hostile("an answer with control characters", folder_of("q,1,2,3,4,\x1b[31m\n"), "row 1: the answer is '"),
    Hostile("a question of white space", folder_of(" \t\u00a0,1,2,3,4,A\n"), "row 1: the question is empty"),
    Hostile("an empty file", folder_of(""), "is empty: it needs at least one row"),
    Hostile("an empty dev file", folder_of(ROW, ""), "dev/astronomy_dev.csv is empty"),
    Hostile("only blank lines", folder_of("\n\r\n\n"), "is empty: it needs at least one row"),
    Hostile("no test file", with_file(lambda path: None), "subject 'astronomy' needs its test questions there"),
    Hostile("a folder in a file's place", with_file(Path.mkdir), "is a folder, not a file"),
    Hostile("a named pipe", with_file(os.mkfifo), "is a named pipe, not a file"),
    Hostile("a device", with_file(lambda path: path.symlink_to("/dev/zero")), "is a device, not a file"),
    Hostile("a broken link", with_file(lambda path: path.symlink_to("none")), "is a link to a file that does not exist"),
    Hostile(
        "a broken link in dev", with_file(lambda path: path.symlink_to("none"), "dev"), "is a link to a file that does not"
    ),
    Hostile(
        "a pointer of Git LFS",
        folder_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "is only a pointer of Git LFS",
    ),
    Hostile("too large a file", with_file(lambda path: path.touch() or os.truncate(path, 10**9)), "more than any such file"),
    Hostile("a picture", folder_of(b"\x89PNG\r\n\x1a\n\0\0\0"), "is not UTF-8 text (byte 0)"),
    Hostile("an HTML page", folder_of("<!DOCTYPE html>\n<title>404, not found</title>\n"), "row 1: 1 column instead of 6"),
    Hostile("JSON", folder_of(json.dumps([LINE], indent=1)), "row 1: 1 column instead of 6"),
    Hostile(
        "quotation marks of another sort",
        folder_of(ROW + written([["a, b", "1", "2", "3", "4", "A"]], quotechar="'")),
        "row 2: 7 columns",
    ),
]


def changed(**values: object) -> str:
    """Return a line with other values; `...` removes a key."""
    return json.dumps({key: value for key, value in {**LINE, **values}.items() if value is not ...})


UNICODE_LINES = json.dumps({**LINE, "question": "a\u2028b\x85c"}, ensure_ascii=False)
DEV = {**LINE, "split": "dev"}
SECOND = {**LINE, "index": 1}
LINES = [
    Hostile("a question", lines_of(LINE), None),
    Hostile("examples, before and after", lines_of(DEV, LINE, {**DEV, "index": 1}), None),
    Hostile("line separators of Unicode in a line", lines_of(UNICODE_LINES, SECOND, count=2), None),
    Hostile("line ends of Windows in lines", lines_of(f"{json.dumps(LINE)}\r", f"{json.dumps(SECOND)}\r", count=2), None),
    *(
        Hostile(f"a wrong {key}: {value!r}", lines_of(changed(**{key: value})), f"astronomy.jsonl:1: not a question: {key}")
        for key, value in [
            ("subject", 1), ("subject", None), ("subject", ["astronomy"]), ("subject", ...),
            ("split", "train"), ("split", "Test"), ("split", None), ("split", ["test"]), ("split", {}), ("split", ...),
            ("index", True), ("index", -1), ("index", 0.0), ("index", 0.5), ("index", "0"), ("index", None), ("index", ...),
            ("question", 1), ("question", None), ("question", ["q"]), ("question", ...),
            ("choices", "abcd"), ("choices", None), ("choices", {"A": 1}), ("choices", ...),
            ("answer", 1), ("answer", None), ("answer", ["A"]), ("answer", ...),
            ("title", 1), ("title", None), ("title", ["a"]), ("id", 1), ("id", ["a"]), ("id", {}),
        ]
    ),
    *(
        Hostile(f"a wrong content: {values!r}", lines_of(changed(**values)), f"astronomy.jsonl:1: {line}")
        for values, line in [
            ({"subject": "virology"}, "a question of 'virology' in the file of astronomy"),
            ({"subject": "astronomy "}, "a question of 'astronomy ' in the file of astronomy"),
            ({"index": 1}, "index 1, but the next of its test split would be 0"),
            ({"index": 10**18}, f"index {10**18}, but the next of its test split would be 0"),
            ({"question": " \n"}, "the question is empty"),
            ({"question": "a\0"}, "it has NUL characters"),
            ({"choices": []}, "0 choices, and a question needs 2 to 26"),
            ({"choices": ["1"]}, "1 choice, and a question needs 2 to 26"),
            ({"choices": ["1"] * 27}, "27 choices, and a question needs 2 to 26"),
            ({"choices": ["1", "2"], "answer": "C"}, "the answer is 'C', not one of A, B"),
            ({"choices": ["1", "2\0", "3"]}, "it has NUL characters"),
            ({"answer": "E"}, "the answer is 'E'"),
            ({"answer": ""}, "the answer is ''"),
            ({"answer": "AB"}, "the answer is 'AB'"),
        ]
    ),
    *(Hostile(f"{number} choices", lines_of(changed(choices=["x"] * number, answer="B")), None) for number in (2, 3, 5, 26)),
    Hostile("a title and an id", lines_of(changed(title="Astronomy & Space", id="q-1")), None),
    Hostile("a number among the choices", lines_of(changed(choices=["1", 2, "3", "4"])), "not a question: choices.1"),
    Hostile("a key of another program", lines_of(changed(difficulty="hard")), "difficulty: 'difficulty' is not a key here"),
    Hostile("a question twice", lines_of(LINE, LINE), "astronomy.jsonl:2: index 0, but the next of its test split would be 1"),
    Hostile("a question missing", lines_of(LINE, {**LINE, "index": 2}), "index 2, but the next of its test split would be 1"),
    Hostile("another order", lines_of(SECOND, LINE), "astronomy.jsonl:1: index 1, but the next of its test split would be 0"),
    Hostile("an example missing", lines_of({**DEV, "index": 1}, LINE), "index 1, but the next of its dev split would be 0"),
    Hostile("two subjects", lines_of(LINE, {**SECOND, "subject": "virology"}), "astronomy.jsonl:2: a question of 'virology'"),
    Hostile("another subject's file", lines_of(LINE, name="virology"), "virology.jsonl:1: a question of 'astronomy'"),
    Hostile("only examples", lines_of(DEV), "astronomy.jsonl has no test question"),
    Hostile("no line", lines_of(""), "astronomy.jsonl has no test question"),
    Hostile("Latin-1 in a line", lines_of(b'{"subject": "caf\xe9"}'), "is not UTF-8 text (byte 16)"),
    Hostile("a byte order mark before a line", lines_of(b"\xef\xbb\xbf" + json.dumps(LINE).encode()), None),
    Hostile("half a pair of surrogates", lines_of(changed(question="\ud800?")), "astronomy.jsonl:1: not a question"),
    Hostile("half a pair of surrogates as bytes", lines_of(b'{"question": "\xed\xa0\x80"}'), "is not UTF-8 text"),
    Hostile("half a line", lines_of(json.dumps(LINE)[:40]), "astronomy.jsonl:1: not a question"),
    Hostile("two questions in a line", lines_of(json.dumps(LINE) * 2), "astronomy.jsonl:1: not a question"),
    Hostile("a list", lines_of(json.dumps([LINE])), "astronomy.jsonl:1: not a question"),
    Hostile("a text", lines_of("hello \x1b[31m"), "astronomy.jsonl:1: not a question"),
    Hostile("nothing but null", lines_of("null"), "astronomy.jsonl:1: not a question"),
    Hostile("a thousand brackets", lines_of("[" * 1000), "astronomy.jsonl:1: not a question"),
    Hostile("NaN", lines_of(json.dumps(LINE).replace("0", "NaN")), "astronomy.jsonl:1: not a question"),
    Hostile("a number of a thousand digits", lines_of(json.dumps(LINE).replace("0", "9" * 1000)), "astronomy.jsonl:1: "),
    Hostile("a number of five thousand digits", lines_of(json.dumps(LINE).replace("0", "9" * 5000)), "astronomy.jsonl:1: "),
]  # fmt: skip


def evaluated(*paths: str, subjects: tuple[str, ...] = ()) -> Callable[[Path], list[str]]:
    """Evaluate on these files of a question each."""

    def make(folder: Path) -> list[str]:
        for path in paths:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(json.dumps({**LINE, "subject": Path(path).stem}))
        chosen = ["--subjects", *subjects] if subjects else []
        return ["mmlu-kit", "evaluate", "--model", "none", "--questions", *paths, *chosen]

    return make


FILES = [
    Hostile("a subject in two files", evaluated("a/astronomy.jsonl", "b/astronomy.jsonl"), "the questions of astronomy twice"),
    Hostile(
        "a subject that no file has",
        evaluated("a/astronomy.jsonl", subjects=("astronomy", "virology")),
        "--questions has no virology.jsonl",
    ),
]  # fmt: skip

INPUTS = [*FOLDERS, *LINES, *FILES]
