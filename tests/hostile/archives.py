"""Hostile and damaged archives, places where they cannot be unpacked, and results that cannot be packed."""

import zipfile
from pathlib import Path

from mmlu_kit.cli import pack, unpack  # noqa: F401 - the programs run in forks of this process

from tests.hostile.archive_makers import (
    EVALUATION,
    GNU,
    LOG,
    TIMING,
    UNPACK,
    added_by_a_config,
    bomb,
    damaged_results,
    edited,
    encrypted,
    entries,
    existing,
    file_and_folder,
    holding,
    imported,
    large_log,
    link,
    longer,
    members,
    named,
    not_a_zip,
    of_study,
    other_disk,
    overlapping,
    packed,
    patched,
    pipe,
    place,
    prepared,
    replaced,
    twice,
    with_files,
    write,
    wrong_crc,
    zip64,
)
from tests.hostile.inputs import Hostile

NAN = float("nan")
WRONG_NAMES = [
    "../evil.json", "/etc/evil.json", "evaluations/../../evil.json", "evaluations/m/../evil.json", "timings/.m/x.json",
    "evaluations/m/.hidden.json", "evaluations\\m\\x.json", "C:/x.json", "C:\\x.json", "//server/share.json",
    "evaluations/m/x.py", "report.html", "evaluations/m/x.json/y.json", "timings/m/\n.json", "timings/m/x.time\n",
    "evaluations/m/ä.json", "evaluations/ｍ/x.json", "evaluations/m/x\u202ejson", "evaluations/m/x.json ",
    "evaluations/m/-x.json",
    "evaluations/m/\x1b[2Jx.json", "evaluations//x.json", "./evaluations/m/x.json", "evaluations/m/" + "x" * 300 + ".json",
    "evaluations/m/", "evaluations/x.json", "timings/processes.json", "evaluations/m/x.time", "EVALUATIONS/m/x.json",
    "evaluations/m/x.JSON", "evaluations/m/x.json::$DATA",
]  # fmt: skip
NUMBERS = {"NaN": NAN, "Infinity": float("inf"), "-Infinity": -float("inf"), "negative": -1.0, "text": "1.0", "null": None}
NOT_TIMINGS = {
    "empty": "", "list": "[]", "null": "null", "number": "1", "not JSON": "{", "nested": "[" * 100_000, "latin-1": b"\xe9",
    "NUL": bytes(100), "UTF-16": "{}".encode("utf-16"), "byte order mark": b"\xef\xbb\xbf{}", "other schema": '{"schema": "x"}',
    "evaluation": members()[EVALUATION],
}  # fmt: skip
CHANGED_TIMINGS = {
    "packages null": (("machine", "packages"), None),
    "packages list": (("machine", "packages"), ["torch"]),
    "packages number": (("machine", "packages"), {"torch": 2}),
    "machine null": (("machine",), None),
    "machine list": (("machine",), []),
    "extra key": (("extra",), 1),
    "memory negative": (("machine", "memory_bytes"), -1),
    "threads 0": (("threads",), 0),
    "questions true": (("questions_scored",), True),
    "questions float": (("questions_scored",), 4.5),
    "schema number": (("schema",), 3),
}
CONTRADICTIONS = {
    "other model": (("model",), "n", "holds the times of n on anatomy, so it was renamed"),
    "other subject": (("subject",), "virology", "holds the times of m on virology, so it was renamed"),
    "more questions than records": (("questions_scored",), 5, "of 4 questions scored by a process that was not resumed"),
    "fewer questions than records": (("questions_scored",), 3, "of 4 questions scored by a process that was not resumed"),
    "resumed": (("resumed",), True, "4 of 4 questions scored by a process that was resumed"),
    "log that is not there": (("process",), "m/together.time", "timings/m/together.time is missing"),
    "log of another model": (("process",), "n/anatomy.time", "names 'n/anatomy.time', which is not the log of a process of m"),
    "timing as its log": (("process",), "m/anatomy.json", "which is not the log of a process of m"),
    "log outside": (("process",), "../x", "which is not the log of a process of m"),
    "log with no name": (("process",), "", "which is not the log of a process of m"),
    "log with a line end": (("process",), "m/anatomy.time\n", "which is not the log of a process of m"),
}
CHANGED_EVALUATIONS = {
    "requested null": (
        ("requested",),
        None,
        "are null for imported answers, and only for them; pack it again on the machine that made it",
    ),
    "effective null": (("effective",), None, "are null for imported answers, and only for them"),
    "scoring null": (("scoring",), None, "are null for imported answers, and only for them"),
    "other model": (("model",), "n", "holds the answers of n on anatomy, so it was renamed"),
    "model with a path": (("model",), "../m", "holds the answers of ../m on anatomy, so it was renamed"),
    "other subject": (("subject",), "virology", "question 0 is of another subject"),
    "no records": (("records",), [], "not a valid evaluation file at records"),
    "records null": (("records",), None, "not a valid evaluation file at records"),
    "totals": (("totals", "correct"), 3, "the totals contradict the records; pack it again on the machine that made it"),
    "gold": (("records", 0, "gold"), "B", "at records.0: correct contradicts predicted and gold; pack it again"),
    "index twice": (("records", 1, "index"), 0, "question 0 is where question 1 should be"),
    "NaN": (("records", 0, "letter_mass"), NAN, "not a valid evaluation file"),
    "Infinity": (("records", 0, "letter_logprobs", "A"), float("inf"), "not a valid evaluation file"),
    "surrogate": (("records", 0, "generated"), "\ud800", "is not valid JSON"),
    "surrogate in a key": (("model_files",), {"\udfff": "0" * 64}, "is not valid JSON"),
    "scoring text": (("scoring",), "2", "not a valid evaluation file at scoring"),
    "old schema": (("schema",), "mmlu-kit/evaluation/1", "made by another version of the kit"),
    "not run": (("schema",), "mmlu-kit/not_run/2", "not a valid evaluation file"),
}
NOT_LOGS = {"empty": "", "text": "hello\n", "binary": bytes(range(256)), "cut off": GNU[:300], "JSON": "{}"}
STUDY_ROWS = {
    "a model that the study does not have": ({"model": "m"}, "the study 'smoke' has no model 'm'"),
    "a subject that the study does not have": ({"subject": "virology"}, "does not ask 'demo-small' about 'virology'"),
    "a model of config that the study does not have": ({"model": "demo-large"}, "the study 'smoke' has no model 'demo-large'"),
    "other examples": ({"requested": {"examples": 3}}, "was made with examples 3, but the study requests 0"),
    "another preset": ({"requested": {"preset": "hendrycks"}}, "was made with preset hendrycks"),
    "another number format": ({"requested": {"dtype": "bfloat16"}}, "was made with dtype bfloat16"),
    "another batch size": ({"requested": {"tokens_per_batch": 64}}, "was made with tokens_per_batch 64"),
}
RESERVED = ["con", "NUL", "aux.x", "com1", "colab.", ".hidden", "..", "a/b", "", " ", "ä", "a\nb", "x" * 250, "~", "$HOME", "-"]

INPUTS = [
    Hostile("good", holding(), None),
    Hostile("a log without its process's name", holding(timing=edited("timing", "process", value=None), log=None), None),
    Hostile("in the form for large files", zip64, None),
    *(
        Hostile(f"named {name!r}", with_files({name: "{}"}), "which `pack` never writes: nothing was unpacked")
        for name in WRONG_NAMES
    ),
    *(
        Hostile(f"time {name}", holding(timing=edited("timing", "real_s", value=value)), "not a valid timing file at real_s")
        for name, value in NUMBERS.items()
    ),
    *(Hostile(f"timing: {name}", holding(timing=text), f"{TIMING}") for name, text in NOT_TIMINGS.items()),
    *(
        Hostile(f"timing: {name}", holding(timing=edited("timing", *path, value=value)), "not a valid timing file at")
        for name, (path, value) in CHANGED_TIMINGS.items()
    ),
    *(
        Hostile(f"timing: {name}", holding(timing=edited("timing", *path, value=value)), line)
        for name, (path, value, line) in CONTRADICTIONS.items()
    ),
    *(
        Hostile(f"evaluation: {name}", holding(evaluation=text), f"{EVALUATION}")
        for name, text in NOT_TIMINGS.items()
        if name != "evaluation"
    ),
    *(
        Hostile(f"evaluation: {name}", holding(evaluation=edited("evaluation", *path, value=value)), line)
        for name, (path, value, line) in CHANGED_EVALUATIONS.items()
    ),
    *(Hostile(f"log: {name}", holding(log=text), f"{LOG}: ") for name, text in NOT_LOGS.items()),
    Hostile("log: large", large_log, f"{LOG} has more than 1 MB"),
    Hostile("no timing", holding(timing=None), f"{TIMING} is missing; pack it again"),
    Hostile("no log", holding(log=None), f"{LOG} is missing; pack it again"),
    Hostile("no evaluation", holding(evaluation=None), "colab.zip holds no evaluation"),
    Hostile(
        "a timing of no evaluation",
        with_files({"timings/n/anatomy.json": members()[TIMING]}),
        "timings/n/anatomy.json belongs to no evaluation in it",
    ),
    Hostile(
        "a log of no evaluation",
        with_files({"timings/m/virology.time": GNU}),
        "timings/m/virology.time belongs to no evaluation in it",
    ),
    Hostile("names that differ in case", with_files(members("M")), "which are one name on some systems"),
    Hostile("subjects that differ in case", with_files({"timings/m/Anatomy.time": GNU}), "which are one name on some systems"),
    Hostile("a member twice", twice, f"holds '{LOG}' twice"),
    Hostile("a member that is a file and a folder", file_and_folder, "which `pack` never writes"),
    Hostile("a link", entries(link), "which `pack` never writes"),
    Hostile("a pipe", entries(pipe), "which `pack` never writes"),
    Hostile("encrypted", entries(encrypted), "which `pack` never writes"),
    Hostile("several files", patched(other_disk), "is one part of an archive in several files"),
    Hostile("overlapping members", patched(overlapping), "overlaps another file"),
    Hostile("a wrong checksum", patched(wrong_crc), "is not a complete zip archive (Bad CRC-32"),
    Hostile("a wrong size", patched(longer), "is not a complete zip archive (Bad CRC-32"),
    Hostile(
        "a name with NUL",
        patched(lambda data: data.replace(LOG.encode(), LOG[:-1].encode() + b"\0")),
        "which `pack` never writes",
    ),
    Hostile("a prefix", patched(lambda data: b"#!/bin/sh\n" + data), "has other data before or after the zip archive"),
    Hostile("trailing data", patched(lambda data: data + b"x" * 100), "has other data before or after the zip archive"),
    Hostile("two archives", patched(lambda data: data + data), "has other data before or after the zip archive"),
    *(
        Hostile(
            f"the first {share} %",
            patched(lambda data, share=share: data[: len(data) * share // 100]),
            "is not a complete zip archive",
        )
        for share in (1, 25, 50, 90, 99)
    ),
    *(
        Hostile(
            f"compressed as {method}",
            lambda folder, method=method: [write(folder / "colab.zip", members(), method=method), UNPACK][1],
            "which `pack` never writes",
        )
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    ),
    Hostile("a bomb", bomb, "times its size: it is not a packed study"),
    *(
        Hostile(f"not a zip: {kind}", not_a_zip(kind), "colab.zip is not a complete zip archive")
        for kind in ("text", "zeros", "tar", "PK", "empty")
    ),
    Hostile("not a zip: end", not_a_zip("end"), "colab.zip holds no evaluation"),
    *(
        Hostile(f"not a file: {kind}", not_a_zip(kind), f"colab.zip is {words}, not a file: copy there")
        for kind, words in {"pipe": "a named pipe", "folder": "a folder", "link": "a folder"}.items()
    ),
    Hostile("not a file: dangling", not_a_zip("dangling"), "colab.zip is a link to a file that does not exist"),
    Hostile("not a file: loop", not_a_zip("loop"), "colab.zip cannot be read (Too many levels of symbolic links)"),
    Hostile("not a file: a device", named("/dev/zero"), "/dev/zero is a device, not a file"),
    Hostile("no file", named("none.zip"), "none.zip does not exist: copy there the archive"),
    *(
        Hostile(
            f"comment {comment[:9]!r}",
            lambda folder, comment=comment: [write(folder / "colab.zip", members(), comment), UNPACK][1],
            line,
        )
        for comment, line in (
            (b"", "names no study"),
            (b"\xff", "names no study"),
            (b"../s", "names no study"),
            (b"s\n", "names no study"),
            (b"s\0", "names no study"),
            (b"x" * 65535, "names no study"),
            (b"t", "holds results of the study 't', not of 's'"),
            (b"S", "holds results of the study 'S', not of 's'"),
        )
    ),
    Hostile("results with no name", prepared(lambda folder: None, "--results", "/"), "is not a study's name"),
    Hostile("results with another name", prepared(lambda folder: None, "--results", "a b"), "'a b' is not a study's name"),
    *(Hostile(f"machine {name!r}", named("colab.zip", f"--name={name}"), "cannot be a folder's name") for name in RESERVED),
    Hostile(
        "a name with brackets",
        named("my [best] results (1).zip", name="my [best] results (1).zip"),
        "cannot be a folder's name",
    ),
    Hostile(
        "a name with brackets, and the machine's",
        named("my [best] results (1).zip", "--name=colab", name="my [best] results (1).zip"),
        None,
    ),
    Hostile("a name with a dash", named("--name=colab", "--", "-x.zip", name="-x.zip"), None),
    Hostile("a name with a quote", named("--name=colab", "it's.zip", name="it's.zip"), None),
    Hostile("a quote that is not closed", named("it's none.zip"), "it's none.zip does not exist"),
    Hostile("a home that is not there", named("~nobody-here/x.zip"), "~nobody-here/x.zip does not exist"),
    Hostile("several in one argument", named("colab.zip none.zip"), "colab.zip none.zip does not exist"),
    Hostile("a pattern", named("col*.zip"), None),
    Hostile("two of one name", named("colab.zip", "./colab.zip"), "two archives have the same name"),
    Hostile("two for one machine", named("colab.zip", "x.zip", "--name=colab"), "--name is for one archive, not for 2"),
    *(
        Hostile(f"{kind} at {path}", prepared(place(path, kind)), line)
        for path, kind, line in (
            ("results/s", "dangling", "results/s is a link"),
            ("results/s", "file", "results/s is not a folder"),
            ("results/s", "pipe", "results/s is not a folder"),
            ("results/s", "loop", "results/s is a link"),
            ("results/s", "link", None),
            ("results/s", "folder", None),
            ("results/s/elsewhere", "folder", None),
            ("results/s/elsewhere", "link", "results/s/elsewhere is a link"),
            ("results/s/elsewhere", "dangling", "results/s/elsewhere is a link"),
            ("results/s/elsewhere", "file", "results/s/elsewhere is not a folder"),
            ("results/s/elsewhere/colab", "link", "results/s/elsewhere/colab is a link"),
            ("results/s/elsewhere/colab", "dangling", "results/s/elsewhere/colab is a link"),
            ("results/s/elsewhere/colab", "loop", "results/s/elsewhere/colab is a link"),
            ("results/s/elsewhere/colab", "file", "results/s/elsewhere/colab is not a folder"),
            ("results/s/elsewhere/colab", "pipe", "results/s/elsewhere/colab is not a folder"),
            ("results/s/elsewhere/colab", "folder", None),
            ("results/s/elsewhere/colab/evaluations", "link", "evaluations was not unpacked from an archive"),
            ("results/s/elsewhere/colab/notes.txt", "file", "colab/notes.txt was not unpacked from an archive: move it away"),
            ("results/s/elsewhere/COLAB", "folder", "are one folder on some systems"),
            ("results/s/elsewhere/.lock", "dangling", "results/s/elsewhere/.lock is a link"),
            ("results/s/elsewhere/.lock", "pipe", "results/s/elsewhere/.lock is not a regular file"),
            ("results/s/elsewhere/.lock", "file", None),
            ("results/s/elsewhere/.colab.part", "folder", None),
            ("results/s/elsewhere/.colab.part", "link", None),
            ("results/s/elsewhere/.colab.part", "file", None),
            ("results", "dangling", "results"),
        )
    ),
    Hostile("the same answers here", prepared(existing("m", "ABCD")), None),
    Hostile("other answers here", prepared(existing("m", "ABDD")), "contradict each other: 1 different answer"),
    Hostile("damaged results here", prepared(damaged_results), f"results/s/{EVALUATION}"),
    Hostile("of the study", of_study(), None),
    *(Hostile(name, of_study(**arguments), line) for name, (arguments, line) in STUDY_ROWS.items()),
    Hostile("a model that a config file adds", added_by_a_config, None),
]


def older(folder: Path) -> None:
    """Write a file where the archive goes."""
    Path(folder.parents[1], "s.zip").write_text("old", encoding="utf-8")


INPUTS += [
    Hostile("pack: good", packed(lambda folder: None), None),
    Hostile("pack: over an older one", packed(older), None),
    Hostile(
        "pack: nothing",
        lambda folder: ["mmlu-kit", "pack", "results/s", "--output", "s.zip"],
        "no evaluation was run on this machine",
    ),
    *(
        Hostile(
            f"pack: time {name}",
            packed(replaced(TIMING, edited("timing", "real_s", value=value))),
            f"{TIMING}: not a valid timing file at real_s",
        )
        for name, value in NUMBERS.items()
    ),
    *(
        Hostile(f"pack: {name}", packed(replaced(TIMING, edited("timing", *path, value=value))), line)
        for name, (path, value, line) in CONTRADICTIONS.items()
    ),
    *(Hostile(f"pack: log {name}", packed(replaced(LOG, text)), LOG) for name, text in NOT_LOGS.items()),
    *(
        Hostile(
            f"pack: no {name}",
            packed(lambda folder, name=name: (folder / name).unlink()),
            f"{name} is missing; delete the evaluation and run the study again",
        )
        for name in (TIMING, LOG)
    ),
    Hostile(
        "pack: totals",
        packed(replaced(EVALUATION, edited("evaluation", "totals", "correct", value=3))),
        "the totals contradict",
    ),
    Hostile("pack: imported alone", packed(replaced(EVALUATION, imported())), "no evaluation was run on this machine"),
    *(
        Hostile(
            f"pack: to {kind}",
            packed(lambda folder, kind=kind: place("out.zip", kind)(folder.parents[1]), "out.zip"),
            "out.zip is not a file that an archive could replace",
        )
        for kind in ("folder", "pipe", "link")
    ),
    Hostile(
        "pack: to a device", packed(lambda folder: None, "/dev/full"), "/dev/full is not a file that an archive could replace"
    ),
    Hostile(
        "pack: below a file",
        packed(lambda folder: Path(folder.parents[1], "f").write_text("", encoding="utf-8"), "f/s.zip"),
        "f/s.zip",
    ),
    Hostile("pack: where nothing can be written", packed(lambda folder: None, "/proc/s.zip"), "/proc/s.zip"),
]
