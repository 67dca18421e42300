"""Results whose records of hashes are damaged, hostile or gone: `mmlu-kit check-results` cannot compare them."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.provenance import comparison, crate, run_record

from tests.helpers import results
from tests.hostile.inputs import Hostile

STUDY = "results/s"
COMMAND = ["mmlu-kit", "check-results", STUDY]
SHA256 = "0" * 64


def recorded(folder: Path) -> Path:
    """The folder of a small study whose files are as recorded."""
    study = folder / STUDY
    for name in ("Snakefile", "report.md", "evaluations/m/astronomy.json"):
        files.write_text(study / name, name)
    provenance = run_record.record(results.run(results.study(["m"], ["astronomy"])), study, [], 1_770_000_000)
    provenance.write(study / "provenance.json")
    entry = comparison.file_entry(study / "provenance.json")
    files.write_json(study / "ro-crate-metadata.json", crate.build(provenance, entry))
    return study


def unchanged(folder: Path) -> list[str]:
    """What is accepted."""
    recorded(folder)
    return COMMAND


def replaced(name: str, content: bytes) -> Callable[[Path], list[str]]:
    """A file of the study has another content."""

    def make(folder: Path) -> list[str]:
        (recorded(folder) / name).write_bytes(content)
        return COMMAND

    return make


def edited(name: str, edit: Callable[[Any], object]) -> Callable[[Path], list[str]]:
    """A JSON file of the study was edited."""

    def make(folder: Path) -> list[str]:
        path = recorded(folder) / name
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))
        return COMMAND

    return make


def instead(name: str, put: Callable[[Path], object]) -> Callable[[Path], list[str]]:
    """Something else is in the place of a file of the study."""

    def make(folder: Path) -> list[str]:
        path = recorded(folder) / name
        path.unlink()
        put(path)
        return COMMAND

    return make


def link(path: Path) -> None:
    """A link to what seems a good file."""
    copy = path.with_name("copy")
    copy.write_text("{}")
    path.symlink_to(copy.name)


def listen(path: Path) -> None:
    """A socket."""
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is limited to some hundred bytes
    socket.socket(socket.AF_UNIX).bind(path.name)
    os.chdir(before)


def huge(path: Path) -> None:
    """A file of a terabyte, of which nothing is on the disk."""
    path.touch()
    os.truncate(path, 10**12)


def named(name: str) -> Callable[[Any], object]:
    """An edit that records a file of this name."""
    return lambda content: content["files"].update({name: {"bytes": 1, "sha256": SHA256}})


def entity(**fields: object) -> Callable[[Any], object]:
    """An edit of the entity of the first file of a crate."""
    return lambda content: next(one for one in content["@graph"] if "sha256" in one).update(fields)


def results_in(put: Callable[[Path], object]) -> Callable[[Path], list[str]]:
    """Something else is in the place of the study's folder."""

    def make(folder: Path) -> list[str]:
        (folder / "results").mkdir()
        put(folder / STUDY)
        return COMMAND

    return make


TEXTS = {
    "empty": b"",
    "not JSON": b"{",
    "a number": b"3",
    "null": b"null",
    "a list": b"[]",
    "not UTF-8": b'{"\xff": 1}',
    "zeros": bytes(100),
    "nested too deeply": b"[" * 100_000,
    "a number too long": b"9" * 10_000,
    "binary": bytes(range(256)),
    "an object": b"{}",
}
KINDS = {
    "missing": (lambda path: None, "does not exist"),
    "a named pipe": (os.mkfifo, "is a named pipe, not a file: run the study, which writes it"),
    "a socket": (listen, "is a socket, not a file: run the study, which writes it"),
    "a folder": (Path.mkdir, "is a folder, not a file: run the study, which writes it"),
    "a link": (link, "is a link"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "is a link"),
    "a terabyte": (huge, "1,000,000,000,000 bytes, more than any such file: run the study, which writes it"),
}
PATHS = ("../x", "/etc/passwd", "a/../../x", "", ".", "./a", "a//b", "a/", "a\0b", "..", "evaluations/../x")
INPUTS = [
    Hostile("unchanged results", unchanged, None),
    *(Hostile(f"provenance: {name}", replaced("provenance.json", text), "provenance.json") for name, text in TEXTS.items()),
    *(Hostile(f"crate: {name}", replaced("ro-crate-metadata.json", text), "ro-crate-") for name, text in TEXTS.items()),
    *(Hostile(f"provenance: {name}", instead("provenance.json", put), line) for name, (put, line) in KINDS.items()),
    *(Hostile(f"crate: {name}", instead("ro-crate-metadata.json", put), line) for name, (put, line) in KINDS.items()),
    *(
        Hostile(f"provenance names {path!r}", edited("provenance.json", named(path)), "is not a path below the results")
        for path in PATHS
    ),
    *(
        Hostile(
            f"provenance: an entry {entry}",
            edited("provenance.json", lambda content, entry=entry: content["files"].update(a=entry)),
            "not a valid provenance file",
        )
        for entry in (
            None,
            3,
            [],
            {},
            {"bytes": -1, "sha256": SHA256},
            {"bytes": "1", "sha256": SHA256},
            {"bytes": 1.5, "sha256": SHA256},
            {"bytes": 1, "sha256": 3},
            {"bytes": 1, "sha256": "x"},
            {"bytes": 1, "sha256": SHA256.replace("0", "G")},
            {"bytes": 1, "sha256": f"{SHA256}\n"},
            {"bytes": 1, "sha256": SHA256, "more": 1},
        )
    ),
    Hostile(
        "provenance: a hundred thousand files more",
        edited("provenance.json", lambda content: [named(str(number))(content) for number in range(100_000)]),
        "not a valid provenance file",
    ),
    *(
        Hostile(
            f"crate: @graph {graph!r}",
            edited("ro-crate-metadata.json", lambda content, graph=graph: content.update({"@graph": graph})),
            "is no RO-Crate of the kit",
        )
        for graph in (
            None,
            3,
            "x",
            {},
            [3],
            [None],
            [[]],
            ["x"],
            [{}],
            [{"@id": 3}],
            [{"@id": "a"}, {"@id": "a"}],
            [{"@id": None, "sha256": "x"}],
        )
    ),
    *(
        Hostile(f"crate: a hash {value!r}", edited("ro-crate-metadata.json", entity(sha256=value)), "is no RO-Crate of the kit")
        for value in (3, [], {}, True, ["0" * 64])
    ),
    Hostile("crate: a size as a number", edited("ro-crate-metadata.json", entity(contentSize=3)), "is no RO-Crate of the kit"),
    *(
        Hostile(f"no folder of results: {name}", results_in(put), line)
        for name, put, line in (
            ("nothing", lambda path: None, "results/s is not a folder of results"),
            ("a file", Path.touch, "results/s is not a folder of results"),
            ("a named pipe", os.mkfifo, "results/s is not a folder of results"),
            ("a link to nothing", lambda path: path.symlink_to("nowhere"), "results/s is not a folder of results"),
            ("a link to itself", lambda path: path.symlink_to("s"), "results/s is not a folder of results"),
            ("an empty folder", Path.mkdir, "results/s/provenance.json does not exist"),
        )
    ),
]


def linked(folder: Path) -> list[str]:
    """A results folder on another disk, which is accepted."""
    study = recorded(folder)
    shutil.move(study, folder / "disk")
    study.symlink_to(folder / "disk")
    return COMMAND


def odd_name(folder: Path) -> list[str]:
    """A folder whose name would change a terminal."""
    return ["mmlu-kit", "check-results", "results/\x1b[31mred\n"]


INPUTS += [Hostile("a link to the results", linked, None), Hostile("an odd folder", odd_name, r"results/\x1b[31mred\n is not")]
