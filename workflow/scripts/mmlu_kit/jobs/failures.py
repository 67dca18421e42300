"""One line for each failed job, printed at the end of a run.

Snakemake's own message hides the rule and the log among the job's inputs and command, and under --quiet it is written neither
to the screen nor to Snakemake's log. Its records of events are complete.
"""

import logging
import re
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlu_kit.jobs import container_messages, log_messages, slurm_messages

_STATUS = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.\w+: (\d+)>")
_MISSING_OUTPUT = re.compile(r"^Job +(\d+) +completed successfully, but some output files are missing.*", re.M | re.S)
_NAMED = 3  # jobs that a line names


@dataclass
class Attempt:
    """What Snakemake's records tell of the last attempt of a job."""

    written: dict[str, int | None] = field(default_factory=dict)  # when each of its logs had been written before it began
    exception: str = ""  # of a job on this machine: its command and exit status, or why there was none
    message: str = ""  # the executor's: sbatch's words, or the state of the SLURM job
    slurm_id: str = ""
    slurm_log: Path | None = None

    def keep_slurm(self, jobid: str | None, logs: Iterable[str]) -> None:
        """Keep a SLURM job's number and log; the members of a group share them, and their own records lack them."""
        self.slurm_id = jobid or self.slurm_id
        self.slurm_log = next(map(Path, logs), self.slurm_log)


class Evidence:
    """What is left of a failed job: `log` is the text of its log, empty if its last attempt wrote none, `slurm` of SLURM's."""

    def __init__(self, attempt: Attempt, log: str) -> None:
        self.attempt, self.log = attempt, log.strip()
        self.slurm = log_messages.read(attempt.slurm_log) if attempt.slurm_log else ""
        self.run = self.slurm or attempt.exception  # Snakemake's words on the command, from the machine that ran it

    def refusal(self, rule: str) -> str | None:
        """Return why the program did not begin, which SLURM or the container refused; None if it began."""
        reason = slurm_messages.refusal(self.attempt.message, rule)
        if not reason and not self.log:
            reason = slurm_messages.refusal(self.slurm, rule) or container_messages.failure(self.run)
        return reason

    def message(self) -> str:
        """Return the last message of the job's log or, without one, what is known of its end."""
        status = _STATUS.search(self.run)
        if self.attempt.exception and not status:
            return log_messages.shortened([self.attempt.exception])
        number = int(status[1] or 128 + int(status[2])) if status else 0
        killed = f"killed by {_signal(number - 128)}" if 128 < number < 192 else ""
        if self.log:
            silent = killed and not log_messages.explained(self.log)
            message = log_messages.last_message(self.log)
            return f"{killed}; the last line of the log: {message}" if silent else message
        if killed:
            return f"{killed} before it wrote anything: run again to resume"
        if number:
            return f"ended with exit status {number} and wrote nothing; the disk of its log may be full"
        words = slurm_messages.last_message(self.slurm) or log_messages.shortened([self.attempt.message])
        return words or "ended and wrote nothing: run again to resume"


class Failures(logging.Handler):
    """Collects Snakemake's records of jobs; their fields are documented in snakemake-interface-logger-plugins."""

    def __init__(self) -> None:
        super().__init__()
        self._attempts: dict[int, Attempt] = {}
        self._exceptions: dict[int | None, str] = {}  # the last one of each thread, recorded just before its job's error

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a record says of a job; fields may be missing in other versions of Snakemake."""
        values = vars(record)
        match values.get("event"):
            case "job_info":
                logs = values.get("log", ())
                self._attempts[values.get("jobid", -1)] = Attempt({path: _written(path) for path in logs})
            case "error":
                text = record.getMessage()
                if match := _MISSING_OUTPUT.search(text):
                    self._attempt(int(match[1])).exception = match[0]
                else:
                    self._exceptions[record.thread] = text
            case "group_error":
                for job in values.get("job_error_info", ()):
                    attempt = self._attempt(job.get("jobid", -1))
                    attempt.keep_slurm(values.get("external_jobid"), values.get("aux_logs", ()))
            case "job_error":
                attempt = self._attempt(values.get("jobid", -1))
                attempt.exception = self._exceptions.pop(record.thread, "")
                attempt.message = values.get("rule_msg") or ""
                logs = [path for path in values.get("log", ()) if path not in attempt.written]
                attempt.keep_slurm(values.get("aux", {}).get("external_jobid"), logs)

    def lines(self, jobs: Iterable[Any]) -> Iterator[str]:
        """Yield a line for each failed job of Snakemake's scheduler (`scheduler.failed`, which no retry finished).

        Jobs that did not begin have no log; those of a rule that did not begin for the same reason share a line.
        """
        not_begun: dict[tuple[str, str], list[str]] = {}
        single = [job for item in jobs for job in (item.jobs if item.is_group() else [item])]
        for job in sorted(single, key=lambda job: int(job.jobid)):
            attempt, rule, name = self._attempt(job.jobid), str(job.rule.name), "_".join(job.wildcards)
            log = next(map(str, job.log), "")
            evidence = Evidence(attempt, log_messages.read(Path(log)) if _written(log) != attempt.written.get(log) else "")
            if reason := slurm_messages.kill(f"{evidence.slurm}\n{attempt.message}", rule):
                yield f"SLURM job {attempt.slurm_id}, {_named(rule, [name])}, {reason}"
            elif reason := evidence.refusal(rule):
                not_begun.setdefault((rule, reason), []).append(name)
            else:
                place = log if evidence.log else str(attempt.slurm_log or log)
                yield f"{rule} failed{f', see {place}' if place else ''}: {evidence.message()}"
        for (rule, reason), names in not_begun.items():
            yield f"{_named(rule, names)} did not begin: {reason}"

    def _attempt(self, jobid: int) -> Attempt:
        return self._attempts.setdefault(jobid, Attempt())


def _written(log: str) -> int | None:
    """When a log was written, None if there is none."""
    try:
        return Path(log).stat().st_mtime_ns
    except OSError:
        return None


def _named(rule: str, names: list[str]) -> str:
    """A rule with the wildcards of its jobs: 'evaluate (demo-small_astronomy)'; just the rule if it has no wildcards."""
    names = [name for name in names if name]
    others = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return f"{rule} ({', '.join([*names[:_NAMED], *others])})" if names else rule


def _signal(number: int) -> str:
    """The name of a signal, with the usual reason for SIGKILL."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"{name}, most likely for lack of memory" if number == signal.SIGKILL else name
