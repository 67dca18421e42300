"""What a run prints, with Snakemake's own handler, filter and formatter, and records as Snakemake makes them."""

import io
import logging
from types import SimpleNamespace

import pytest
from mmlu_kit.jobs import run_log
from mmlu_kit.jobs.run_log import RunLog
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

COMMIT = "7ae557604adf67be50417f59c2c2f167def9a775"


def planned(rule, **wildcards):
    """A job of Snakemake's plan."""
    return SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards_dict=wildcards)


class Screen:
    """A run whose output is read as text; the clock is set by hand."""

    def __init__(self, tmp_path, jobs=(), local_exec=True, **settings):
        self.jobs, self.now, self.text = list(jobs), 0.0, io.StringIO()
        self.settings = OutputSettings(**settings)
        self.usual = ColorizingTextHandler(stream=self.text)
        self.usual.name = "DefaultStreamHandler"
        self.usual.setFormatter(DefaultFormatter(self.settings.quiet))
        options = (self.settings.verbose, self.settings.dryrun, self.settings.printshellcmds)
        self.usual.addFilter(DefaultFilter(self.settings.quiet, False, *options))
        end = SimpleNamespace(output=[], input=[tmp_path / "merged.json", tmp_path / "report.html"])
        self.workflow = SimpleNamespace(
            output_settings=self.settings,
            local_exec=local_exec,
            modifier=SimpleNamespace(is_main_snakefile=lambda: True),
            dag=SimpleNamespace(needrun_jobs=lambda: iter(self.jobs), targetjobs=[end]),
        )
        self.log = RunLog(self.usual, self.workflow, tmp_path, clock=lambda: self.now)

    def say(self, message, event=None, level="INFO", **fields):
        """Log a record."""
        number = logging.getLevelName(level)
        fields |= {"event": event} if event else {}
        self.log.handle(logging.makeLogRecord({"msg": message, "levelname": level, "levelno": number, **fields}))

    def start(self, number, **changes):
        """Log what Snakemake logs when it starts a job."""
        job = self.jobs[number]
        fields = dict.fromkeys(("rule_msg", "benchmark", "local", "is_checkpoint", "indent")) | {
            "jobid": number,
            "rule_name": job.rule.name,
            "wildcards": job.wildcards_dict,
            "reason": "Missing output files: a.json, b.json; Input files updated by another job: c",
            "shellcmd": f"run {number}",
            **{key: ["path"] for key in ("input", "output", "log")},
            **{"resources": {}, "priority": 0, "threads": 1},
            **changes,
        }
        self.say("Select jobs to execute...")
        self.say("Execute 1 jobs...", LogEvent.JOB_STARTED)
        self.say(f" Rule: {job.rule.name}", LogEvent.JOB_INFO, **fields)
        self.say(f"Shell command: {fields['shellcmd']}", LogEvent.SHELLCMD, shellcmd=fields["shellcmd"])

    def finish(self, number):
        """Log what Snakemake logs when a job is done."""
        self.say(f"Finished jobid: {number} (Rule: x)", LogEvent.JOB_FINISHED, job_id=number)
        self.say(None, LogEvent.PROGRESS, done=1, total=len(self.jobs))

    @property
    def lines(self):
        """The printed lines that are not empty."""
        return [line for line in self.text.getvalue().splitlines() if line]


def evaluations(count):
    """As many jobs of one model."""
    return [planned("evaluate", model="demo-small", subject=f"s{number}") for number in range(count)]


def test_each_job_is_one_line_with_progress_and_the_time_left(tmp_path):
    jobs = [planned("fetch_model", model="m", commit=COMMIT), *evaluations(3), planned("all")]
    screen = Screen(tmp_path, jobs)
    for number, seconds in enumerate((0.3, 6, 6, 200)):
        screen.start(number)
        screen.now += seconds
        screen.finish(number)
    screen.start(4, shellcmd=None)
    screen.finish(4)
    assert screen.lines == [
        "[1 of 5] fetch_model m 7ae55760: done in 0.3 s",
        "[2 of 5, about 15 s left] evaluate demo-small s0: done in 6 s",
        "[3 of 5, about 10 s left] evaluate demo-small s1: done in 6 s",
        "[4 of 5] evaluate demo-small s2: done in 3 min",
        "[5 of 5] all: done",
    ]


def test_on_a_cluster_times_are_counted_from_the_submission(tmp_path):
    screen = Screen(tmp_path, [planned("fetch_model", model="m"), *evaluations(2)], local_exec=False)
    screen.start(0, local=True)
    screen.finish(0)
    screen.start(1)
    screen.say("Job 1 has been submitted with SLURM jobid 77 (log: 77.log).")
    screen.say("Trying to restart job 1.")
    screen.now = 120
    screen.finish(1)
    assert screen.lines == [
        "[1 of 3] fetch_model m: done in 0.0 s",
        "Job 1 (evaluate demo-small s0) has been submitted with SLURM jobid 77 (log: 77.log).",
        "Trying to restart job 1 (evaluate demo-small s0).",
        "[2 of 3, about 2 min left] evaluate demo-small s0: done 2 min after it was submitted",
    ]


@pytest.mark.parametrize(
    ("quiet", "lines"),
    [
        ({Quietness.RULES}, ["Nothing new", "[1 of 2, about 6 s left]"]),
        ({Quietness.PROGRESS}, ["Nothing new", "evaluate demo-small s0"]),
        ({Quietness.RULES, Quietness.PROGRESS}, ["Nothing new"]),
        ({Quietness.HOST, Quietness.REASON}, ["Nothing new", "[1 of 2, about 6 s left] evaluate demo-small s0: done in 6 s"]),
        ({Quietness.ALL}, []),
    ],
)
def test_quiet_hides_what_it_names(tmp_path, quiet, lines):
    screen = Screen(tmp_path, evaluations(2), quiet=quiet)
    screen.say("Nothing new")
    screen.start(0)
    screen.now = 6
    screen.finish(0)
    assert screen.lines == lines


def test_commands_are_printed_below_the_jobs_names(tmp_path):
    screen = Screen(tmp_path, evaluations(2), printshellcmds=True)
    screen.start(0)
    screen.start(1, shellcmd=None)
    assert screen.lines == ["evaluate demo-small s0", "Shell command: run 0", "evaluate demo-small s1"]


def test_a_dry_run_lists_jobs_with_reasons_and_the_table_once(tmp_path):
    reasons = {
        "Missing output files: a.json, b.json; Input files updated by another job: c": "missing output files",
        "Input files updated by another job: a, b": "input files updated by another job",
        "Updated input files: a, b; Code has changed since last execution": "updated input files: a, code has changed",
        "Params have changed since last execution: before: 1, now: 2": "params have changed",
        "Forced execution": "forced execution",
    }
    screen = Screen(tmp_path, evaluations(len(reasons)), dryrun=True)
    screen.say("Job stats:\ntotal 5", LogEvent.RUN_INFO)
    for number, reason in enumerate(reasons):
        screen.start(number, reason=reason)
    screen.say("Job stats:\ntotal 5", LogEvent.RUN_INFO)
    listed = [f"evaluate demo-small s{number}: {words}" for number, words in enumerate(reasons.values())]
    assert screen.lines == [*listed, "Job stats:", "total 5"]


def test_errors_and_warnings_are_printed_by_snakemake_itself(tmp_path):
    screen = Screen(tmp_path, evaluations(1))
    screen.start(0)
    screen.say("mind the gap", level="WARNING")
    fields = {"jobid": 0, "rule_name": "evaluate", "rule_msg": None, "input": [], "output": ["x"], "log": ["x.log"]}
    aside = {"conda_env": None, "shellcmd": "run", "aux": {}, "indent": False}
    screen.say("Error in rule evaluate, jobid: 0", LogEvent.JOB_ERROR, "ERROR", **fields, **aside)
    screen.say("WorkflowError: no", LogEvent.ERROR, "ERROR", exception="WorkflowError")
    assert screen.lines[0] == "mind the gap" and "Error in rule evaluate:" in screen.lines
    assert "    log: x.log (check log file(s) for error details)" in screen.lines and screen.lines[-1] == "WorkflowError: no"


def test_a_run_with_nothing_to_do_names_the_report_unless_it_is_quiet(tmp_path, capsys):
    message = "Nothing to be done (all requested files are present and up to date)."
    Screen(tmp_path).say(message)
    assert not capsys.readouterr().out  # there is no report yet
    (tmp_path / "report.html").touch()
    Screen(tmp_path).say(message)
    assert capsys.readouterr().out == f"The report: {tmp_path}/report.html\n"
    Screen(tmp_path, quiet={Quietness.ALL}).say(message)
    Screen(tmp_path, dryrun=True).say(message)
    assert not capsys.readouterr().out


def test_records_in_another_form_end_it_and_snakemake_prints_the_rest(tmp_path):
    screen = Screen(tmp_path, evaluations(2))
    screen.start(0)
    screen.say("Finished job 0", LogEvent.JOB_FINISHED, job="another form")
    screen.start(1)
    assert "Finished job 0" in screen.lines and "Execute 1 jobs..." in screen.lines
    assert "    wildcards: model=demo-small, subject=s1" in screen.lines


@pytest.mark.parametrize("settings", [{"verbose": True}, {"debug_dag": True}, {}])
def test_only_the_main_workflows_screen_is_replaced_and_not_with_verbose(tmp_path, settings, monkeypatch):
    logger = logging.getLogger("snakemake.logging")
    screen, file = Screen(tmp_path, **settings), logging.NullHandler()
    monkeypatch.setattr(logger, "handlers", [screen.usual, file])
    run_log.install(SimpleNamespace(output_settings=screen.settings), tmp_path)  # of another version
    screen.workflow.modifier.is_main_snakefile = lambda: False  # a module
    run_log.install(screen.workflow, tmp_path)
    assert logger.handlers == [screen.usual, file]
    screen.workflow.modifier.is_main_snakefile = lambda: True
    run_log.install(screen.workflow, tmp_path)
    assert file in logger.handlers and (screen.usual in logger.handlers) == bool(settings)


def test_a_group_of_jobs_has_a_line_and_each_of_its_jobs_when_it_is_done(tmp_path):
    screen = Screen(tmp_path, [planned("evaluate", model="m", subject=subject) for subject in ("anatomy", "astronomy")])
    members = {object(), object()}
    screen.say("Group job g (jobs in lexicogr. order):", LogEvent.GROUP_INFO, group_id="g", jobs=members)
    screen.start(0)
    screen.start(1)
    screen.now = 6
    screen.finish(0)
    screen.finish(1)
    lines = screen.text.getvalue().splitlines()
    assert lines[0] == "group g: 2 jobs" and [line.split("] ")[1] for line in lines[1:]] == [
        "evaluate m anatomy: done in 6 s",
        "evaluate m astronomy: done in 6 s",
    ]
