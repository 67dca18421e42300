"""The jobs that jobs_below a folder's files, from Snakemake's records: one JSON file for each output of each job."""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmlu_kit.provenance.documents import Job

_LATEST_S = 1e11  # some thousand years from now


def jobs_below(records: Path, folder: str) -> list[Job]:
    """Return the jobs with outputs below `folder`, in the order in which they started.

    `records` is Snakemake's `metadata` folder; without records (`--drop-metadata`) the result is empty. Outputs that no longer
    exist are left out, and so are jobs without any other output. Times are ISO 8601, UTC, in whole seconds.
    """
    jobs: dict[tuple[str | None, str | None], list[tuple[float, float, str]]] = {}
    for target, record in _records(records):
        started, ended = _time(record, "starttime"), _time(record, "endtime")
        if target.startswith(f"{folder}/") and Path(target).exists() and started and ended:
            outputs = jobs.setdefault((record.get("rule"), record.get("shellcmd")), [])
            outputs.append((started, ended, target.removeprefix(f"{folder}/")))
    ordered = sorted(jobs.items(), key=lambda job: (min(job[1])[0], sorted(name for _, _, name in job[1])))
    return [
        Job(
            rule=rule,
            command=command,
            started=iso(min(started for started, _, _ in outputs)),
            ended=iso(max(ended for _, ended, _ in outputs)),
            outputs=sorted(name for _, _, name in outputs),
        )
        for (rule, command), outputs in ordered
    ]


def ends(snakemake: Path) -> dict[str, float | None]:
    """Return when Snakemake's jobs wrote each of their outputs, in seconds since the epoch, by the output's path.

    `snakemake` is the folder of its records. The value is None for an output whose job was not finished.
    """
    finished = {target: end for target, record in _records(snakemake / "metadata") if (end := _time(record, "endtime"))}
    return {**finished, **{target: None for target, _ in _records(snakemake / "incomplete")}}


def iso(seconds: float) -> str:
    """Format seconds since the epoch as a date: '2026-01-31T12:00:00+00:00'."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (output's path, record) of every job; a record that is damaged or still being written is skipped."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if not path.is_file():
            continue
        # A name too long for the file system is split into folders that begin with '@'.
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            target, record = os.fsdecode(urlsafe_b64decode(encoded)), json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError):
            continue
        if isinstance(record, dict):
            yield target, record


def _time(record: Mapping[str, Any], key: str) -> float | None:
    """A time of a record in seconds since the epoch; None if it has none."""
    seconds = record.get(key)
    return seconds if isinstance(seconds, int | float) and 0 < seconds < _LATEST_S else None
