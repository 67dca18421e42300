"""Timing setups: one model run repeatedly, as a whole process each time, on several devices and with several quantizations.

A run is one such process. A machine may not be able to run a setup as requested, so runs are grouped by what really ran: runs
of one effective configuration should differ in nothing but time.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.data import Bytes, Count, Data, Document, Joules, MedianRange, Positive, Seconds, version
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.settings import LETTERS, SETTINGS, Effective, LoadSettings, WeightGroup
from mmlu_kit.study import Setup, TimingSetups
from mmlu_kit.timing import limits, phase_timer
from mmlu_kit.timing.limits import UtcTime
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import ProcessTimes
from mmlu_kit.user_errors import UserError

Letters = Annotated[str, Field(pattern=f"^[{LETTERS[0]}-{LETTERS[-1]}]*$")]


class Phases(Data):
    """Seconds that a process spent in each phase, summed over subjects."""

    startup_s: Seconds
    load_s: Seconds
    tokenize_s: Seconds
    forward_s: Seconds
    parse_s: Seconds
    write_s: Seconds
    other_s: Seconds


class Measured(Data):
    """The measurements of a run."""

    effective: Effective
    started: UtcTime = Field(description="When the process began, UTC, ISO 8601.")
    real_s: Seconds = Field(description="From /usr/bin/time around the whole process, like user_s and system_s.")
    user_s: Seconds
    system_s: Seconds
    peak_rss_bytes: Positive = Field(description="Measured by the process itself, as GNU time 1.7 logs four times as much.")
    peak_gpu_bytes: Bytes | None
    gpu_s: Seconds | None
    gpu_energy_j: Joules | None
    phases: Phases
    machine: Machine
    threads: Positive
    totals: Totals
    questions_sha256: str = Field(description="Hash of the questions asked.")
    predicted: Letters | None = Field(description="The best answers, question by question; null in merged.json.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        phases = self.phases
        limits.check_part("its phases", sum(seconds for _, seconds in phases), "real_s", self.real_s)
        limits.check_cpu(self.user_s + self.system_s, self.real_s, self.machine)
        limits.check_gpu(self.gpu_s, phases.forward_s)
        limits.check_energy(self.gpu_energy_j, self.real_s)
        limits.check_memory(self.peak_rss_bytes, self.peak_gpu_bytes, self.machine)
        if self.predicted is not None and len(self.predicted) != self.totals.questions:
            raise ValueError("predicted is not one letter for each question")
        return self


class Run(Data):
    """One process of a setup."""

    setup: str
    repeat: Positive
    requested: LoadSettings
    reason: str | None = Field(description="Why it did not run as requested, or at all.")
    measured: Measured | None = Field(description="Null if it was not run.")


class SetupSummary(Data):
    """A setup's runs, summarized."""

    name: str
    number: Positive
    requested: LoadSettings
    effective: Effective | None = Field(
        description="Null if it was not run; then all fields below are null, zero or empty, except `reason`."
    )
    reason: str | None
    runs: Count
    correct: list[Count] = Field(description="The distinct numbers of right answers among the runs.")
    questions: Positive | None
    real_s: MedianRange | None
    user_s: MedianRange | None
    system_s: MedianRange | None
    peak_rss_bytes: MedianRange | None


class ConfigurationRuns(Data):
    """Runs with the same effective configuration, kind of machine and questions."""

    effective: Effective
    setups: list[str]
    runs: Positive
    real_s: MedianRange
    forward_s: MedianRange
    peak_rss_bytes: MedianRange
    parallelism: MedianRange | None = Field(description="CPU time divided by real time; null if no real time was measured.")
    weight_bytes: Bytes
    quantized: list[WeightGroup] = Field(description="The quantized tensors, by module and number format.")
    predicted: Letters | None = Field(description="The best answers of the first run; null in merged.json.")
    answers_not_shared: Count = Field(description="Questions to which the runs gave different answers.")
    totals: Totals
    questions_sha256: str
    machine: Machine


class ConfigurationComparison(Data):
    """The second of two configurations compared with the first: ratios of medians, and changed answers."""

    configurations: tuple[Effective, Effective]
    machines: tuple[Machine, Machine]
    answers_changed: Count
    weight_bytes: float
    real_s: float
    forward_s: float
    peak_rss_bytes: float


class SetupsFile(Document):
    """setups.json: every run of the timing setups, and comparisons of them."""

    schema_: Literal["mmlu-kit/setups/4"] = version("mmlu-kit/setups/4")
    model: str
    subjects: list[str]
    repeats: Positive
    runs: list[Run]
    setups: list[SetupSummary] = Field(description="Each setup, with medians and ranges over its runs.")
    configurations: list[ConfigurationRuns] = Field(description="Runs grouped by what really ran.")
    comparisons: list[ConfigurationComparison] = Field(
        description="Every two configurations that answered the same questions; ratios are second to first."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        names = [setup.name for setup in self.setups]
        pairs = [(run.setup, run.repeat) for run in self.runs]
        if len({*names}) < len(names) or len({*pairs}) < len(pairs):
            raise ValueError("a setup or a run occurs twice")
        if {*names} != {setup for setup, _ in pairs} or any(repeat > self.repeats for _, repeat in pairs):
            raise ValueError("the runs are not those of the setups")
        if any(run.measured and run.measured.predicted is None for run in self.runs):
            return self  # in merged.json
        if self.setups != [summary(setup, self.runs) for setup in self.setups]:
            raise ValueError("setups are not the summaries of the runs")
        if self.configurations != configurations_run(self.runs):
            raise ValueError("configurations are not those of the runs")
        if self.comparisons != comparisons(self.configurations):
            raise ValueError("comparisons are not those of the configurations")
        return self

    def without_answers(self) -> "SetupsFile":
        """Return a copy without the answers to each question."""
        runs = [
            run.model_copy(update={"measured": run.measured.model_copy(update={"predicted": None})}) if run.measured else run
            for run in self.runs
        ]
        configurations = [group.model_copy(update={"predicted": None}) for group in self.configurations]
        return self.model_copy(update={"runs": runs, "configurations": configurations})


def compare(setups: TimingSetups, runs: Sequence[Run]) -> SetupsFile:
    """Return the content of setups.json, from all runs of a study's setups.

    Repeats of a setup that ran on two devices or in two number formats, as where `dtype: auto` depends on the processor, raise
    UserError.
    """
    for setup in setups.setups:
        ran = [each.measured.effective for each in runs if each.setup == setup.name and each.measured]
        ways = dict.fromkeys(f"{effective.device}, {effective.dtype}" for effective in ran)
        if len(ways) > 1:
            raise UserError(
                f"{setup.name}: its repeats ran as {' and as '.join(ways)}, whose times do not belong together: run all on one "
                "kind of machine, or set another dtype in config"
            )
    configurations = configurations_run(runs)
    return SetupsFile(
        model=setups.model,
        subjects=setups.subjects,
        repeats=setups.repeats,
        runs=list(runs),
        setups=[summary(setup, runs) for setup in setups.setups],
        configurations=configurations,
        comparisons=comparisons(configurations),
    )


def run(
    setup: Setup,
    repeat: int,
    outcomes: Sequence[Evaluation | NotRun],
    timings: Sequence[Timing | NotRun],
    process: ProcessTimes,
) -> Run:
    """Return one run, from its subjects' evaluations and timings (or their placeholders) and its process's log."""
    requested = LoadSettings(device=setup.device, dtype=setup.dtype, quantization=setup.quantization)
    evaluations = [outcome for outcome in outcomes if isinstance(outcome, Evaluation)]
    timed = [timing for timing in timings if isinstance(timing, Timing)]
    if not evaluations or not timed or evaluations[0].effective is None:
        return Run(setup=setup.name, repeat=repeat, requested=requested, reason=outcomes[0].reason, measured=None)
    all_records = [record for evaluation in evaluations for record in evaluation.records]
    start = {f"{phase}_s": getattr(timed[0], f"{phase}_s") for phase in phase_timer.START}
    subjects = {f"{phase}_s": round(sum(getattr(timing, f"{phase}_s") for timing in timed), 4) for phase in phase_timer.SUBJECT}
    measured = Measured(
        effective=evaluations[0].effective,
        started=timed[0].process_started,
        real_s=process.real_s,
        user_s=process.user_s,
        system_s=process.system_s or 0.0,
        peak_rss_bytes=max(timing.peak_rss_bytes for timing in timed),
        peak_gpu_bytes=timed[-1].peak_gpu_bytes,
        gpu_s=_total(timing.gpu_s for timing in timed),
        gpu_energy_j=_total(timing.gpu_energy_j for timing in timed),
        phases=Phases(**start, **subjects),
        machine=timed[0].machine,
        threads=timed[0].threads,
        totals=Totals.over(all_records),
        questions_sha256=records.questions_sha256(all_records),
        predicted="".join(record.predicted or "" for record in all_records),
    )
    return Run(setup=setup.name, repeat=repeat, requested=requested, reason=outcomes[0].reason, measured=measured)


def summary(setup: Setup | SetupSummary, runs: Iterable[Run]) -> SetupSummary:
    """Summarize a setup's runs: medians and ranges of the measurements, and the numbers of right answers."""
    repeats = [run for run in runs if run.setup == setup.name]
    measured = [run.measured for run in repeats if run.measured]
    first = next((run for run in repeats if run.measured), repeats[0])

    def median_range(name: str) -> MedianRange | None:
        return MedianRange.over([getattr(run, name) for run in measured]) if measured else None

    return SetupSummary(
        name=setup.name,
        number=setup.number,
        requested=first.requested,
        effective=first.measured.effective if first.measured else None,
        reason=first.reason,
        runs=len(measured),
        correct=sorted({run.totals.correct for run in measured}),
        questions=measured[0].totals.questions if measured else None,
        real_s=median_range("real_s"),
        user_s=median_range("user_s"),
        system_s=median_range("system_s"),
        peak_rss_bytes=median_range("peak_rss_bytes"),
    )


def configuration_key(effective: Effective, machine: Machine, questions_sha256: str) -> tuple[object, ...]:
    """Return a key that runs of one configuration share: the effective settings, the kind of machine, the questions."""
    settings = [getattr(effective, setting) for setting in SETTINGS]
    kind = machine.processor, *machine.instruction_sets, machine.cpu_capability, machine.cores_usable, machine.gpu
    return (*settings, *kind, questions_sha256)


def configurations_run(runs: Iterable[Run]) -> list[ConfigurationRuns]:
    """Group runs by what really ran, with ranges of times and the number of answers that differ within each group."""
    groups: dict[tuple[object, ...], list[tuple[str, Measured]]] = {}
    for run in runs:
        if run.measured:
            key = configuration_key(run.measured.effective, run.measured.machine, run.measured.questions_sha256)
            groups.setdefault(key, []).append((run.setup, run.measured))
    return [_configuration(group) for group in groups.values()]


def comparisons(configurations: Sequence[ConfigurationRuns]) -> list[ConfigurationComparison]:
    """Compare every two configurations that answered the same questions, the later with the earlier."""
    return [
        _comparison(first, second)
        for first, second in itertools.combinations(configurations, 2)
        if first.questions_sha256 == second.questions_sha256
    ]


def _comparison(first: ConfigurationRuns, second: ConfigurationRuns) -> ConfigurationComparison:
    letters = zip(first.predicted or "", second.predicted or "", strict=True)
    return ConfigurationComparison(
        configurations=(first.effective, second.effective),
        machines=(first.machine, second.machine),
        answers_changed=sum(before != after for before, after in letters),
        weight_bytes=second.weight_bytes / first.weight_bytes,
        real_s=second.real_s.median / first.real_s.median,
        forward_s=second.forward_s.median / first.forward_s.median,
        peak_rss_bytes=second.peak_rss_bytes.median / first.peak_rss_bytes.median,
    )


def _configuration(group: Sequence[tuple[str, Measured]]) -> ConfigurationRuns:
    setups, runs = zip(*group, strict=True)
    first = runs[0]
    parallelism = [(run.user_s + run.system_s) / run.real_s for run in runs if run.real_s]
    answers = zip(*(run.predicted or "" for run in runs), strict=True)
    return ConfigurationRuns(
        effective=first.effective,
        setups=list(dict.fromkeys(setups)),
        runs=len(runs),
        real_s=MedianRange.over([run.real_s for run in runs]),
        forward_s=MedianRange.over([run.phases.forward_s for run in runs]),
        peak_rss_bytes=MedianRange.over([run.peak_rss_bytes for run in runs]),
        parallelism=MedianRange.over(parallelism) if parallelism else None,
        weight_bytes=first.effective.weight_bytes,
        quantized=[part for part in first.effective.parts if part.quant_type],
        predicted=first.predicted,
        answers_not_shared=sum(len(set(letters)) > 1 for letters in answers),
        totals=first.totals,
        questions_sha256=first.questions_sha256,
        machine=first.machine,
    )


def _total(values: Iterable[float | None]) -> float | None:
    numbers = list(values)
    known = [number for number in numbers if number is not None]
    return round(sum(known), 4) if len(known) == len(numbers) else None
