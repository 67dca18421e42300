"""The timing setups."""

from dataclasses import dataclass

from mmlu_kit import settings
from mmlu_kit.formatting import duration, format_range, percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, listed
from mmlu_kit.report.sentences import timing as sentences
from mmlu_kit.results.timing_setups import Measured, Run, SetupsFile, SetupSummary

NOT_RUN = "**not run**"


@dataclass(frozen=True)
class TimingSection:
    """The content on the timing setups."""

    model: str
    subjects: str
    repeats: int
    setups: Rows
    results: Rows
    runs: Rows
    machine: str | None
    observations: list[str]


def section(setups: SetupsFile | None) -> TimingSection | None:
    """Return the section, None if no setups were timed."""
    if not setups:
        return None
    machines = list(dict.fromkeys(group.machine.in_words() for group in setups.configurations))
    one_machine = len(machines) == 1
    return TimingSection(
        model=setups.model,
        subjects=listed(setups.subjects),
        repeats=setups.repeats,
        setups=[_setup(setup) for setup in setups.setups],
        results=[_result(setup) for setup in setups.setups],
        runs=[_run(run, run.measured) for run in setups.runs if run.measured],
        machine=machines[0] if one_machine else None,
        observations=[
            *(sentences.runs(configuration, one_machine) for configuration in setups.configurations),
            *map(sentences.comparison, setups.comparisons),
        ],
    )


def _setup(setup: SetupSummary) -> Row:
    quantized = NOT_KNOWN
    if setup.effective:
        parts = [part for part in setup.effective.parts if part.quant_type]
        quantized = "; ".join(f"{part.tensors} {part.module} in {part.quant_type}" for part in parts) or "none"
    return [*_as_run(setup), quantized, setup.reason or ""]


def _as_run(setup: SetupSummary) -> Row:
    ran = settings.in_words(setup.effective) if setup.effective else NOT_RUN
    return [str(setup.number), settings.in_words(setup.requested), ran]


def _result(setup: SetupSummary) -> Row:
    ranges = ((setup.real_s, "duration"), (setup.user_s, "duration"), (setup.system_s, "duration"))
    questions = setup.questions or 1
    return [
        *_as_run(setup),
        str(setup.runs),
        *(
            format_range(values, form) if values else NOT_KNOWN
            for values, form in (*ranges, (setup.peak_rss_bytes, "gigabytes"))
        ),
        " or ".join(percent(correct / questions) for correct in setup.correct) or NOT_KNOWN,
    ]


def _run(run: Run, measured: Measured) -> Row:
    began = measured.started[:19].replace("-", "").replace(":", "").replace("T", "_")
    times = map(duration, (measured.real_s, measured.user_s, measured.system_s))
    accuracy = percent(measured.totals.correct / measured.totals.questions)
    return [str(run.repeat), f"`{run.setup}.txt`", began, *times, accuracy]
