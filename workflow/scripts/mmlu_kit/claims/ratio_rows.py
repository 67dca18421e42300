"""Compares published ratios, of two models' numbers and of CPU time to real time, with this run's."""

from collections.abc import Mapping

from mmlu_kit.claims.document import NumberResult
from mmlu_kit.claims.evidence import reach
from mmlu_kit.claims.reference import CpuOverReal, Published, PublishedRatio, UserOverReal
from mmlu_kit.claims.rows import Reason, RunNumber, accuracy, row, within
from mmlu_kit.claims.run_rows import RunsBySetup
from mmlu_kit.claims.runs import mostly_start, unreachable
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Device

_RATIOS = {"accuracy": "ratio of accuracies", "real_s": "ratio of real times"}


def ratio_row(published: Published, ratio: PublishedRatio, summaries: Mapping[str, Summary | Reason]) -> NumberResult:
    """Return the row for a ratio of two models' numbers; `summaries` are by the published names."""
    first, second = (summaries[name] for name in ratio.models)
    if isinstance(first, str) or isinstance(second, str):
        number: RunNumber | Reason = first if isinstance(first, str) else str(second)
    elif ratio.what == "accuracy":
        number = _ratio_of_accuracies(published, first, second)
    else:
        one, other = (published.models[name].device for name in ratio.models)
        number = _ratio_of_times(first, second, published.within_factor.ratio, same_device=one == other)
    return row(" to ".join(ratio.models), ratio.section, _RATIOS[ratio.what], "times", ratio.value, number)


def _ratio_of_accuracies(published: Published, first: Summary, second: Summary) -> RunNumber | Reason:
    """Return the ratio, from the smallest to the largest that the allowances of the two accuracies leave."""
    numbers = []
    for summary in (first, second):
        counts = summary.every_copy  # each copy of a repeated question counts, as in publications
        if counts.correct_generated is None:
            return summary.reasons["correct_generated"]
        allowance = published.allowance(counts.questions, counts.questions)
        numbers.append(accuracy(counts.correct_generated, counts.questions, allowance))
    one, other = numbers
    if not (one.value and other.value):
        return "one of the two models has no right answer here"
    one_answer = 1 / second.every_copy.questions
    ratio = RunNumber(one.value / other.value, one.low / other.high, one.high / max(one_answer, other.low))
    return ratio.because(None, "see the rows of the two accuracies")


def _ratio_of_times(first: Summary, second: Summary, factor: float, same_device: bool) -> RunNumber | Reason:
    if not (first.real_s and second.real_s):
        return "one of the two models has no time here"
    if (first.device == second.device) != same_device:
        here = f"{first.device} and {second.device}" if same_device else f"{first.device} alone"
        return f"the two models ran on {here} here, and on {'one device' if same_device else 'two devices'} in the publication"
    if first.device == second.device and first.machine != second.machine:
        return "the two models were timed on different machines"
    return within(first.real_s / second.real_s, factor).because(None, "see the rows of the two times")


def cpu_over_real_rows(
    published: Published, merged: Merged, ratio: CpuOverReal, summaries: Mapping[str, Summary | Reason]
) -> list[NumberResult]:
    """Return the rows for models' CPU time over real time."""
    return [
        row(
            name,
            ratio.section,
            "CPU time over real time",
            "times",
            ratio.value,
            _cpu_over_real(published, merged, ratio.value, name, summaries[name]),
        )
        for name in ratio.models
    ]


def _cpu_over_real(
    published: Published, merged: Merged, value: float, name: str, summary: Summary | Reason
) -> RunNumber | Reason:
    if isinstance(summary, str):
        return summary
    if not (summary.cpu_s and summary.real_s):
        return "no CPU time was measured"
    factor = published.within_factor.ratio
    cores = None if summary.machine is None else merged.machines[summary.machine].cores_usable
    busy = reach(merged.study.run[summary.model].threads, cores)
    return unreachable(busy, value / factor) or within(summary.cpu_s / summary.real_s, factor).because(
        None, f"measured on another machine; {published.machine(published.models[name].device)}"
    )


def user_over_real_rows(published: Published, ratio: UserOverReal, by_setup: RunsBySetup | Reason) -> list[NumberResult]:
    """Return the rows for the smallest and largest user time over real time of timing runs."""
    low: RunNumber | Reason
    high: RunNumber | Reason
    low = high = by_setup if isinstance(by_setup, str) else "these setups were not run on the CPU here"
    if not isinstance(by_setup, str):
        timed = [run for setup in ratio.setups for run in by_setup.get(setup, []) if run.real_s]
        runs = [run for run in timed if run.effective.device == Device.CPU]
        cores = sorted({str(run.machine.cores_usable) for runs in by_setup.values() for run in runs})
        if runs:
            ratios = [run.user_s / run.real_s for run in runs]
            reason = f"on {' or '.join(cores)} cores; on how many the published ratio was measured is not known"
            factor = published.within_factor.ratio
            busy = reach(runs[0].threads, runs[0].machine.cores_usable)
            start = mostly_start([(run.phases.startup_s + run.phases.load_s) / run.real_s for run in runs])
            low, high = (
                unreachable(busy, end / factor) or start or within(value, factor).because(None, reason)
                for end, value in ((ratio.low, min(ratios)), (ratio.high, max(ratios)))
            )
    ends = (("smallest", ratio.low, low), ("largest", ratio.high, high))
    return [
        row("timing runs", ratio.section, f"{end} user time over real time", "times", value, number)
        for end, value, number in ends
    ]
