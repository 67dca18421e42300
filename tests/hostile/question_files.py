"""Hostile and damaged questions of people's own: CSV files with a header, JSON lines, folders of them, and their entries."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import mmlu_kit.cli.status  # noqa: F401  imported here once, and not in the process of each row

from tests.hostile.inputs import Hostile
from tests.hostile.questions import TO_FILE

HEADER = "question,A,B,C,answer"
ROW = "Which?,x,y,z,B"
GOOD = f"{HEADER}\n{ROW}\n"
LINE = {"question": "Which?", "choices": ["x", "y", "z"], "answer": 1}


def fetched(name: str, content: str | bytes, examples: str | None = None) -> Callable[[Path], list[str]]:
    """Fetch from a file with this content, and from examples beside it."""

    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        source = {"path": name}
        if examples is not None:
            (folder / "shots.csv").write_text(examples)
            source |= {"examples": "shots.csv"}
        return ["fetch_questions.py", "--source", json.dumps(source), *TO_FILE]

    return make


def csv(*lines: str, header: str = HEADER, examples: str | None = None) -> Callable[[Path], list[str]]:
    """Fetch from a CSV file of these lines."""
    return fetched("astronomy.csv", "\n".join([header, *lines]) + "\n", examples)


def line(**values: object) -> Callable[[Path], list[str]]:
    """Fetch a line with other values; `...` removes a key."""
    return fetched("astronomy.jsonl", json.dumps({key: value for key, value in {**LINE, **values}.items() if value is not ...}))


HEADERS = {
    "no header": (ROW, "the first row is 'Which?', 'x', 'y', 'z', 'B', and should be a header: question, A, B, … and answer"),
    "nothing": ("", "the first row is empty, and should be a header"),
    "semicolons": (HEADER.replace(",", ";"), "should be a header…separate them by commas, not by semicolons"),
    "tabs": (HEADER.replace(",", "\t"), "separate them by commas, not by tabs"),
    "a misspelt question": ("qestion,A,B,C,answer", "and should be a header"),
    "no answer": ("question,A,B,C", "has no column answer: add it, with each question's right letter"),
    "a misspelt answer": ("question,A,B,C,anwser", "has a column 'anwser': did you mean 'answer'?"),
    "another column": ("question,A,B,C,answer,points", "has a column 'points': remove it; known are question, A, B"),
    "a column without a name": (f"{HEADER},", "has a column without a name: remove it"),
    "a column twice": ("question,A,B,B,answer", "has the column 'B' twice"),
    "a column twice in another case": ("question,A,a,B,answer", "has the column 'A' twice"),
    "the answer twice": ("question,A,B,Answer,answer", "has the column 'answer' twice"),
    "a long column twice": (f"question,A,B,{'z' * 5000},{'z' * 5000},answer", f"has the column '{'z' * 40}' twice"),
    "one choice": ("question,A,answer", "has no column B: name the columns of choices A, B, … without a gap"),
    "no choice": ("question,answer", "has no column A"),
    "a gap": ("question,A,B,D,answer", "has no column C: name the columns"),
    "choices that are numbers": ("question,1,2,3,answer", "has a column '1': remove it"),
    "27 choices": (f"question,{','.join('ABCDEFGHIJKLMNOPQRSTUVWXYZ')},AA,answer", "has a column 'aa': "),
    "control characters": ("question,A,B,\x1b[31m,answer", "has a column '"),
}
ROWS = {
    "a cell too few": ("Which?,x,y,B", "row 2 has 4 cells, and the header 5: quote texts that have commas"),
    "a cell too many": ("Which, one?,x,y,z,B", "row 2 has 6 cells, and the header 5"),
    "an answer in lower case": ("Which?,x,y,z,b", "row 2: the answer is 'b', not one of A, B, C or the text of a choice"),
    "the letter of an empty choice": ("Which?,x,y,,C", "row 2: the answer is 'C', not one of A, B or the text of a choice"),
    "the letter of no choice": ("Which?,x,y,z,D", "row 2: the answer is 'D', not one of A, B, C or"),
    "a number": ("Which?,x,y,z,1", "row 2: the answer is '1', a number: write the right choice's letter, A, B, C"),
    "a number that is a choice": ("Which?,1,2,3,2", "row 2: the answer is '2', a number: write the right choice's letter"),
    "a negative number": ("Which?,x,y,z,-1", "row 2: the answer is '-1', a number"),
    "no answer": ("Which?,x,y,z,", "row 2: the answer is missing: write a choice's letter"),
    "an answer of white space": ("Which?,x,y,z, \t", "row 2: the answer is missing"),
    "a letter that is another choice": ("Which?,B,A,z,A", "row 2: the answer 'A' could be A or B: name the right"),
    "the text of two choices": ("Which?,x,x,z,x", "row 2: the answer 'x' could be A or B"),
    "one choice": ("Which?,x,,,A", "row 2: 1 choice, and a question needs 2 to 26"),
    "no choice": ("Which?,,,,A", "row 2: 0 choices, and a question needs 2 to 26"),
    "no question": (" ,x,y,z,A", "row 2: the question is empty"),
    "a NUL": ("Wh\0ich?,x,y,z,A", "row 2: it has NUL characters"),
    "a NUL in a choice": ("Which?,x,y,z\0,A", "row 2: it has NUL characters"),
    "an open quotation mark": ('"Which?,x,y,z,A', "is not a CSV file (unexpected end of data in line 3)"),
}
ACCEPTED = {
    "line breaks in quotation marks": '"Which\n""one""?","x\ny",y,z,B',
    "an empty choice between others": "Which?,x,,z,C",
    "equal choices": "Which?,x,x,x,B",
    "all but two choices empty": "Which?,x,y, ,B",
    "an answer among white space": "Which?,x,y,z, B ",
    "a choice's text among white space": "Which?,x,y , z,y",
    "a decimal number that is a choice": "Which?,1.5,2.5,3.5,2.5",
}
SUBJECTS = {
    "": "row 1: the subject is missing: write it in each row",
    " ": "row 1: the subject is missing",
    "../../etc/passwd": "has no question of 'astronomy'; known: etc_passwd",
    "!?": "row 1: the subject '!?' makes no name: write it in letters a-z and digits",
    "天文": "makes no name",
    "x" * 101: "makes no name",
    "astronmy": "has no question of 'astronomy'; did you mean 'astronmy'?",
    "Astronomy": None,
}
WITH_SUBJECT, WITH_SPLIT = f"subject,{HEADER}", f"split,{HEADER}"
LATIN = f"{HEADER}\ncafé,x,y,z,A".encode("latin-1")
CSV = [
    *(Hostile(f"a header with {name}", csv(header=header), text) for name, (header, text) in HEADERS.items()),
    *(Hostile(f"a header, and {name}", csv(ROW, row), text) for name, (row, text) in ROWS.items()),
    *(Hostile(f"a header, and {name}", csv(ROW, row), None) for name, row in ACCEPTED.items()),
    *(Hostile(f"the subject {name!r}", csv(f"{name},{ROW}", header=WITH_SUBJECT), text) for name, text in SUBJECTS.items()),
    Hostile("a header alone", csv(), "astronomy.csv has no question: add one"),
    Hostile("UTF-16 with a header", fetched("a.csv", GOOD.encode("utf-16")), "is not UTF-8 text (byte 0)"),
    Hostile("Latin-1 with a header", fetched("a.csv", LATIN), "is not UTF-8 text (byte 25)"),
    Hostile("a split of no kind", csv(f"train,{ROW}", header=WITH_SPLIT), "the split is 'train', not dev or test"),
    Hostile("only examples in a file", csv(f"dev,{ROW}", header=WITH_SPLIT), "only few-shot examples of 'astronomy'"),
    Hostile(
        "a subject spelt in two ways",
        csv(f"Astronomy,{ROW}", f"astronomy,{ROW}", header=WITH_SUBJECT),
        "row 2: the subjects 'Astronomy' and 'astronomy' have one name, astronomy: write both in one way",
    ),
    Hostile(
        "examples of another subject", csv(ROW, examples=f"{WITH_SUBJECT}\nlaw,{ROW}"), "no question is of the subject 'law'"
    ),
    Hostile("examples without a header", csv(ROW, examples=ROW), "shots.csv: the first row is 'Which?'"),
    Hostile("no example", csv(ROW, examples=HEADER), "shots.csv has no question"),
]

FORMS = [
    ("question", 1), ("question", None), ("question", ["q"]), ("question", ...),
    ("choices", "xyz"), ("choices", {"A": "x"}), ("choices", [1, 2]), ("choices", [None, "x"]), ("choices", ...),
    ("answer", None), ("answer", True), ("answer", 1.0), ("answer", [1]), ("answer", ...),
    ("subject", 1), ("subject", ["a"]), ("id", 1.5), ("id", []), ("split", "train"), ("split", 1),
]  # fmt: skip
CONTENTS = [
    ({"answer": 3}, "the answer is 3, not a number from 0 to 2"),
    ({"answer": -1}, "the answer is -1, not a number from 0 to 2"),
    ({"answer": 10**30}, "the answer is 1000"),
    ({"answer": "D"}, "the answer is 'D', not one of A, B, C or the text of a choice"),
    ({"answer": "1"}, "the answer is '1', not one of A, B, C or the text of a choice"),
    ({"answer": ""}, "the answer is missing"),
    ({"answer": "A", "choices": ["B", "A"]}, "the answer 'A' could be A or B"),
    ({"answer": "x", "choices": ["x", "x"]}, "the answer 'x' could be A or B"),
    ({"choices": ["x"]}, "1 choice, and a question needs 2 to 26"),
    ({"choices": []}, "0 choices, and a question needs 2 to 26"),
    ({"choices": ["x"] * 27}, "27 choices, and a question needs 2 to 26"),
    ({"question": ""}, "the question is empty"),
    ({"question": "a\0"}, "it has NUL characters"),
    ({"options": ["x"]}, "not a question: 'options' is not a key here"),
    ({"subject": ""}, "the subject is missing: write its name"),
]
FINE = [
    {"answer": "A", "choices": ["A", "B"]},
    {"answer": 1, "choices": ["1", "2"]},
    {"answer": "2", "choices": ["1", "2"]},
    {"answer": 0, "choices": ["x", "x"]},
    {"answer": 0, "choices": ["", ""]},
    {"choices": ["x"] * 26},
    {"id": 7, "split": "test", "subject": "Astronomy"},
]
TEXTS = [
    ("nothing", "", "astronomy.jsonl has no question"),
    ("blank lines", "\n \n\r\n", "astronomy.jsonl has no question"),
    ("null", "null", "astronomy.jsonl:1: not a question"),
    ("a list of questions", json.dumps([LINE]), "astronomy.jsonl:1: not a question"),
    ("half a line", json.dumps(LINE)[:20], "astronomy.jsonl:1: not a question"),
    ("two questions in a line", json.dumps(LINE) * 2, "astronomy.jsonl:1: not a question"),
    ("a thousand brackets", "[" * 1000, "astronomy.jsonl:1: not a question"),
    ("NaN", json.dumps(LINE).replace("1", "NaN"), "astronomy.jsonl:1: not a question"),
    ("half a pair of surrogates", json.dumps({**LINE, "question": "\ud800"}), "astronomy.jsonl:1: not a question"),
    ("bytes of no text", b"\xff\xfe", "is not UTF-8 text (byte 0)"),
    ("a NUL", b'{"question": "\0"}', "astronomy.jsonl:1: not a question"),
    ("line ends of Windows", f"{json.dumps(LINE)}\r\n" * 2, None),
    ("line separators of Unicode", json.dumps({**LINE, "question": "a\u2028b"}, ensure_ascii=False), None),
]
JSONL = [
    *(Hostile(f"a line's {key} {value!r}", line(**{key: value}), f"jsonl:1: not a question: {key}") for key, value in FORMS),
    *(Hostile(f"a line with {values!r}"[:99], line(**values), f"astronomy.jsonl:1: {text}") for values, text in CONTENTS),
    *(Hostile(f"a line with {values!r}"[:99], line(**values), None) for values in FINE),
    *(Hostile(f"JSON lines of {name}", fetched("astronomy.jsonl", content), text) for name, content, text in TEXTS),
]


def at(path: str, create: Callable[[Path], object], source: str | None = None) -> Callable[[Path], list[str]]:
    """Fetch from a path at which `create` makes something, or from `source`."""

    def make(folder: Path) -> list[str]:
        (folder / path).parent.mkdir(exist_ok=True)
        create(folder / path)
        return ["fetch_questions.py", "--source", json.dumps({"path": source or path}), *TO_FILE]

    return make


def with_text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def linked(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def large(path: Path) -> None:
    path.touch()
    os.truncate(path, 10**9)


def twice(path: Path) -> None:
    for ending in (".csv", ".jsonl"):
        path.with_suffix(ending).write_text(GOOD)


PLACES = [
    Hostile("a named pipe of questions", at("astronomy.csv", os.mkfifo), "is a named pipe, not a file"),
    Hostile("a named pipe of lines", at("astronomy.jsonl", os.mkfifo), "is a named pipe, not a file"),
    Hostile("a device of questions", at("a.csv", linked("/dev/zero")), "is a device, not a file"),
    Hostile("a link to nothing", at("a.csv", linked("none")), "is a link to a file that does not exist"),
    Hostile("too large a file of questions", at("a.csv", large), "more than any such file"),
    Hostile(
        "a file of another sort", at("quiz.xlsx", with_text(GOOD)), "quiz.xlsx is neither a folder nor a .csv or .jsonl file"
    ),
    Hostile("a file that is not there", at("a", with_text(""), "none.csv"), "none.csv does not exist"),
    Hostile("an empty folder", at("set", Path.mkdir), "subject 'astronomy' needs its test questions there"),
    Hostile("a folder with the subject's file", at("set/astronomy.csv", with_text(GOOD), "set"), None),
    Hostile("a folder without it", at("set/law.csv", with_text(GOOD), "set"), "set has no file of 'astronomy'; known: law"),
    Hostile("a folder with a named pipe", at("set/astronomy.csv", os.mkfifo, "set"), "is a named pipe, not a file"),
    Hostile("a folder of damaged files", at("set/astronomy.csv", with_text(ROW), "set"), "should be a header"),
    Hostile(
        "another subject in a folder's file",
        at("set/astronomy.csv", with_text(f"{WITH_SUBJECT}\nLaw,{ROW}\n"), "set"),
        "a question of 'Law' in the file of astronomy: name the file itself as `path`",
    ),
    Hostile("two files of a subject", at("set/astronomy.csv", twice, "set"), "are both of the subject astronomy: rename or"),
]


def entry(study: dict[str, object] | None = None, content: str = GOOD, **keys: object) -> Callable[[Path], list[str]]:
    """Ask for the status of a study with a question set of these keys, by default a quiz of one question."""

    def make(folder: Path) -> list[str]:
        (folder / "quiz.csv").write_text(content)
        groups = {"small": {"title": "Small", "models": ["demo-small"]}}
        mine = {"title": "Mine", "questions": "own", "subjects": ["quiz"], "groups": groups, **(study or {})}
        config = {"questions": {"own": keys or {"path": "quiz.csv"}}, "studies": {"mine": mine}}
        (folder / "mine.yaml").write_text(json.dumps(config))
        return ["mmlu-kit", "status", "--study", "mine", "--configfile", "mine.yaml"]

    return make


HUB = {"repository": "a/b", "commit": "c" * 40}
FILES = {"test": "data/test-*.parquet"}
PATTERNS = {
    "../x.parquet": "is no path of a file in a repository",
    "/etc/x.parquet": "is no path of a file in a repository",
    "a//x.parquet": "is no path of a file in a repository",
    "a\\x.parquet": "is no path of a file in a repository",
    "{split}/x.parquet": "has other braces than {subject}",
    "x.pkl": "is none of the tables that are read; its end is to be .parquet, .arrow, .csv, .jsonl",
    "*": "is none of the tables that are read",
}
REFUSED = [
    ({"path": "none.csv"}, ".path: there is no file or folder none.csv"),
    ({"path": "~/quiz.csv"}, ".path: there is no file or folder ~/quiz.csv: ~ is not expanded"),
    ({"path": "mine.yaml"}, ": mine.yaml is neither a folder nor a .csv or .jsonl file"),
    ({"path": "quiz.csv", "examples": "none.csv"}, ": none.csv does not exist"),
    ({"path": "quiz.csv", "fields": {}}, ": 'fields' goes with 'repository', and this set has a 'path'"),
    ({"path": "quiz.csv", "subject": "x"}, ": 'subject' goes with 'repository'"),
    ({"path": "quiz.csv", "exmaples": "x"}, ": 'exmaples' is not a key here; did you mean 'examples'?"),
    ({"path": "quiz.csv", **HUB}, ": needs either 'path' or 'repository' with 'commit'"),
    ({"repository": "a/b"}, ": 'repository' needs its 'commit'; to find it, run: mmlu-kit pin --questions a/b"),
    (
        {**HUB, "commit": "main"},
        ".commit: 'main' is not a full commit (40 hexadecimal digits); to find it, run: mmlu-kit",
    ),
    ({**HUB, "examples": "x.csv"}, ": 'examples' goes with 'path'; a repository's examples are those of files.dev"),
    ({**HUB, "files": FILES}, ": nothing tells a question's subject; use one of subject, fields.subject, {subject} in"),
    ({**HUB, "subject": "x"}, ": subject and {subject} in files.test both tell a question's subject"),
    ({**HUB, "files": FILES, "subject": "!"}, ": '!' makes no name of a subject"),
    ({**HUB, "files": FILES, "subject": "x", "subjects": ["x"]}, ": 'subjects' is for sets with several"),
    ({**HUB, "subjects": []}, ".subjects: needs 1 or more entries"),
    ({**HUB, "subjects": ["a b", "A B"]}, ".subjects: 'a b' and 'A B' would both be named a_b"),
    ({**HUB, "subjects": ["a", "a"]}, ".subjects: 'a' is listed twice"),
    ({**HUB, "subjects": ["../quiz"]}, ": subjects: '../quiz' is no part of a file's name"),
    ({**HUB, "files": {"train": "x.parquet"}}, ".files: 'train' is not a key here; known: test, dev"),
    ({**HUB, "fields": {"choices": ["A"]}}, ".fields.choices: needs 2 or more entries, not 1"),
    ({**HUB, "fields": {"choices": ["A", "A"]}}, ".fields.choices: 'A' is listed twice"),
    ({**HUB, "fields": {"answer_is": "number"}}, ".fields.answer_is: 'number' is not known; known: letter, index, text"),
    ({**HUB, "where": {"a": 1}}, ".where.a: needs text, not 1"),
    *(({**HUB, "files": {"test": name}, "subject": "x"}, f".files.test: '{name}' {text}") for name, text in PATTERNS.items()),
]
ALL = {"subjects": "all"}
ENTRIES = [
    Hostile("a quiz of one's own", entry(), None),
    Hostile("all subjects of a quiz", entry({**ALL, "limit": 1}), None),
    Hostile("all subjects of an empty quiz", entry(ALL, HEADER), "config: questions.own: quiz.csv has no question"),
    Hostile(
        "all subjects of a quiz with a bad answer",
        entry(ALL, f"{HEADER}\nq,x,y,z,D\n"),
        "questions.own: quiz.csv has no whole subject: …quiz: quiz.csv: row 1: the answer is 'D'",
    ),
    Hostile("a subject that a quiz has not", entry({"subjects": ["quizz"]}), "'quizz' is not known; did you mean 'quiz'?"),
    Hostile(
        "all subjects of a set that lists none",
        entry(ALL, **HUB, files=FILES, fields={"subject": "topic"}),
        "config: questions.own: list its subjects in `subjects`, as the study asks all",
    ),
    Hostile(
        "a subject that a set's list has not",
        entry({"subjects": ["maths"]}, **HUB, files=FILES, fields={"subject": "topic"}, subjects=["Math", "Law"]),
        "studies.mine.subjects: 'maths' is not known; did you mean 'math'?",
    ),
    *(Hostile(f"an entry with {keys!r}", entry(**keys), f"config: questions.own{text}") for keys, text in REFUSED),
]

INPUTS = [*CSV, *JSONL, *PLACES, *ENTRIES]
