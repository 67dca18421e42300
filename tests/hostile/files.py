"""Damaged files in place of those that programs read: in other encodings, empty, of other forms, and no regular files."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import mmlu_kit.report.page  # noqa: F401  imported here once, and not in the process of each row

from tests.hostile.inputs import Hostile

MODEL = Path(__file__).parents[2] / "workflow/demo/models/demo-small"
TEXT = '{"schema": "é"}'
HUGE_BYTES = 10**12


def content(data: bytes) -> Callable[[Path], object]:
    """A regular file."""
    return lambda path: path.write_bytes(data)


def link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def huge(path: Path) -> None:
    """A terabyte that takes no space."""
    with path.open("wb") as stream:
        stream.truncate(HUGE_BYTES)


# How each is made, and what is said of it where a text, JSON or YAML is read.
TEXTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "Latin-1": (content(TEXT.encode("latin-1")), "is not UTF-8 text (byte 12)"),
    "UTF-16": (content(TEXT.encode("utf-16")), "is UTF-16 text: save it as UTF-8"),
    "UTF-16, big-endian": (content(b"\xfe\xff" + TEXT.encode("utf-16-be")), "is UTF-16 text: save it as UTF-8"),
    "UTF-16 without its mark": (content(TEXT.encode("utf-16-le")), "is not UTF-8 text (byte"),
    "NUL bytes": (content(b"\0" * 4096), "is not UTF-8 text (byte 0 is NUL)"),
    "NUL bytes at its end": (content(b"{}" + b"\0" * 4096), "is not UTF-8 text (byte 2 is NUL)"),
    "a program": (content(b"\x7fELF\x02\x01\x01\0"), "is not UTF-8 text (byte 7 is NUL)"),
}
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "is a folder, not a file: correct the path"),
    "a named pipe": (os.mkfifo, "is a named pipe, not a file: correct the path"),
    "a device": (link("/dev/zero"), "is a device, not a file: correct the path"),
    "a loop of links": (lambda path: path.symlink_to(path.name), "cannot be read (Too many levels of symbolic links)"),
    "a link to nothing": (link("nowhere"), "is a link to a file that does not exist"),
    "a terabyte": (huge, "has 1,000,000,000,000 bytes, more than any such file"),
}
FORMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (content(b""), ""),
    "spaces": (content(b" \n"), ""),
    "a list": (content(b"[]"), ""),
    "a number": (content(b"7"), ""),
    "null": (content(b"null"), ""),
    "a text": (content(b'"text"'), ""),
    "an object": (content(b"{}"), ""),
    "a schema that is a number": (content(b'{"schema": 7}'), ""),
    "half of a character": (content(b'{"schema": "\\ud800"}'), ""),
    "another document": (content(b'{"schema": "mmlu-kit/run/1"}'), ""),
    "half a document": (content(b'{"schema": "mmlu-kit/ru'), ""),
    "brackets": (content(b"[" * 10**5), ""),
    "a number of many digits": (content(b"9" * 10**5), ""),
    "a mark of UTF-8 and nothing": (content(b"\xef\xbb\xbf"), ""),
}
RESULTS = Path("results/demo")
CLAIMS = ["mmlu-kit", "verify", "results/demo"]
EVALUATIONS = ["mmlu-kit", "forget-skipped", "results/demo"]
MERGED = ["mmlu-kit", "export", "results/demo", "--output", "exported"]
CHAT = ["mmlu-kit", "chat", "--load", "chat.json"]
RECALL = ["chat_benchmark.py", "--model", "m", "--conversations", "c.yaml", "--recall", "r.json", "--times", "t.json"]
PAGE = ["write_page.py", *"--report report.md --study {} --results r --resources s --page p --output o".split()]
READERS: dict[str, tuple[list[str], dict[str, tuple[Callable[[Path], object], str]]]] = {
    "results/demo/merged.json": (MERGED, TEXTS | KINDS | FORMS),
    "results/demo/claims.json": (CLAIMS, FORMS),
    "results/demo/evaluations/m/anatomy.json": (EVALUATIONS, KINDS),
    "chat.json": (CHAT, KINDS | FORMS),
    "c.yaml": (RECALL, TEXTS | FORMS),
    "report.md": (PAGE, TEXTS | KINDS),
}


def damaged(name: str, make: Callable[[Path], object], command: Sequence[str]) -> Callable[[Path], Sequence[str]]:
    """A damaged file that a command reads."""

    def write(folder: Path) -> Sequence[str]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make(folder / name)
        return command

    return write


def odd_name(*arguments: str) -> Callable[[Path], Sequence[str]]:
    """A model folder with a name in Latin-1, which arguments call NAME."""
    name = os.fsdecode(b"caf\xe9")

    def make(folder: Path) -> Sequence[str]:
        shutil.copytree(MODEL, folder / name)
        return [argument.replace("NAME", name) for argument in arguments]

    return make


NAMES = {
    'fetch_model.py --source {"path":"NAME"} --output m.json': "--source: not UTF-8 text",
    "mmlu-kit status --study NAME": "config: Invalid JSON: lone leading surrogate",
    "mmlu-kit verify NAME": "caf\ufffd/claims.json does not exist",
    "mmlu-kit forget-skipped NAME/x": "caf\ufffd/x: this study has no results yet",
    "mmlu-kit chat --load NAME": "caf\ufffd is a folder, not a file",
    "merge.py --study NAME --results r --resources s --merged m --table t": "--study: not UTF-8 text",
}
INPUTS = [
    *(Hostile(f"a name in Latin-1: {command}", odd_name(*command.split()), line) for command, line in NAMES.items()),
    *(
        Hostile(f"{kind} as {name}", damaged(name, make, command), f"{name} {line}" if line else name)
        for name, (command, damages) in READERS.items()
        for kind, (make, line) in damages.items()
    ),
]
