"""Compares published timing runs with this run's timing setups."""

from collections.abc import Mapping
from statistics import median

from mmlu_kit import formatting
from mmlu_kit.claims.document import NumberResult, Stage
from mmlu_kit.claims.reference import Published, PublishedRun, PublishedTimingRuns
from mmlu_kit.claims.rows import Reason, RunNumber, accuracy, on_another_machine, row, with_difference, within
from mmlu_kit.claims.stages import first_difference
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import not_generated
from mmlu_kit.results.timing_setups import Measured
from mmlu_kit.settings import PromptSettings

_TIMES = {"real_s": "real time", "user_s": "user time", "system_s": "system time"}

RunsBySetup = Mapping[int, list[Measured]]


def runs_by_setup(timed: PublishedTimingRuns, merged: Merged, model: str | None) -> RunsBySetup | Reason:
    """Return the timing runs by setup number, or why there are none to compare with the published ones.

    `model` is the counterpart of the model that was timed there.
    """
    setups = merged.setups
    if setups is None or setups.model != model:
        return f"no timing runs of {timed.model} here"
    numbers = {setup.name: setup.number for setup in setups.setups}
    runs: dict[int, list[Measured]] = {}
    for run in setups.runs:
        if run.measured:
            runs.setdefault(numbers[run.setup], []).append(run.measured)
    return runs


def run_rows(published: Published, merged: Merged, run: PublishedRun, by_setup: RunsBySetup | Reason) -> list[NumberResult]:
    """Return the rows for one of the published timing runs: times, compared with the setup's medians, and accuracy."""
    number = run.setup or run.as_setup or 0
    measured = by_setup if isinstance(by_setup, str) else by_setup.get(number, f"setup {number} was not run here")
    name = f"setup {run.setup}, {run.timestamp}" if run.setup else f"additional run, {run.timestamp}"
    section = published.timing_runs.section if published.timing_runs else ""
    times = {key: seconds for key in _TIMES if (seconds := getattr(run, key)) is not None}
    rows = [
        row(name, section, _TIMES[key], "s", seconds, _time(published, merged, measured, key, seconds))
        for key, seconds in times.items()
    ]
    share = run.correct / published.timing_runs.questions if published.timing_runs else 0.0
    return [*rows, row(name, section, "accuracy", "fraction", share, _accuracy(published, merged, measured, share))]


def _time(published: Published, merged: Merged, runs: list[Measured] | Reason, key: str, value: float) -> RunNumber | Reason:
    if isinstance(runs, str):
        return runs
    seconds = median(getattr(run, key) for run in runs)
    stage, reason = _first_difference(published, merged, runs[0], None)
    assert published.timing_runs  # its run is here
    where = published.machine(published.models[published.timing_runs.model].device)
    other = on_another_machine(seconds, value, runs[0].machine, where)
    machines = f"median of {formatting.plural(len(runs), 'run')}, {other}"
    return within(seconds, published.within_factor.time).because(stage, f"{machines}; {reason}" if stage else machines)


def _accuracy(published: Published, merged: Merged, runs: list[Measured] | Reason, value: float) -> RunNumber | Reason:
    if isinstance(runs, str):
        return runs
    counts = runs[0].totals
    if counts.correct_generated is None:
        return str(not_generated(_prompt(merged)))
    stage, reason = _first_difference(published, merged, runs[0], value)
    allowance = published.allowance(counts.questions, published.timing_runs.questions) if published.timing_runs else 0
    number = accuracy(counts.correct_generated, counts.questions, allowance)
    return number.because(stage, with_difference(reason, stage, number, counts.questions, value))


def _first_difference(
    published: Published, merged: Merged, run: Measured, accuracy: float | None
) -> tuple[Stage | None, Reason]:
    timed = published.timing_runs
    assert timed  # its run is here
    return first_difference(published, timed.model, _prompt(merged), run.effective, run.totals, timed.questions, accuracy)


def _prompt(merged: Merged) -> PromptSettings:
    """Return how the model of the timing setups, whose runs are here, is asked."""
    assert merged.setups
    return merged.study.run[merged.setups.model].prompt
