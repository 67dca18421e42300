"""Texts from outside with control characters, direction marks and the like: in names, paths, files and configs."""

import csv
from collections.abc import Callable
from pathlib import Path

from tests.helpers import results
from tests.hostile import label_errors, predictions
from tests.hostile.inputs import SCRIPTS, Hostile

# Each could steer a terminal, or make a line read differently from what it is.
TEXTS = {
    "clear screen": "\x1b[2J",
    "link": "\x1b]8;;https://example.org\x1b\\x\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;YQ==\x07",
    "C1": "\x9b31m",
    "carriage return": "a\rb",
    "backspace": "a\b\b",
    "line break": "a\nerror: b",
    "direction": "\u202ea\u2066b",
    "zero width": "a\u200bb\u2060c\ufeff",
    "separator": "a\u2028b\u2029c",
    "surrogate": "a\udcffb",
    "tags": "a\U000e0072\U000e006d",
}


def path(text: str) -> Callable[[Path], list[str]]:
    """A results folder, which does not exist, of this name."""
    return lambda folder: ["mmlu-kit", "check-results", f"results/{text}"]


def argument(text: str) -> Callable[[Path], list[str]]:
    """A chat strategy of this name."""
    return lambda folder: ["mmlu-kit", "chat", "--model", "x", "--strategy", text]


def study(text: str) -> Callable[[Path], list[str]]:
    """A study of this name."""
    return lambda folder: ["mmlu-kit", "check", "--study", text]


def escaped(text: str) -> str:
    """The text as YAML writes it in double quotes."""
    short = "".join(f"\\U{ord(letter):08x}" if ord(letter) < 0xD800 or ord(letter) > 0xDFFF else "?" for letter in text)
    return f'"{short}"'


def key(text: str) -> Callable[[Path], list[str]]:
    """A config with this key."""

    def make(folder: Path) -> list[str]:
        (folder / "config.yaml").write_text(f"{escaped(text)}: 1\n")
        return ["mmlu-kit", "check", "--study", "smoke"]

    return make


def model_name(text: str) -> Callable[[Path], list[str]]:
    """A config with a model of this name."""

    def make(folder: Path) -> list[str]:
        (folder / "config.yaml").write_text(f"models:\n  {escaped('m' + text)}: {{path: m}}\n")
        return ["mmlu-kit", "check", "--study", "smoke"]

    return make


def prediction(text: str) -> Callable[[Path], list[str | Path]]:
    """A file of predictions that all have this text."""
    rows = predictions.rows([written(text)] * 20)
    return lambda folder: [*predictions.imported(predictions.table(rows, quoting=csv.QUOTE_ALL))(folder)]


def label_check(text: str) -> Callable[[Path], list[str | Path]]:
    """A file of label checks, none of which has choices that can be read, but this text."""

    def make(folder: Path) -> list[str | Path]:
        header, *_ = label_errors.checks().split(b"\n")
        cells = ",".join(f'"{written(text)}"' for _ in label_errors.HEADER)
        return [*label_errors.analysed(anatomy=header + b"\n" + cells.encode() + b"\n")(folder)]

    return make


def written(text: str) -> str:
    """The text as a UTF-8 file can have it."""
    return text.encode("utf-8", "replace").decode()


def document(text: str) -> Callable[[Path], list[str | Path]]:
    """A merged.json with this key."""

    def make(folder: Path) -> list[str | Path]:
        escapes = text.encode("utf-16-be", "surrogatepass").hex()
        name = "".join(f"\\u{escapes[place : place + 4]}" for place in range(0, len(escapes), 4))
        options = results.write(folder, results.study(["m"], ["anatomy"]), [])
        (folder / "results/made/merged.json").write_text(f'{{"{name}": 1}}', encoding="utf-8")
        outputs = ["--analysis=a", "--claims=c", "--run=r", "--output=report.md", "--tables=tables"]
        outputs += [f"--templates={SCRIPTS.parent / 'report'}", f"--reference={SCRIPTS.parent / 'reference'}"]
        return ["write_report.py", *options, *outputs]

    return make


MAKERS = {
    "a path": (path, "is not a folder of results"),
    "an argument": (argument, "is not a strategy"),
    "a study": (study, ""),
    "a key of config": (key, ""),
    "a model": (model_name, ""),
    "a key of merged.json": (document, "merged.json"),
    "a prediction": (prediction, "cannot: write A, B, C or D, the choice's own text, or a number from 0 to 3"),
    "a label check": (label_check, "label_errors: labels/mmlu_anatomy.csv: line "),
}
INPUTS = [Hostile(f"{name} with all of them", make("".join(TEXTS.values())), line) for name, (make, line) in MAKERS.items()]
INPUTS += [
    Hostile(f"{name} with {kind}", make(text), line)
    for name, (make, line) in MAKERS.items()
    if make in (prediction, label_check)
    for kind, text in TEXTS.items()
]
INPUTS += [Hostile(f"a path with {kind}", path(text), "is not a folder of results") for kind, text in TEXTS.items()]
# A name that ends in a line break is not the name.
INPUTS += [
    Hostile(f"a study with {ending!r} after its name", study(f"smoke{ending}"), "study")
    for ending in ("\n", "\r\n", "\u2028", "\x00", "\u0660", "/")
]
