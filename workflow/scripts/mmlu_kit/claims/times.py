"""Predicates of claims on times, and on timing runs that should differ in nothing else.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from collections.abc import Sequence

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence, RunEvidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.runs import identical_runs, max_over_min, timing_setups
from mmlu_kit.claims.verdicts import Untestable, is_about, models_on, verdict


def same_questions_each_run(evidence: Evidence) -> Judgement:
    """Every timing run answered the same questions."""
    runs = timing_setups(evidence).runs
    counts = sorted({run.counts.questions for run in runs})
    same = len(counts) == 1 and len({run.questions_sha256 for run in runs}) == 1
    return verdict(same, f"{len(runs)} runs of {' or '.join(map(str, counts))} questions")


def same_answers_each_run(evidence: Evidence) -> Judgement:
    """Identical runs gave the same answers or, if answers are not known, the same number of right answers."""
    group = identical_runs(evidence)
    counts = sorted({run.counts.correct for run in group.runs})
    line = f"{len(group.runs)} identical runs: {' or '.join(map(str, counts))} of {group.runs[0].counts.questions} right"
    if group.answers_not_shared is not None:
        line += f", {formatting.plural(group.answers_not_shared, 'question')} answered differently in some of them"
    return verdict(len(counts) == 1 and not group.answers_not_shared, line)


def real_time_varies(evidence: Evidence, at_least: float) -> Judgement:
    """The longest of the identical runs took at least this many times the shortest."""
    times = [run.real_s for run in identical_runs(evidence).runs]
    ratio = max_over_min(times)
    line = f"{len(times)} identical runs took {formatting.duration(min(times))} to {formatting.duration(max(times))}"
    return verdict(ratio >= at_least, f"{line}, the longest {formatting.ratio(ratio)} the shortest")


def waiting_explains_variation(evidence: Evidence, at_least: float) -> Judgement:
    """The real time of identical runs varies by this factor, and their CPU time by less than half as much.

    A process that waits for the scheduler takes more real time, but no more CPU time.
    """
    runs = identical_runs(evidence).runs
    times = [(run.real_s, run.cpu_s) for run in runs if run.cpu_s is not None]
    if not times:
        raise Untestable("no CPU time is known")
    real, cpu = (max_over_min(seconds) for seconds in zip(*times, strict=True))
    ratios = f"real time {formatting.ratio(real)} and CPU time {formatting.ratio(cpu)}"
    line = f"largest over smallest of {len(times)} runs: {ratios}"
    if len(times) < len(runs):
        raise Untestable(f"{line}; the CPU time of the other {len(runs) - len(times)} is not published")
    if real < at_least:
        raise Untestable(f"{line}, too little variation to explain")
    return verdict(cpu - 1 < (real - 1) / 2, line)


def user_time_is_steady(evidence: Evidence, within: Factor) -> Judgement:
    """The user times of identical runs differ by at most a factor."""
    times = [run.user_s for run in _with_user_time(evidence) if run.user_s]
    ratio = max_over_min(times)
    line = f"user time {formatting.duration(min(times))} to {formatting.duration(max(times))} over {len(times)} runs"
    return verdict(ratio <= within, f"{line}, the largest {formatting.ratio(ratio)} the smallest")


def user_over_real(evidence: Evidence, low: float, high: float) -> Judgement:
    """User time over real time is in a range for every one of the identical runs."""
    ratios = [run.user_s / run.real_s for run in _with_user_time(evidence) if run.user_s]
    smallest, largest = min(ratios), max(ratios)
    line = f"user time over real time from {formatting.ratio(smallest)} to {formatting.ratio(largest)} in {len(ratios)} runs"
    return verdict(low <= smallest and largest <= high, line)


def all_cores_busy(evidence: Evidence, share: float) -> Judgement:
    """Each of the identical runs kept at least this share of the machine's cores busy on average."""
    runs = _with_user_time(evidence)
    busy = [run.cpu_s / run.real_s for run in runs if run.cpu_s is not None]
    if not busy:
        raise Untestable("no CPU time is known")
    cores = next(run.cores for run in runs if run.cpu_s is not None)
    line = f"{_range(busy)} cores busy on average"
    if cores is None:
        raise Untestable(f"{line}; the number of cores is not published")
    return verdict(min(busy) >= share * cores, f"{line} of {cores}")


def cpu_over_real(evidence: Evidence, device: str, times: float, within: Factor) -> Judgement:
    """Every model's CPU time on a device is about this many times its real time."""
    models = models_on(evidence, device)
    ratios = {model.short: model.cpu_s / model.real_s for model in models if model.cpu_s and model.real_s}
    lacking = [model.short for model in models if model.short not in ratios]
    holds = all(is_about(ratio, times, within) for ratio in ratios.values())
    line = "CPU time over real time: " + ", ".join(f"{name} {formatting.ratio(ratio)}" for name, ratio in ratios.items())
    if not ratios or (lacking and holds):
        raise Untestable(f"{line if ratios else 'no CPU time'}; the CPU time of {', '.join(lacking)} is not known")
    return verdict(holds, line)


def every_result_is_timed(evidence: Evidence) -> Judgement:
    """Every model and subject has a real and a CPU time and, if it ran on a GPU, a GPU time."""
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
        raise Untestable(f"{counts} times are published for {len(models)} models, and none by subject")
    lacking = [model.short for model in models if not model.timed]
    line = f"timed on every subject: {len(models) - len(lacking)} of {formatting.plural(len(models), 'model')}"
    return verdict(not lacking, f"{line}, not {', '.join(lacking)}" if lacking else line)


def _with_user_time(evidence: Evidence) -> list[RunEvidence]:
    """Return the identical runs with a user time. Raises Untestable if there are none."""
    runs = [run for run in identical_runs(evidence).runs if run.user_s]
    if not runs:
        raise Untestable("no user time is known")
    return runs


def _range(values: Sequence[float]) -> str:
    """Return '7.2 to 7.4', or one number if both read the same."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
