"""The steps from a study's results to its report: which are done, and from where on they are to be made, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import formatting
from mmlu_kit.results import locations
from mmlu_kit.study import Study

NAME = "report"


@dataclass(frozen=True)
class Step:
    """A rule of the workflow, the last file that it makes, and the files that this is made from."""

    rule: str
    file: Path
    sources: list[Path]

    def problem(self) -> str | None:
        """Why the file has to be made, or made again; None if it is newer than all its sources."""
        if not self.file.exists():
            return f"there is no {self.file}"
        made = _mtime(self.file)
        for path in self.sources:
            if not path.exists():
                return f"{self.file} was made without {path}"
            if _mtime(path) > made:
                return f"{self.file} is older than {path}"
        return None


def steps(study: Study, results: Path) -> list[Step]:
    """Return the steps of a study's report in the order of the workflow."""
    merged, analysis, claims, figures = "merged.json", "analysis.json", "claims.json", "figures"
    setups, chat, processes = "setups.json", "chat.json", "timings/processes.json"
    audited = [claims] if study.reference else []
    rows: list[tuple[str, str, list[str]]] = [("parse_times", processes, [])]
    measured = [processes]
    if study.timing_setups:
        names = [setup.name for setup in study.timing_setups.setups]
        logs = [f"setups/run_{repeat}/{name}.txt" for repeat in range(1, study.timing_setups.repeats + 1) for name in names]
        rows.append(("compare_setups", setups, logs))
        measured.append(setups)
    if study.stability:
        measured.append("stability.json")
    if study.chat:
        replies = [f"chat/{model}/{name}.json" for model in study.chat.models for name in ("recall", "times")]
        rows.append(("summarise_chat", chat, [*replies, "chat/transcripts.json"]))
        measured.append(chat)
    rows += [
        ("merge", merged, measured),
        ("analyse", analysis, [merged]),
        *([("audit_claims", claims, [merged])] if study.reference else []),
        ("draw_figures", figures, [merged, analysis]),
        ("describe_run", "run.json", [merged]),
        ("write_report", "report.md", [merged, analysis, *audited, "run.json", figures]),
        ("write_page", "report.html", ["report.md", merged, figures]),
        ("record_provenance", "provenance.json", [merged, analysis, *audited, "run.json", figures, "report.md", "report.html"]),
    ]
    scored = {"merge": _evaluated(study, results)}
    return [
        Step(rule, results / file, [*scored.get(rule, []), *(results / source for source in sources)])
        for rule, file, sources in rows
    ]


def in_words(steps: Sequence[Step], readable: bool) -> str:
    """Return how many steps are done, and which is next and why if some are.

    Without `readable` some results cannot be read, so they have to be merged again.
    """
    unmade: dict[Path, str] = {}
    for step in steps:
        problem = step.problem()
        if step.rule == "merge" and not readable:
            problem = "some results cannot be read"
        if problem or any(path in unmade for path in step.sources):
            unmade[step.file] = f"{step.rule} ({problem})"  # the first one has a problem of its own
    text = f"{len(steps) - len(unmade)} of {formatting.plural(len(steps), 'step')}"
    return f"{text}, next: {next(iter(unmade.values()))}" if unmade and any(step.file.exists() for step in steps) else text


def _evaluated(study: Study, results: Path) -> list[Path]:
    """Return the paths of a study's evaluations and of their timings, where they were measured."""
    paths = []
    for model, subject in study.pairs():
        folder = locations.result_folder(results, model, subject)
        paths.append(locations.evaluation_file(folder, model, subject))
        if model not in study.imported:
            paths.append(locations.timing_file(folder, model, subject))
    return paths


def _mtime(path: Path) -> int:
    """Return when a file was last changed, in ns; of a folder that Snakemake made, when it was done."""
    stamp = path / ".snakemake_timestamp"
    return (stamp if stamp.exists() else path).stat().st_mtime_ns
