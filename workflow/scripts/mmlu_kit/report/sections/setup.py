"""The setup: how to install and run, the machines, and the baseline."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.config import ModelEntry
from mmlu_kit.formatting import duration, gigabytes, ratio
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.report.cells import Rows, listed
from mmlu_kit.report.machine_table import MachineUse
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Effective

# Signs, in a command line, that only a part was made or that a path outside the project was shortened to '…'.
_PARTIAL = ("partial=", "--until", "--allowed", "…")
# Options that such a command line keeps, with their values.
_KEPT = (
    "--configfile",
    "--configfiles",
    "--use-singularity",
    "--use-apptainer",
    "--software-deployment-method",
    "--sdm",
    "--profile",
)


@dataclass(frozen=True)
class Baseline:
    """The baseline model's summaries, over all its subjects and over each, and how it ran."""

    summary: Summary
    subjects: list[tuple[str, Summary]]
    effective: Effective

    @property
    def lines(self) -> list[str]:
        """What a first run of the model prints."""
        return [
            "Model loaded successfully!",
            f"Model device: {self.effective.device}",
            f"Model dtype: torch.{self.effective.dtype}",
            f"Model quantization: {self.effective.quantization}",
            *(
                f" Result: {summary.correct}/{summary.questions} correct = {100 * summary.accuracy:.2f}%   # {subject}"
                for subject, summary in self.subjects
            ),
            f"Overall Accuracy: {100 * self.summary.accuracy:.2f}%",
        ]

    @property
    def processes(self) -> Rows:
        """Its processes, as /usr/bin/time measured them; an unknown system time counts as 0."""
        return [
            [
                name,
                *map(duration, (process.real_s, process.user_s, process.system_s)),
                ratio((process.user_s + (process.system_s or 0)) / process.real_s) if process.real_s else "—",
                gigabytes(process.peak_rss_bytes),
            ]
            for name, process in self.summary.processes.items()
        ]


@dataclass(frozen=True)
class SetupSection:
    """The content of the section."""

    command: str
    machines: Rows
    joined: list[str]
    hub: bool
    baseline: Baseline | None


def section(merged: Merged, run: RunFile, machines: Sequence[MachineUse], labels: Mapping[str, str]) -> SetupSection:
    """Return the section."""
    models = merged.study.models.values()
    return SetupSection(
        command=command(run),
        machines=[_machine(use, labels) for use in machines],
        joined=[_joined(use) for use in machines if use.sources],
        hub=bool(merged.study.questions.repository)
        or any(isinstance(model, ModelEntry) and model.repository for model in models),
        baseline=baseline(merged),
    )


def command(run: RunFile) -> str:
    """Return a command line that runs the whole study: the run's own or, if that made a part, one with the same config."""
    kept = _kept(formatting.unescaped(run.command or ""))
    if "--snakefile" in (run.command or "") and kept[:1] in ([], ["--configfile"]) and len(kept) in (0, 2):
        # In another folder than the kit's.
        return formatting.escaped(shlex.join(["mmlu-kit", "report", run.study, *kept]))
    if run.command and not any(word in run.command for word in _PARTIAL):
        return run.command
    return formatting.escaped(shlex.join(["snakemake", "--cores", "8", *kept, "--config", f"study={run.study}"]))


def _kept(command: str) -> list[str]:
    """Return those options of a command line that say which config is read and whether jobs run in containers."""
    try:
        words = shlex.split(command)
    except ValueError:  # cut off within quotes
        return []
    kept: list[str] = []
    taken = False
    for word in words:
        if word.startswith("-"):
            taken = word.partition("=")[0] in _KEPT
        if taken:
            kept.append(word)
    return kept


def baseline(merged: Merged) -> Baseline | None:
    """Return the study's baseline, None if there is none or if it did not run."""
    entry = merged.study.baseline
    summary = summaries.summarize(merged, entry.model, entry.subjects) if entry else None
    effective = merged.models[entry.model].effective if entry and summary else None
    if not entry or not summary or not effective:
        return None
    by_subject = [(subject, summaries.summarize(merged, entry.model, [subject])) for subject in entry.subjects]
    with_results = [(subject, subject_summary) for subject, subject_summary in by_subject if subject_summary]
    return Baseline(summary, with_results, effective)


def _machine(use: MachineUse, labels: Mapping[str, str]) -> list[str]:
    machine = use.machine
    return [
        listed(labels[run.model] for run in use.runs),
        machine.processor,
        str(machine.cores_usable),
        machine.gpu or "none",
        machine.container or "none",
        machine.python,
        *(str(machine.packages.get(package)) for package in ("torch", "transformers")),
    ]


def _joined(use: MachineUse) -> str:
    machine = listed(filter(None, (use.machine.processor, use.machine.gpu)))
    return f"Results from another machine ({machine}) are included: {listed(f'`{name}`' for name in use.sources)}."
