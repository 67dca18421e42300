"""Section 1: how to install and run, the machines, and the baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit.config import ModelEntry
from mmlu_kit.formatting import duration, gigabytes, ratio
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.report.cells import Rows, listed
from mmlu_kit.report.machine_table import MachineUse
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Effective

# In a command line: only a part was made, or a path outside the project was shortened to '…'.
_PARTIAL = ("partial=", "--until", "--allowed", "…")


@dataclass(frozen=True)
class Baseline:
    """The baseline model's summary over its subjects and each subject's, and how it ran."""

    summary: Summary
    subjects: list[tuple[str, Summary]]
    effective: Effective

    @property
    def lines(self) -> list[str]:
        """What the writeup's program prints of it."""
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
        """Its processes, as /usr/bin/time measured them; the system time, where it is not known, counts as none."""
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
    """What section 1 shows."""

    command: str
    machines: Rows
    joined: list[str]
    hub: bool
    baseline: Baseline | None


def section(merged: Merged, run: RunFile, machines: Sequence[MachineUse], labels: Mapping[str, str]) -> SetupSection:
    """The section."""
    models = merged.study.models.values()
    return SetupSection(
        command=command(run),
        machines=[_machine(use, labels) for use in machines],
        joined=[_joined(use) for use in machines if use.sources],
        hub=any(isinstance(model, ModelEntry) and model.repository for model in models),
        baseline=baseline(merged),
    )


def command(run: RunFile) -> str:
    """A command line that makes the whole study anywhere: the run's own where it does."""
    if run.command and not any(word in run.command for word in _PARTIAL):
        return run.command
    return f"snakemake --cores 8 --config study={run.study}"


def baseline(merged: Merged) -> Baseline | None:
    """The study's baseline; None where there is none or it did not run."""
    entry = merged.study.baseline
    summary = summaries.summarize(merged, entry.model, entry.subjects) if entry else None
    effective = merged.models[entry.model].effective if entry and summary else None
    if not entry or not summary or not effective:
        return None
    each = [(subject, summaries.summarize(merged, entry.model, [subject])) for subject in entry.subjects]
    return Baseline(summary, [(subject, found) for subject, found in each if found], effective)


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
    return (
        f"Results of another machine ({machine}) were joined with this study's: {listed(f'`{name}`' for name in use.sources)}."
    )
