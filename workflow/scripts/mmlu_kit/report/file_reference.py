"""The File Reference: the files of a study's results as patterns, each with its number of files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.recall.transcripts import TITLES
from mmlu_kit.report import captions, leaderboard, size_figure, tables
from mmlu_kit.report.cells import Row
from mmlu_kit.report.outline import Outline
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged

# Programs that run once per study; audit_claims does if the study has a reference.
PROGRAMS = (
    "parse_times",
    "merge",
    "analyse",
    "draw_figures",
    "write_report",
    "write_page",
    "describe_run",
    "record_provenance",
)
FORMATS = ("png", "svg")


@dataclass(frozen=True)
class FilePattern:
    """Files below results/<study>; in the pattern, '<name>' matches any one name and '…' any path."""

    pattern: str
    description: str
    count: int = 1

    def matches(self, path: str) -> bool:
        """Return whether a path, relative to the study's results, is one of these files."""
        escaped = re.sub(r"<\w+>", "[^/]+", re.escape(self.pattern)).replace("…", ".+")
        return re.fullmatch(escaped, path) is not None

    def row(self) -> Row:
        """Return a row of the report's table; a pattern of a single file is a link."""
        name = f"`{self.pattern}`"
        return [name if re.search("[<…]", self.pattern) else f"[{name}]({self.pattern})", str(self.count), self.description]


def patterns(merged: Merged, analysis: AnalysisFile, outline: Outline) -> list[FilePattern]:
    """Return patterns for all files that the run made; each file matches exactly one."""
    return [
        pattern
        for pattern in (
            *_results(outline),
            *_answers(merged),
            *_figures_and_measurements(merged, analysis, outline),
            _logs(merged, outline),
        )
        if pattern.count
    ]


def _results(outline: Outline) -> Iterable[FilePattern]:
    yield FilePattern("report.md", "this report")
    yield FilePattern("report.html", "the report and an explorer of all questions, in one page that works offline")
    yield FilePattern("merged.json", "summary of every model and subject, times, machines; its schema is in `workflow/schemas`")
    row = "one row for each model and question: answer, log-probabilities of choices, right or wrong"
    yield FilePattern("questions.csv", row)
    numbers = f"every number of {outline.place('errors')}, and more" if outline.has("errors") else "the analysis of mistakes"
    yield FilePattern("analysis.json", numbers)
    if outline.has("claims"):
        yield FilePattern("claims.json", "the published claims and numbers, checked against this run")
    yield FilePattern("run.json", "how this run was made: code, command line, locks, images, models, questions, machines")
    yield FilePattern(
        "provenance.json", "the same, with every job's command line, start and end, and the hash of every file except logs"
    )
    yield FilePattern("ro-crate-metadata.json", "the same as a Workflow Run RO-Crate, which other programs read")
    yield FilePattern("Snakefile", "the workflow's entry point, for the RO-Crate")


def _answers(merged: Merged) -> Iterable[FilePattern]:
    """Yield evaluations and timings, of this machine and of others."""
    here = [result for result in merged.results if not result.source]
    timed = [result for result in here if not merged.imported(result.model)]
    skipped = len(merged.not_run)
    or_why = ", or why the model was not run" if skipped else ""
    yield FilePattern("evaluations/<model>/<subject>.json", f"a model's answers on a subject{or_why}", len(here) + skipped)
    yield FilePattern(
        "timings/<model>/<subject>.json",
        f"the times of these answers, measured inside the program{or_why}",
        len(timed) + skipped,
    )
    yield FilePattern("timings/<model>/<job>.time", "log of `/usr/bin/time` for the whole process", len(_processes(merged)))
    yield FilePattern("timings/processes.json", "all logs of `/usr/bin/time` as data")
    elsewhere = [result for result in merged.results if result.source]
    logs = {result.process for result in elsewhere if result.process in merged.processes}
    for source in dict.fromkeys(result.source for result in elsewhere):
        results = [result for result in elsewhere if result.source == source]
        count = 2 * len(results) + sum(log is not None and log.startswith(f"{source}/") for log in logs)
        yield FilePattern(
            f"{source}/<kind>/<model>/<file>",
            "evaluations, timings and logs of `/usr/bin/time` from another machine that this study uses",
            count,
        )


def _processes(merged: Merged) -> set[str]:
    """Return the names of the logs of this machine's processes, including those that could not run their model."""
    ran = {result.process for result in merged.results if result.process and not result.source}
    return ran | {merged.study.process(pair.model, pair.subject) for pair in merged.not_run}


def _figures_and_measurements(merged: Merged, analysis: AnalysisFile, outline: Outline) -> Iterable[FilePattern]:
    """Yield figures, and the files of timing setups, the stability measurement and chat models."""
    groups = [captions.drawable_of_group(summaries.summarize_group(merged, group)) for group in merged.study.groups]
    chat = merged.chat
    figures = sum(map(len, groups)) + len(captions.drawable(analysis))
    figures += len(captions.CHAT_FIGURES) if chat and chat.models else 0
    figures += len(captions.of_protocols(analysis))
    figures += size_figure.drawable(leaderboard.entries(merged))
    yield FilePattern("figures/<figure>.<format>", "the figures of this report, as PNG and as SVG", len(FORMATS) * figures)
    number = len(tables.FORMATS) * len(tables.tables(merged, analysis))
    yield FilePattern("tables/<table>.<format>", "the main tables of this report, as CSV and as LaTeX", number)
    if merged.setups:
        runs = len(merged.setups.runs)
        subjects = runs * len(merged.setups.subjects)
        folder = "setups/<run>/<setup>"
        yield FilePattern("setups.json", "every run of the timing setups, and comparisons of them")
        yield FilePattern(f"{folder}.txt", "log of `/usr/bin/time` for a run of a timing setup", runs)
        yield FilePattern(f"{folder}/evaluations/<subject>.json", "its answers, or why it was not run", subjects)
        yield FilePattern(f"{folder}/timings/<subject>.json", "their times, or why it was not run", subjects)
    if merged.stability:
        yield FilePattern("stability.json", "the same questions scored in several ways: each answer, and which ones changed")
    if chat:
        models = len(chat.models) + len(chat.not_run)
        yield FilePattern("chat.json", f"every number of {outline.place('chat')}: what chat models recall, and at what cost")
        yield FilePattern("chat/<transcript>.md", "a whole chat, every message in full", len(TITLES))
        yield FilePattern("chat/transcripts.json", "a summary of these chats, as data")
        yield FilePattern("chat/<model>/recall.json", "every reply of a chat model, or why it was not run", models)
        yield FilePattern("chat/<model>/times.json", "the times of its replies, or why it was not run", models)


def _logs(merged: Merged, outline: Outline) -> FilePattern:
    """Return the pattern of logs: one for each program that runs once, and one for each job."""
    chat, setups = merged.chat, merged.setups
    imported = [model for model in merged.order() if merged.imported(model)]
    count = len(PROGRAMS) + outline.has("claims") + len(imported) + len(_processes(merged))
    count += len(setups.runs) + 1 if setups else 0  # and compare_setups
    count += 1 if merged.stability else 0
    count += len(chat.models) + len(chat.not_run) + 2 if chat else 0  # and write_transcripts, summarise_chat
    return FilePattern("logs/….log", "what each program printed", count)
