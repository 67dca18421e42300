"""Why jobs failed, in one line each: what their programs said last, and what SLURM said where it ended them first.

Snakemake's own message names a job's rule and log, between its inputs and its command. Of a SLURM job that was ended it has
the state alone, and where a cluster kills for memory without control groups even that is just FAILED.
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


# A failed job in Snakemake's log: its rule, and what is indented below.
_FAILED = re.compile(r"^Error in rule (\w+):\n((?:    .*\n)+)", re.M)
_JOB, _LOG = re.compile(r"^    jobid: (\d+)$", re.M), re.compile(r"^    log: (.+?)(?: \(check log file.*)?$", re.M)


def repeat(text: str) -> Iterator[str]:
    """One line for each job that failed for good by Snakemake's own log, whose text this is: rule, log, and the log's last
    line that starts with 'error:', else its last line."""
    last: dict[str, tuple[str, str]] = {}
    for match in _FAILED.finditer(text):
        job, log = _JOB.search(match[2]), _LOG.search(match[2])
        if job and log:
            succeeded = re.search(rf"^Finished jobid: {job[1]}\b", text[match.end() :], re.M)  # at a later attempt
            last[log[1]] = (match[1], "") if succeeded else (match[1], _said(Path(log[1])))
    for path, (rule, said) in last.items():
        if said:
            yield f"{rule} failed, see {path}: {said}"


def _said(log: Path) -> str:
    """The line of a log that tells most."""
    if not log.is_file():
        return "it ended before it could write a log"
    said = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    return (told or said or ["it ended without a word, as a job does that is stopped or killed: run again to go on"])[-1][:500]


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
