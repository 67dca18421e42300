"""Sentences on time: runs of one configuration, one configuration beside another, and what could not be measured."""

from collections.abc import Iterable, Sequence

from mmlu_kit import settings
from mmlu_kit.formatting import duration, plural, ratio
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
    """How far the runs of one configuration vary in time, how busy they kept the cores, and whether they answered alike."""
    on = "" if one_machine else f", on {configuration.machine.in_words()}"
    name = settings.in_words(configuration.effective)
    who = f"**{name}** ({plural(configuration.runs, 'run')}, {listed(configuration.setups)}{on})"
    return f"{who}:\n  {_variation(configuration)}\n{_cores(configuration)}  {_answers(configuration)}"


def _variation(configuration: ConfigurationRuns) -> str:
    real_s = configuration.real_s
    if configuration.runs == 1:
        return "there is one run only, so its variation is not known;"
    times = f"real time varied from {duration(real_s.smallest)} to {duration(real_s.largest)}"
    return f"{times}, the longest {ratio(real_s.largest / real_s.smallest)} the shortest;" if real_s.smallest else f"{times};"


def _cores(configuration: ConfigurationRuns) -> str:
    parallelism = configuration.parallelism
    if not parallelism:
        return ""
    times = ratio_range(parallelism.smallest, parallelism.largest)
    cores = configuration.machine.cores_usable
    return f"  CPU time (user and system) was {times} real time, so as many of {cores} cores were busy on average;\n"


def _answers(configuration: ConfigurationRuns) -> str:
    if configuration.runs == 1:
        who = "it got"
    elif not configuration.answers_not_shared:
        who = "all runs gave the same answers and got"
    else:
        who = f"runs differ in {plural(configuration.answers_not_shared, 'answer')}, and the first got"
    return f"{who} {configuration.totals.correct} of {configuration.totals.questions} right."


def comparison(pair: ConfigurationComparison) -> str:
    """The second of two configurations beside the first: size, memory, time and changed answers."""
    first, second = (settings.in_words(effective) for effective in pair.configurations)
    ratios = listed(
        f"{ratio(value)} {what}"
        for value, what in (
            (pair.weight_bytes, "the bytes of weights"),
            (pair.peak_rss_bytes, "the process's peak memory"),
            (pair.forward_s, "the time in forward passes"),
            (pair.real_s, "the real time"),
        )
    )
    changed = f"{plural(pair.answers_changed, 'answer')} {'differs' if pair.answers_changed == 1 else 'differ'}"
    sentence = f"**{second} beside {first}**: {ratios}; {changed}."
    here, there = pair.machines
    if here == there:
        return sentence
    return f"{sentence} The machines differ: {there.in_words()} beside {here.in_words()}."


def ratio_range(smallest: float, largest: float) -> str:
    """One ratio, or 'from … to …' where the two differ as shown."""
    low, high = ratio(smallest), ratio(largest)
    return low if low == high else f"{low} to {high}"


def parallelism(models: Sequence[Summary]) -> str | None:
    """How much CPU time models took for their real time; None where no time is known."""
    ratios = [model.cpu_s / model.real_s for model in models if model.real_s and model.cpu_s is not None]
    return f"CPU time was {ratio_range(min(ratios), max(ratios))} real time." if ratios else None


def not_measured(models: Iterable[Summary]) -> list[str]:
    """What could not be measured, a sentence for each reason."""
    by_reason: dict[str, list[str]] = {}
    for model in models:
        for name, reason in model.reasons.items():
            if name in _MEASURED:
                by_reason.setdefault(reason, []).append(_MEASURED[name])
    return [f"Not measured: {listed(dict.fromkeys(names))} ({reason})." for reason, names in by_reason.items()]
