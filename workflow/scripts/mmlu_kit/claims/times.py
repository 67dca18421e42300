"""Predicates of claims on times, and on runs that should differ in nothing else.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from collections.abc import Sequence

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.runs import alike, max_over_min, timing_setups
from mmlu_kit.claims.verdicts import Untestable, is_about, on, verdict


def same_questions_each_run(evidence: Evidence) -> Judgement:
    """Every timing run answered the same questions."""
    runs = timing_setups(evidence).runs
    counts = sorted({run.counts.questions for run in runs})
    same = len(counts) == 1 and len({run.questions_sha256 for run in runs}) == 1
    return verdict(same, f"{len(runs)} runs of {' or '.join(map(str, counts))} questions")


def same_answers_each_run(evidence: Evidence) -> Judgement:
    """Runs that ran alike gave the same answers (or, where answers are not known, had as many right)."""
    group = alike(evidence)
    counts = sorted({run.counts.correct for run in group.runs})
    line = f"{len(group.runs)} runs alike: {' or '.join(map(str, counts))} of {group.runs[0].counts.questions} right"
    if group.answers_not_shared is not None:
        line += f", {group.answers_not_shared} questions answered otherwise in one of them"
    return verdict(len(counts) == 1 and not group.answers_not_shared, line)


def real_time_varies(evidence: Evidence, at_least: float) -> Judgement:
    """The longest of the runs that ran alike took so many times the shortest."""
    times = [run.real_s for run in alike(evidence).runs]
    ratio = max_over_min(times)
    line = f"{len(times)} runs alike took {formatting.duration(min(times))} to {formatting.duration(max(times))}"
    return verdict(ratio >= at_least, f"{line}, the longest {formatting.ratio(ratio)} the shortest")


def waiting_explains_the_spread(evidence: Evidence, at_least: float) -> Judgement:
    """Real time of runs alike varies by this factor, and their CPU time by less than half as much: a process that waits for the
    system's scheduler takes longer and computes no more."""
    runs = alike(evidence).runs
    times = [(run.real_s, run.cpu_s) for run in runs if run.cpu_s is not None]
    real, cpu = (max_over_min(seconds) for seconds in zip(*times, strict=True))
    ratios = f"real time {formatting.ratio(real)} and CPU time {formatting.ratio(cpu)}"
    line = f"largest over smallest of {len(times)} runs: {ratios}"
    if len(times) < len(runs):
        raise Untestable(f"{line}; the CPU time of the other {len(runs) - len(times)} is not published")
    if real < at_least:
        raise Untestable(f"{line}, too little to ask why")
    return verdict(cpu - 1 < (real - 1) / 2, line)


def user_time_is_steady(evidence: Evidence, within: float) -> Judgement:
    """User time of the runs that ran alike differs by no more than a factor."""
    times = [run.user_s for run in alike(evidence).runs if run.user_s is not None]
    ratio = max_over_min(times)
    line = f"user time {formatting.duration(min(times))} to {formatting.duration(max(times))} over {len(times)} runs"
    return verdict(ratio <= within, f"{line}, the largest {formatting.ratio(ratio)} the smallest")


def user_over_real(evidence: Evidence, low: float, high: float) -> Judgement:
    """User time over real time lies in a range for every run that ran alike."""
    ratios = [run.user_s / run.real_s for run in alike(evidence).runs if run.user_s is not None]
    smallest, largest = min(ratios), max(ratios)
    line = f"user time over real time from {formatting.ratio(smallest)} to {formatting.ratio(largest)} in {len(ratios)} runs"
    return verdict(low <= smallest and largest <= high, line)


def all_cores_busy(evidence: Evidence, share: float) -> Judgement:
    """The runs kept at least a share of the machine's cores busy on average."""
    runs = alike(evidence).runs
    busy = [run.cpu_s / run.real_s for run in runs if run.cpu_s is not None]
    cores = next(run.cores for run in runs if run.cpu_s is not None)
    line = f"{_range(busy)} cores busy on average"
    if cores is None:
        raise Untestable(f"{line}; of how many is not published")
    return verdict(min(busy) >= share * cores, f"{line} of {cores}")


def cpu_over_real(evidence: Evidence, device: str, times: float, within: float) -> Judgement:
    """Every model's CPU time on a device is about so many times its real time."""
    models = on(evidence, device)
    ratios = {model.short: model.cpu_s / model.real_s for model in models if model.cpu_s and model.real_s}
    lacking = [model.short for model in models if model.short not in ratios]
    holds = all(is_about(ratio, times, within) for ratio in ratios.values())
    line = "CPU time over real time: " + ", ".join(f"{name} {formatting.ratio(ratio)}" for name, ratio in ratios.items())
    if not ratios or (lacking and holds):
        raise Untestable(f"{line if ratios else 'no CPU time'}; no CPU time of {', '.join(lacking)}")
    return verdict(holds, line)


def every_result_is_timed(evidence: Evidence) -> Judgement:
    """Every model and subject has its real and CPU time, and GPU time where it ran on a GPU."""
    models = evidence.models
    if not models:
        raise Untestable("no model here")
    if any(model.timed is None for model in models):
        known = {
            "real": sum(bool(model.real_s) for model in models),
            "CPU": sum(bool(model.cpu_s) for model in models),
            "GPU": sum(bool(model.gpu_s) for model in models),
        }
        counts = ", ".join(f"{count} {kind}" for kind, count in known.items())
        raise Untestable(f"of {len(models)} models' times {counts} are published, and none by subject")
    lacking = [model.short for model in models if not model.timed]
    line = f"timed on every subject: {len(models) - len(lacking)} of {formatting.plural(len(models), 'model')}"
    return verdict(not lacking, f"{line}, not {', '.join(lacking)}" if lacking else line)


def _range(values: Sequence[float]) -> str:
    """Return '7.2 to 7.4', or one number where both would read the same."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
