"""Sentences on time: runs of one configuration, comparisons of configurations, and what could not be measured."""

from collections.abc import Iterable, Sequence

from mmlu_kit import settings
from mmlu_kit.formatting import duration, plural, ratio
from mmlu_kit.report.captions import APART
from mmlu_kit.report.cells import listed
from mmlu_kit.results.summaries import Summary
from mmlu_kit.results.timing_setups import ConfigurationComparison, ConfigurationRuns

_MEASURED = {
    "real_s": "the time of all subjects",
    "gpu_s": "GPU time",
    "gpu_energy_j": "GPU energy",
    "peak_gpu_bytes": "peak GPU memory",
}


def runs(configuration: ConfigurationRuns, one_machine: bool) -> str:
    """Say how much the runs of one configuration vary in time, how busy they kept the cores, and whether answers agree."""
    on = "" if one_machine else f", on {configuration.machine.in_words()}"
    name = settings.in_words(configuration.effective)
    heading = f"**{name}** ({plural(configuration.runs, 'run')}, {listed(configuration.setups)}{on})"
    return f"{heading}:\n  {_variation(configuration)}\n{_cores(configuration)}  {_answers(configuration)}"


def _variation(configuration: ConfigurationRuns) -> str:
    real_s = configuration.real_s
    if configuration.runs == 1:
        return "there is only one run, so the variation is not known;"
    times = f"real time varied from {duration(real_s.smallest)} to {duration(real_s.largest)}"
    return f"{times}, the longest {ratio(real_s.largest / real_s.smallest)} the shortest;" if real_s.smallest else f"{times};"


def _cores(configuration: ConfigurationRuns) -> str:
    parallelism = configuration.parallelism
    if not parallelism:
        return ""
    times = ratio_range(parallelism.smallest, parallelism.largest)
    cores = configuration.machine.cores_usable
    return f"  CPU time (user and system) was {times} real time, so this many of {cores} cores were busy on average;\n"


def _answers(configuration: ConfigurationRuns) -> str:
    if configuration.runs == 1:
        runs = "it got"
    elif not configuration.answers_not_shared:
        runs = "all runs gave the same answers and got"
    else:
        runs = f"runs differ in {plural(configuration.answers_not_shared, 'answer')}, and the first got"
    return f"{runs} {configuration.totals.correct} of {configuration.totals.questions} right."


def comparison(pair: ConfigurationComparison) -> str:
    """Compare the second of two configurations with the first: size, memory, time and changed answers."""
    first, second = (settings.in_words(effective) for effective in pair.configurations)
    ratios = listed(
        f"{ratio(value)} {what}"
        for value, what in (
            (pair.weight_bytes, "the size of the weights"),
            (pair.peak_rss_bytes, "the process's peak memory"),
            (pair.forward_s, "the time in forward passes"),
            (pair.real_s, "the real time"),
        )
    )
    changed = f"{plural(pair.answers_changed, 'answer')} {'differs' if pair.answers_changed == 1 else 'differ'}"
    sentence = f"**{second} compared with {first}**: {ratios}; {changed}."
    first_machine, second_machine = pair.machines
    if first_machine == second_machine:
        return sentence
    return f"{sentence} The machines differ: {second_machine.in_words()} instead of {first_machine.in_words()}."


def ratio_range(smallest: float, largest: float) -> str:
    """Return '1.2× to 1.4×', or one ratio if both read the same."""
    low, high = ratio(smallest), ratio(largest)
    return low if low == high else f"{low} to {high}"


def parallelism(models: Sequence[Summary]) -> str | None:
    """Say how much CPU time models took relative to real time; None if no time is known."""
    ratios = [model.cpu_s / model.real_s for model in models if model.real_s and model.cpu_s is not None]
    return f"CPU time was {ratio_range(min(ratios), max(ratios))} real time." if ratios else None


def alike(models: Sequence[Summary]) -> str | None:
    """Say that models took about as long, so that accuracy is not drawn against time; None for one model or if they did not."""
    times = [model.real_s for model in models if model.real_s is not None]
    if len(times) < 2 or max(times) > APART * min(times):
        return None
    ends = dict.fromkeys(map(duration, (min(times), max(times))))
    return f"Models took about as long ({' to '.join(ends)}), so there is no trade-off between accuracy and time here."


def not_measured(models: Iterable[Summary]) -> list[str]:
    """Say what could not be measured, in one sentence for each reason."""
    by_reason: dict[str, list[str]] = {}
    for model in models:
        for name, reason in model.reasons.items():
            if name in _MEASURED:
                by_reason.setdefault(reason, []).append(_MEASURED[name])
    return [f"Not measured: {listed(dict.fromkeys(names))} ({reason})." for reason, names in by_reason.items()]
