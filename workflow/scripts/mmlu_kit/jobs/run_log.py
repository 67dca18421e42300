"""What a run prints: one line for each finished job or, in a dry run, for each planned job.

`[12 of 96, about 3 min left] evaluate demo-small astronomy: done in 6 s`

Snakemake prints a block of lines when a job starts and another when it ends. Its log file in .snakemake/log keeps them, and
--verbose prints them. Everything else that Snakemake has to say is printed as usual. With `--quiet rules` a line only has the
counts; with `--quiet progress` a job's name is printed when it starts, as by --printshellcmds, and no line when it ends.
"""

import copy
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlu_kit.formatting import plural, rounded_duration
from mmlu_kit.jobs.pace import Kind, Pace
from mmlu_kit.terminal_text import visible

# What is not printed: names of snakemake_interface_logger_plugins.common.LogEvent, and beginnings of messages without an event.
_HIDDEN_EVENTS = ("WORKFLOW_STARTED", "JOB_STARTED", "PROGRESS")
_HIDDEN_TEXTS = ("Select jobs to execute...", "Using shell: ", "Activating singularity image ")
_NOTHING_TO_DO = "Nothing to be done"
# Messages that tell a job by its number alone.
_NUMBERED = re.compile(r"(?:Trying to restart job|Job) (\d+)(?=\.$| has been submitted)")
_COMMIT = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32}\b")
# Wildcards that matter little for how long a job takes.
_ALIKE = ("subject", "repeat")
_REASONS = re.compile(
    "(?:^|; )(Missing output files|Incomplete output files|Updated input files: [^,;]*|"
    "Set of input files has changed|Code has changed|Params have changed|Software environment definition has changed)"
)


def install(workflow: Any, results: Path) -> None:
    """Make a workflow's run print this way; `results` is the study's folder.

    With --verbose or --debug-dag, if the workflow is a module of another, or if another version of Snakemake prints the run,
    nothing changes but that control characters are made visible. Nothing changes if a logger plugin prints the run.
    """
    logger = logging.getLogger("snakemake.logging")
    screens = [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]
    for screen in screens:
        screen.setFormatter(_Visible(screen.formatter or logging.Formatter()))
    try:
        settings = workflow.output_settings
        if screens and workflow.modifier.is_main_snakefile() and not (settings.verbose or settings.debug_dag):
            run_log = RunLog(screens[0], workflow, results)
            logger.removeHandler(screens[0])
            logger.addHandler(run_log)
    except AttributeError:
        return


class _Visible(logging.Formatter):
    """Snakemake's formatter, but with control characters of names, commands and errors made visible; colours come after it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        text = self.formatter.format(record)
        return visible(text) if text else text


@dataclass(frozen=True)
class _Job:
    """A started job: its name, and the text for its end, with a placeholder for the time that it took."""

    name: str
    end: str


class RunLog(logging.Handler):
    """Replaces some records and passes all others on to `screen`, Snakemake's handler.

    A record that it does not understand, from another version of Snakemake, ends this: from then on `screen` prints everything.
    """

    def __init__(self, screen: Any, workflow: Any, results: Path, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.screen, self.workflow, self.results, self.clock = screen, workflow, results, clock
        settings = workflow.output_settings
        self.dry_run, self.print_commands = settings.dryrun, settings.printshellcmds
        self.quiet = {value.name for value in settings.quiet or ()}
        if "ALL" in self.quiet and not self.dry_run:  # Snakemake prints a dry run nevertheless
            self.quiet |= {"RULES", "PROGRESS"}
        self.pace: Pace | None = None
        self.jobs: dict[int, _Job] = {}
        self.usual = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.usual:
            try:
                self._print(record)
                return
            except (AttributeError, KeyError, TypeError):
                self.usual = True
        self.screen.handle(record)

    def flush(self) -> None:
        self.screen.flush()

    def close(self) -> None:
        self.screen.close()
        super().close()

    def _print(self, record: Any) -> None:
        event = getattr(getattr(record, "event", None), "name", None)
        if event == "JOB_INFO":
            self._start(record)
        elif event == "JOB_FINISHED":
            self._finish(record)
        elif event == "GROUP_INFO":  # Snakemake's own line announces a list of jobs, which is not printed
            if not self.quiet & {"RULES", "PROGRESS"}:
                self._write(record, f"group {record.group_id}: {plural(len(record.jobs), 'job')}")
        elif not self._hidden(event, record):
            if event == "JOB_ERROR" and self.pace:
                self.pace.fail(record.jobid)
            self.screen.handle(record if event else self._with_name(record))
            if str(record.msg).startswith(_NOTHING_TO_DO) and not self.dry_run:
                from mmlu_kit.jobs import ending  # here, since every process of a run reads the Snakefile

                ending.show_report(self.workflow, self.results)

    def _hidden(self, event: str | None, record: Any) -> bool:
        if event is None:
            return str(record.msg).startswith(_HIDDEN_TEXTS)
        if event == "SHELLCMD":
            return not record.shellcmd
        if event == "RUN_INFO":  # in a dry run, the same table follows the jobs
            return self.dry_run and self.pace is None and "RULES" not in self.quiet
        return event in _HIDDEN_EVENTS

    def _start(self, record: Any) -> None:
        if self.pace is None:
            jobs = self.workflow.dag.needrun_jobs()
            kinds = Counter(_kind(job.rule.name, job.wildcards_dict) for job in jobs)
            self.pace = Pace(kinds, on_cluster=not self.workflow.local_exec)
        self.pace.start(record.jobid, _kind(record.rule_name, record.wildcards), self.clock())
        if not record.shellcmd:
            end = "done"
        elif record.local or self.workflow.local_exec:
            end = "done in {}"
        else:
            end = "done {} after it was submitted"
        name = job_name(record.rule_name, record.wildcards)
        self.jobs[record.jobid] = _Job(name, end)
        if "RULES" in self.quiet:
            return
        if self.dry_run:
            self._write(record, name if "REASON" in self.quiet else f"{name}: {why(record.reason)}")
        elif self.print_commands or "PROGRESS" in self.quiet:
            self._write(record, name)

    def _finish(self, record: Any) -> None:
        now, job = self.clock(), self.jobs[record.job_id]
        assert self.pace is not None
        took = rounded_duration(self.pace.finish(record.job_id, now))
        left_s = self.pace.left_s(now)
        counts = f"{self.pace.done} of {self.pace.total}"
        if left_s and left_s >= 1:
            counts += f", about {rounded_duration(left_s)} left"
        if "PROGRESS" not in self.quiet:
            self._write(record, f"[{counts}]" if "RULES" in self.quiet else f"[{counts}] {job.name}: {job.end.format(took)}")

    def _with_name(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record or, if its message tells a job by its number alone, one that also has the job's name."""
        numbered = _NUMBERED.match(str(record.msg))
        job = self.jobs.get(int(numbered[1])) if numbered else None
        if not numbered or not job:
            return record
        named = copy.copy(record)
        named.msg = f"{record.msg[: numbered.end()]} ({job.name}){record.msg[numbered.end() :]}"
        return named

    def _write(self, record: logging.LogRecord, line: str) -> None:
        """Print a line in the colours that Snakemake has for such a record on terminals."""
        self.screen.stream.write(self.screen.decorate(record, visible(line)) + "\n")
        self.screen.flush()


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return a job's name, its rule and wildcards: 'evaluate demo-small astronomy'. Commits are shortened."""
    return _COMMIT.sub(r"\1", " ".join([rule, *wildcards.values()]))


def why(reason: str) -> str:
    """Return Snakemake's reason to run a job in a few words, naming no file but the first updated one."""
    reasons = [match[1] for match in _REASONS.finditer(reason)] or [reason.partition(":")[0]]
    return ", ".join(text[:1].lower() + text[1:] for text in reasons)


def _kind(rule: str, wildcards: Mapping[str, str]) -> Kind:
    return rule, *(value for name, value in wildcards.items() if name not in _ALIKE)
