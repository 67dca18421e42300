"""Why a SLURM job ended before its program could say so: read from what SLURM wrote into the job's log.

Snakemake's own message has the job's state alone, and where a cluster kills for memory without control groups even that is
just FAILED.
"""

import re
from collections.abc import Iterator
from pathlib import Path

# SLURM's words (slurmstepd, with control groups or without), what they mean, and the resource that was too small.
_ENDS = (
    (re.compile(r"(?i)exceeded (?:job )?memory limit|oom[-_ ]kill|out of memory"), "needed more memory than it had", "mem_mb"),
    (re.compile(r"DUE TO TIME LIMIT"), "took longer than its time limit", "runtime"),
    (re.compile(r"DUE TO NODE FAILURE"), "lost its node", None),
    (re.compile(r"DUE TO PREEMPTION"), "had to make room for another job", None),
    (re.compile(r"CANCELLED AT"), "was cancelled", None),
)


def explain(logs: Path, since: float) -> Iterator[str]:
    """One line for each job whose log below `logs` (Snakemake's `slurm_logs`) was written after `since`, seconds of the
    epoch, and tells of an end by SLURM: which job, what happened, and what to do."""
    for path in sorted(logs.glob("rule_*/**/*.log"), key=lambda path: int(path.stem) if path.stem.isdigit() else 0):
        if path.stat().st_mtime < since:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for pattern, what, resource in _ENDS:
            if pattern.search(text):
                yield _line(path.relative_to(logs), what, resource)
                break


def _line(path: Path, what: str, resource: str | None) -> str:
    rule = path.parts[0].removeprefix("rule_")
    which = f" ({path.parts[1]})" if len(path.parts) > 2 else ""
    way_out = "run again"
    if resource:
        unit = {"mem_mb": "<megabytes>", "runtime": "<minutes>"}[resource]
        way_out = f"each further attempt (--retries) gets more, or run again with --set-resources {rule}:{resource}={unit}"
    return f"SLURM job {path.stem}, {rule}{which}, {what}: {way_out}; what was scored is kept"
