"""Makers of hostile and damaged archives, of places to unpack them, and of results to pack."""

import json
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmlu_kit.cli import pack, unpack  # noqa: F401 - the programs run in forks of this process
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Record

from tests.conftest import ROOT
from tests.helpers import results

EVALUATION, TIMING, LOG = "evaluations/m/anatomy.json", "timings/m/anatomy.json", "timings/m/anatomy.time"
GNU = (ROOT / "tests/fixtures/time_logs/gnu-1.9.txt").read_text()
UNPACK = ["mmlu-kit", "unpack", "--results", "results/s", "colab.zip"]
Members = dict[str, str | bytes]


def members(model: str = "m", subject: str = "anatomy") -> Members:
    """The files of one evaluation."""
    return {
        f"evaluations/{model}/{subject}.json": json.dumps(results.evaluation(model, subject, "ABCD").plain()),
        f"timings/{model}/{subject}.json": json.dumps(results.timing(model, subject).plain()),
        f"timings/{model}/{subject}.time": GNU,
    }


def write(path: Path, files: Mapping[str, str | bytes], comment: bytes = b"s", method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def holding(**changes: Any) -> Callable[[Path], list[str]]:
    """Archives with these files changed; None leaves one out."""
    names = {"evaluation": EVALUATION, "timing": TIMING, "log": LOG}

    def make(folder: Path) -> list[str]:
        files = {**members(), **{names.get(name, name): data for name, data in changes.items()}}
        write(folder / "colab.zip", {name: data for name, data in files.items() if data is not None})
        return UNPACK

    return make


def with_files(files: Mapping[str, str | bytes]) -> Callable[[Path], list[str]]:
    """An archive of one evaluation and these files."""
    return lambda folder: [write(folder / "colab.zip", {**members(), **files}), UNPACK][1]  # type: ignore[return-value]


def edited(kind: str, *path: Any, value: Any) -> str:
    """The evaluation or the timing as JSON, with one value replaced; NaN and infinities as Python writes them."""
    document = json.loads(members()[EVALUATION if kind == "evaluation" else TIMING])
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(document)


def raw(kind: str, old: str, new: str) -> str:
    """The evaluation or the timing with a text in it replaced."""
    text = str(members()[EVALUATION if kind == "evaluation" else TIMING])
    assert old in text
    return text.replace(old, new)


def named(*arguments: str, name: str = "colab.zip") -> Callable[[Path], list[str]]:
    """A good archive under a name, and the arguments that follow `--results`."""

    def make(folder: Path) -> list[str]:
        write(folder / name, members())
        return ["mmlu-kit", "unpack", "--results", "results/s", *arguments]

    return make


def patched(change: Callable[[bytearray], bytes | None]) -> Callable[[Path], list[str]]:
    """A good archive whose bytes are changed."""

    def make(folder: Path) -> list[str]:
        data = bytearray(write(folder / "colab.zip", members()).read_bytes())
        (folder / "colab.zip").write_bytes(change(data) or data)
        return UNPACK

    return make


def entries(change: Callable[[zipfile.ZipInfo, int], None]) -> Callable[[Path], list[str]]:
    """An archive whose directory of members is changed before it is written; the number is the member's, from 0."""

    def make(folder: Path) -> list[str]:
        with zipfile.ZipFile(folder / "colab.zip", "w") as archive:
            archive.comment = b"s"
            for name, data in members().items():
                archive.writestr(name, data)
            for number, entry in enumerate(archive.infolist()):
                change(entry, number)
        return UNPACK

    return make


def prepared(prepare: Callable[[Path], object], *arguments: str) -> Callable[[Path], list[str]]:
    """A good archive, and a place that is prepared in the working directory."""

    def make(folder: Path) -> list[str]:
        write(folder / "colab.zip", members())
        prepare(folder)
        return [*UNPACK, *arguments]

    return make


def place(path: str, kind: str) -> Callable[[Path], object]:
    """Put something where results would be."""

    def prepare(folder: Path) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "file":
            target.write_text("mine")
        elif kind == "pipe":
            os.mkfifo(target)
        elif kind == "link":
            (folder / "other").mkdir()
            target.symlink_to(folder / "other")
        elif kind == "dangling":
            target.symlink_to("/nowhere/at/all")
        elif kind == "folder":
            target.mkdir()
        elif kind == "loop":
            target.symlink_to(target.name)

    return prepare


def not_a_zip(kind: str) -> Callable[[Path], list[str]]:
    """Something else under an archive's name."""

    def make(folder: Path) -> list[str]:
        path = folder / "colab.zip"
        texts = {"empty": b"", "text": b"hello\n", "zeros": bytes(5000), "end": b"PK\x05\x06" + bytes(18), "PK": b"PK\x03\x04"}
        if kind in texts:
            path.write_bytes(texts[kind])
        elif kind == "tar":
            with tarfile.open(path, "w:gz") as archive:
                archive.add(__file__, "evaluations/m/anatomy.json")
        else:
            place("colab.zip", kind)(folder)
        return UNPACK

    return make


def link(entry: zipfile.ZipInfo, number: int) -> None:
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16 if number == 2 else entry.external_attr


def pipe(entry: zipfile.ZipInfo, number: int) -> None:
    entry.external_attr = (stat.S_IFIFO | 0o644) << 16 if number == 2 else entry.external_attr


def encrypted(entry: zipfile.ZipInfo, number: int) -> None:
    entry.flag_bits |= 1


def other_disk(data: bytearray) -> None:
    """Let the first member begin on another disk."""
    entry = data.index(b"PK\x01\x02")
    data[entry + 34] = 1


def overlapping(data: bytearray) -> None:
    """Let the directory's second member begin at the first one's data; its own header is copied there."""
    with zipfile.ZipFile(__import__("io").BytesIO(data)) as archive:
        first, second, _ = archive.infolist()
    begin = first.header_offset + 30 + len(first.filename)
    header = data[second.header_offset : second.header_offset + 30 + len(second.filename)]
    data[begin : begin + len(header)] = header
    entry = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[entry + 42 : entry + 46] = struct.pack("<I", begin)


def wrong_crc(data: bytearray) -> None:
    entry = data.index(b"PK\x01\x02")
    data[entry + 16] ^= 1
    data[14] ^= 1


def longer(data: bytearray) -> None:
    """Announce fewer bytes than the first member has."""
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 10)


def bomb(folder: Path) -> list[str]:
    """Ten logs that unpack to 10 MB from 10 KB."""
    write(folder / "colab.zip", {**members(), **{f"timings/m/{number}.time": bytes(990_000) for number in range(10)}})
    return UNPACK


def large_log(folder: Path) -> list[str]:
    write(folder / "colab.zip", {**members(), LOG: os.urandom(1_500_000)})
    return UNPACK


def twice(folder: Path) -> list[str]:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(folder / "colab.zip", "w") as archive:
        warnings.simplefilter("ignore")
        archive.comment = b"s"
        for name, data in [*members().items(), (LOG, GNU)]:
            archive.writestr(name, data)
    return UNPACK


def file_and_folder(folder: Path) -> list[str]:
    write(folder / "colab.zip", {**members(), f"{EVALUATION}/": "", f"{EVALUATION}/x.json": "{}"})
    return UNPACK


def zip64(folder: Path) -> list[str]:
    """A good archive in the form for large files, as a stream of unknown length is written."""
    with zipfile.ZipFile(folder / "colab.zip", "w") as archive:
        archive.comment = b"s"
        for name, data in members().items():
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(str(data).encode())
    return UNPACK


def of_study(change: Callable[[Members], None] = lambda files: None, **arguments: Any) -> Callable[[Path], list[str]]:
    """An archive of the study smoke, of demo-small as config has it, then changed."""

    def make(folder: Path) -> list[str]:
        model, subject = arguments.get("model", "demo-small"), arguments.get("subject", "astronomy")
        files = members(model, subject)
        evaluation = json.loads(files[f"evaluations/{model}/{subject}.json"])
        evaluation["requested"]["tokens_per_batch"] = "auto"
        evaluation["requested"].update(arguments.get("requested", {}))
        files[f"evaluations/{model}/{subject}.json"] = json.dumps(evaluation)
        change(files)
        write(folder / "colab.zip", files, b"smoke")
        return ["mmlu-kit", "unpack", "--results", "results/smoke", "colab.zip", *arguments.get("options", [])]

    return make


def added_by_a_config(folder: Path) -> list[str]:
    (folder / "mine.yaml").write_text("models: {mine: {path: .}}\nstudies: {smoke: {groups: {small: {models: [mine]}}}}\n")
    return of_study(model="mine", options=["--configfile", "mine.yaml"])(folder)


def existing(model: str, answers: str) -> Callable[[Path], object]:
    """An evaluation that this machine ran."""
    return lambda folder: results.evaluation(model, "anatomy", answers).write(folder / f"results/s/{EVALUATION}")


def damaged_results(folder: Path) -> None:
    (folder / "results/s/evaluations/m").mkdir(parents=True)
    (folder / "results/s" / EVALUATION).write_text("{")


def imported() -> str:
    """An evaluation with imported answers."""
    answered = [results.record("anatomy", index, "A", "A") for index in range(4)]
    unknown = dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass"))
    plain = [record.plain() | unknown for record in answered]
    records_of = [Record(**record) for record in plain]
    return json.dumps(records.imported("m", "theirs.csv", "0" * 64, "anatomy", records_of).plain())


def packed(change: Callable[[Path], object], *arguments: str) -> Callable[[Path], list[str]]:
    """Results of one evaluation, which are changed and packed."""

    def make(folder: Path) -> list[str]:
        for name, data in members().items():
            (folder / "results/s" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "results/s" / name).write_text(str(data))
        change(folder / "results/s")
        return ["mmlu-kit", "pack", "results/s", "--output", *(arguments or ["s.zip"])]

    return make


def replaced(name: str, text: Any) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(str(text))
