"""The jobs that jobs_below a folder's files, from Snakemake's records: one JSON file for each output of each job."""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmlu_kit.provenance.documents import Job


def jobs_below(records: Path, folder: str) -> list[Job]:
    """Return the jobs with outputs below `folder`, in the order in which they started.

    `records` is Snakemake's `metadata` folder; without records (`--drop-metadata`) the result is empty. Outputs that no longer
    exist are left out, and so are jobs without any other output. Times are ISO 8601, UTC, in whole seconds.
    """
    jobs: dict[tuple[str | None, str | None], list[tuple[float, float, str]]] = {}
    for target, record in _records(records):
        if target.startswith(f"{folder}/") and Path(target).exists() and record.get("starttime"):
            outputs = jobs.setdefault((record.get("rule"), record.get("shellcmd")), [])
            outputs.append((record["starttime"], record["endtime"], target.removeprefix(f"{folder}/")))
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
            yield os.fsdecode(urlsafe_b64decode(encoded)), json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
