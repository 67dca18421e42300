"""Which jobs made the files of a folder: Snakemake's own records, one JSON file for each output of each job."""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def made(records: Path, folder: str) -> list[dict]:
    """The jobs whose outputs lie below `folder`, in the order they started: `rule, command, started, ended, outputs`.

    `records` is Snakemake's `metadata` folder; none where it kept no records (`--drop-metadata`). Outputs that are no longer
    there are left out, and jobs without any other. Times are ISO 8601, UTC, whole seconds.
    """
    jobs: dict[tuple, dict] = {}
    for target, record in _records(records):
        if target.startswith(f"{folder}/") and Path(target).exists() and record.get("starttime"):
            key = (record.get("rule"), record.get("shellcmd"))
            job = jobs.setdefault(key, {"rule": key[0], "command": key[1], "starts": [], "ends": [], "outputs": []})
            job["starts"].append(record["starttime"])
            job["ends"].append(record["endtime"])
            job["outputs"].append(target.removeprefix(f"{folder}/"))
    return [
        {
            "rule": job["rule"],
            "command": job["command"],
            "started": iso(min(job["starts"])),
            "ended": iso(max(job["ends"])),
            "outputs": sorted(job["outputs"]),
        }
        for job in sorted(jobs.values(), key=lambda job: (min(job["starts"]), job["outputs"]))
    ]


def iso(seconds: float) -> str:
    """Seconds of the epoch as a date: '2026-01-31T12:00:00+00:00'."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _records(folder: Path) -> Iterator[tuple[str, dict]]:
    """(output's path, record) of every job; a record that is being written or is damaged is none."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if not path.is_file():
            continue
        # A name too long for the file system is split into folders that begin with '@'.
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            yield os.fsdecode(urlsafe_b64decode(encoded)), json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
