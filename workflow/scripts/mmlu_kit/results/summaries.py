"""A model's counts and times over several subjects, summed from merged.json. Accuracies are fractions, times seconds."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmlu_kit import settings
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.results.merged import Merged, Result, sums
from mmlu_kit.results.protocols import protocol
from mmlu_kit.settings import GPUS, Device
from mmlu_kit.statistics import intervals
from mmlu_kit.study import Group
from mmlu_kit.timing import phase_timer
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import ProcessTimes

_START = tuple(f"{phase}_s" for phase in phase_timer.START)
_SUMMED = (*(f"{phase}_s" for phase in phase_timer.SUBJECT), "real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "gpu_energy_j")


@dataclass(frozen=True)
class Summary:
    """A model's counts, accuracies and times over its subjects.

    A question that occurs more than once counts once, as `repeats` says; `every_copy` counts each copy, and so do the times.
    Times are summed over subjects, and None if any of them is None or they come from several machines. `startup_s` and
    `load_s` are summed over processes, as each process starts and loads the model once. `machine` is the index of the machine
    in merged.json, None for several machines. Device and protocol (how the model was asked) are None for imported answers.
    """

    model: str
    label: str
    device: str | None
    protocol: str | None
    machine: int | None
    subjects: int
    questions: int
    guessed: float
    correct: int
    correct_generated: int | None
    parsed: int | None
    every_copy: Totals
    accuracy_low: float
    accuracy_high: float
    startup_s: float | None
    load_s: float | None
    tokenize_s: float | None
    forward_s: float | None
    parse_s: float | None
    write_s: float | None
    other_s: float | None
    real_s: float | None
    cpu_user_s: float | None
    cpu_system_s: float | None
    gpu_s: float | None
    gpu_energy_j: float | None
    peak_rss_bytes: int | None
    peak_gpu_bytes: int | None
    reasons: Mapping[str, str]
    resumed: bool
    questions_sha256: tuple[str, ...]
    processes: Mapping[str, ProcessTimes]

    @property
    def accuracy(self) -> float:
        """The accuracy by the best answer."""
        return self.correct / self.questions

    @property
    def guessing(self) -> float:
        """The accuracy of guessing: the mean of one in the number of choices, question by question."""
        return self.guessed / self.questions

    @property
    def accuracy_generated(self) -> float | None:
        """The accuracy by the generated letter, in which an unparsed answer counts as wrong; None if nothing is generated."""
        return None if self.correct_generated is None else self.correct_generated / self.questions

    @property
    def parse_rate(self) -> float | None:
        """The share of answers from which a letter could be parsed; None if nothing is generated."""
        return None if self.parsed is None else self.parsed / self.questions

    @property
    def unread(self) -> int:
        """The number of imported answers that name no choice; a model that was run has a best letter for every question."""
        return self.questions - self.parsed if self.device is None and self.parsed is not None else 0

    @property
    def cpu_s(self) -> float | None:
        """User plus system time."""
        return _sum([self.cpu_user_s, self.cpu_system_s])

    def seconds(self, phase: str) -> float | None:
        """Return the time of a phase of phase_timer, or the 'real', 'cpu' or 'gpu' time."""
        value: float | None = getattr(self, f"{phase}_s")
        return value


def summarize(merged: Merged, model: str, subjects: Iterable[str]) -> Summary | None:
    """Return a model's summary over `subjects`, None if it has no result for any of them."""
    chosen = set(subjects)
    results = [result for result in merged.results if result.model == model and result.subject in chosen]
    if not results:
        return None
    counts = merged.counted(results)
    low, high = intervals.wilson(counts.correct, counts.questions)
    machines = {result.machine for result in results}
    # The start of a process that evaluated several subjects counts once.
    first = {result.process or result.subject: result for result in reversed(results)}.values()
    times = {name: _sum(getattr(result, name) for result in results) for name in _SUMMED}
    times |= {name: _sum(getattr(result, name) for result in first) for name in _START}
    effective, requested = merged.models[model].effective, merged.models[model].requested
    summary = Summary(
        model=model,
        label=label(merged, model),
        device=effective.device if effective else None,
        protocol=protocol(requested) if requested else None,
        machine=machines.pop() if len(machines) == 1 else None,
        subjects=len(results),
        questions=counts.questions,
        guessed=counts.guessed,
        correct=counts.correct,
        correct_generated=counts.correct_generated,
        parsed=counts.parsed,
        every_copy=sums(results),
        accuracy_low=low,
        accuracy_high=high,
        **times,
        peak_rss_bytes=_max(result.peak_rss_bytes for result in results),
        peak_gpu_bytes=_max(result.peak_gpu_bytes for result in results),
        reasons={name: reason for result in results for name, reason in result.reasons.items()},
        resumed=any(result.resumed for result in results),
        questions_sha256=tuple(sorted(result.questions_sha256 for result in results)),
        processes=_processes(merged, results),
    )
    return summary if len({result.machine for result in results}) == 1 else _without_times(summary)


def label(merged: Merged, model: str) -> str:
    """Return a model's name, with what ran instead of what was requested: 'm (cpu instead of cuda)'."""
    requested, effective = merged.models[model].requested, merged.models[model].effective
    differs = settings.differences(requested, effective) if requested and effective else []
    return f"{model} ({', '.join(differs)})" if differs else model


@dataclass(frozen=True)
class Speedup:
    """A model on a GPU and a model on the CPU that were asked the same questions in the same way."""

    cpu: Summary
    gpu: Summary
    cpu_machine: Machine
    gpu_machine: Machine

    @property
    def ratio(self) -> float:
        """Real time on the CPU divided by real time on the GPU."""
        assert self.cpu.real_s and self.gpu.real_s
        return self.cpu.real_s / self.gpu.real_s


def speedups(summaries: Iterable[Summary], machines: Mapping[str, Machine | None]) -> list[Speedup]:
    """Compare every model on a GPU with every model on the CPU that was asked the same questions in the same way.

    `machines` are by model. Models whose times were not measured are left out.
    """
    timed = [summary for summary in summaries if summary.real_s]
    pairs = []
    for cpu, gpu in itertools.product(timed, timed):
        on_both = cpu.device == Device.CPU and gpu.device in GPUS
        cpu_machine, gpu_machine = machines[cpu.model], machines[gpu.model]
        alike = (cpu.questions_sha256, cpu.protocol) == (gpu.questions_sha256, gpu.protocol)
        if on_both and alike and cpu_machine and gpu_machine:
            pairs.append(Speedup(cpu, gpu, cpu_machine, gpu_machine))
    return pairs


def summarize_group(merged: Merged, group: Group) -> list[Summary]:
    """Return the summaries of a group's models with results over the study's subjects, in the group's order."""
    summaries = [summarize(merged, model, merged.study.subjects) for model in group.models]
    return [summary for summary in summaries if summary]


@dataclass(frozen=True)
class SubjectRow:
    """The accuracies and 95 % intervals on a subject of the models that have results for it, and unreadable answers."""

    subject: str
    questions: int
    accuracy: Mapping[str, float]
    interval: Mapping[str, tuple[float, float]]
    unread: Mapping[str, int]

    @property
    def mean(self) -> float:
        """The mean of the models' accuracies."""
        return sum(self.accuracy.values()) / len(self.accuracy)


def by_subject(merged: Merged, models: Sequence[str]) -> list[SubjectRow]:
    """Return the study's subjects that have results, in the study's order."""
    rows = []
    for subject in merged.study.subjects:
        summaries = [summary for model in models if (summary := summarize(merged, model, [subject]))]
        if summaries:
            rows.append(
                SubjectRow(
                    subject=subject,
                    questions=max(summary.questions for summary in summaries),
                    accuracy={summary.model: summary.accuracy for summary in summaries},
                    interval={summary.model: (summary.accuracy_low, summary.accuracy_high) for summary in summaries},
                    unread={summary.model: summary.unread for summary in summaries},
                )
            )
    return rows


def _without_times(summary: Summary) -> Summary:
    """Return a summary without times, as times from different machines are never added up."""
    times: dict[str, Any] = dict.fromkeys((*_SUMMED, *_START))
    reason = "its subjects were run on several machines"
    reasons = {**summary.reasons, **dict.fromkeys((*times, "cpu_s"), reason)}
    return replace(summary, machine=None, reasons=reasons, **times)


def _processes(merged: Merged, results: Sequence[Result]) -> dict[str, ProcessTimes]:
    """Return the processes of `results` with the peak memory each measured itself: GNU time 1.7 logs four times as much."""
    peaks: dict[str, int] = {}
    for result in results:
        if result.process:
            peaks[result.process] = max(result.peak_rss_bytes or 0, peaks.get(result.process, 0))
    return {
        name: merged.processes[name].model_copy(update={"peak_rss_bytes": peak})
        for name, peak in peaks.items()
        if name in merged.processes
    }


def _sum(values: Iterable[float | None]) -> float | None:
    numbers = list(values)
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _max(values: Iterable[int | None]) -> int | None:
    numbers = list(values)
    known = [number for number in numbers if number is not None]
    return max(known) if len(known) == len(numbers) else None
