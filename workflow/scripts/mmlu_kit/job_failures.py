"""Why jobs failed, in one line each: the last error line of the program, or why SLURM ended the job.

Snakemake's own message buries a job's rule and log between its inputs and its command. For a job that SLURM ended it shows
the state alone, which is just FAILED where a cluster kills for memory without control groups.
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
    """Yield one line for each failed job of a Snakemake log's text: rule, log, and the log's last line that starts with
    'error:', else its last line. Jobs that a later attempt finished are left out."""
    last: dict[str, tuple[str, str]] = {}
    for match in _FAILED.finditer(text):
        job, log = _JOB.search(match[2]), _LOG.search(match[2])
        if job and log:
            succeeded = re.search(rf"^Finished jobid: {job[1]}\b", text[match.end() :], re.M)  # at a later attempt
            last[log[1]] = (match[1], "") if succeeded else (match[1], _last_message(Path(log[1])))
    for path, (rule, message) in last.items():
        if message:
            yield f"{rule} failed, see {path}: {message}"


def _last_message(log: Path) -> str:
    """The last error line of a log, else its last line."""
    if not log.is_file():
        return "the job ended before it wrote a log"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["the log is empty, so the job was stopped or killed: run again to resume"])[-1][:500]


def explain(logs: Path, since: float) -> Iterator[str]:
    """Yield one line for each job that SLURM ended: which job, why, and what to do.

    `logs` is Snakemake's `slurm_logs`; logs older than `since`, seconds of the epoch, are left out.
    """
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
    advice = "run again"
    if resource:
        unit = {"mem_mb": "<megabytes>", "runtime": "<minutes>"}[resource]
        advice = f"each further attempt (--retries) gets more, or run again with --set-resources {rule}:{resource}={unit}"
    return f"SLURM job {path.stem}, {rule}{which}, {what}: {advice}; scored batches are kept"
