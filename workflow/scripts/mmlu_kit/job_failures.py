"""Why jobs failed, one line for each: the last error line of the program, or the reason why SLURM killed the job.

Snakemake's own message hides the rule and the log among the job's inputs and command. For a job killed by SLURM it shows only
the state, which is just FAILED if a cluster enforces memory limits without control groups.
"""

import re
from collections.abc import Iterator
from pathlib import Path

# Messages of slurmstepd (with or without control groups), what they mean, and the resource that was too small.
_SLURM_REASONS = (
    (
        re.compile(r"(?i)exceeded (?:job )?memory limit|oom[-_ ]kill|out of memory"),
        "needed more memory than it had requested",
        "mem_mb",
    ),
    (re.compile(r"DUE TO TIME LIMIT"), "took longer than its time limit", "runtime"),
    (re.compile(r"DUE TO NODE FAILURE"), "lost its node", None),
    (re.compile(r"DUE TO PREEMPTION"), "was preempted by another job", None),
    (re.compile(r"CANCELLED AT"), "was cancelled", None),
)


# A failed job in Snakemake's log: its rule and the indented lines below.
_FAILED = re.compile(r"^Error in rule (\w+):\n((?:    .*\n)+)", re.M)
_JOB, _LOG = re.compile(r"^    jobid: (\d+)$", re.M), re.compile(r"^    log: (.+?)(?: \(check log file.*)?$", re.M)


def failed_jobs(text: str) -> Iterator[str]:
    """Yield one line for each failed job in the text of a Snakemake log: the rule, the job's log, and its last error line.

    A log without a line that starts with 'error:' gives its last line. Jobs that a later attempt finished are left out.
    """
    failures: dict[str, tuple[str, str]] = {}
    for match in _FAILED.finditer(text):
        job, log = _JOB.search(match[2]), _LOG.search(match[2])
        if job and log:
            succeeded = re.search(rf"^Finished jobid: {job[1]}\b", text[match.end() :], re.M)  # at a later attempt
            failures[log[1]] = (match[1], "") if succeeded else (match[1], _last_message(Path(log[1])))
    for path, (rule, message) in failures.items():
        if message:
            yield f"{rule} failed, see {path}: {message}"


def _last_message(log: Path) -> str:
    """The last error line of a log, or its last line if it has none."""
    if not log.is_file():
        return "the job ended before it wrote a log"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["the log is empty, so the job was killed: run again to resume"])[-1][:500]


def killed_by_slurm(logs: Path, since: float) -> Iterator[str]:
    """Yield one line for each job that SLURM killed: which job, why, and what to do.

    `logs` is Snakemake's folder `slurm_logs`; logs older than `since` (seconds since the epoch) are left out.
    """
    for path in sorted(logs.glob("rule_*/**/*.log"), key=lambda path: int(path.stem) if path.stem.isdigit() else 0):
        if path.stat().st_mtime < since:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for pattern, reason, resource in _SLURM_REASONS:
            if pattern.search(text):
                yield _line(path.relative_to(logs), reason, resource)
                break


def _line(path: Path, reason: str, resource: str | None) -> str:
    rule = path.parts[0].removeprefix("rule_")
    wildcards = f" ({path.parts[1]})" if len(path.parts) > 2 else ""
    advice = "run again"
    if resource:
        unit = {"mem_mb": "<megabytes>", "runtime": "<minutes>"}[resource]
        advice = f"each retry (--retries) requests more, or run again with --set-resources {rule}:{resource}={unit}"
    return f"SLURM job {path.stem}, {rule}{wildcards}, {reason}: {advice}; scored batches are kept"
