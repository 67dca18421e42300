"""Predicates of claims on times, and on timing runs that should differ in nothing else.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from collections.abc import Sequence

from mmlu_kit import formatting
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence, RunEvidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.runs import (
    identical_runs,
    max_over_min,
    mostly_start,
    repeated_runs,
    start_shares,
    timing_setups,
    unreachable,
)
from mmlu_kit.claims.verdicts import Untestable, in_range, models_on, shown, verdict
from mmlu_kit.settings import Device

# Identical runs from which it can be told that their times agree, and that they vary by less than those of other runs.
ENOUGH_TO_AGREE, ENOUGH_TO_VARY = 3, 5


def same_questions_each_run(evidence: Evidence) -> Judgement:
    """Every timing run answered the same questions."""
    runs = timing_setups(evidence).runs
    counts = sorted({run.counts.questions for run in runs})
    same = len(counts) == 1 and len({run.questions_sha256 for run in runs}) == 1
    return verdict(same, f"{len(runs)} runs of {' or '.join(map(str, counts))} questions")


def same_answers_each_run(evidence: Evidence) -> Judgement:
    """Identical runs gave the same answers or, if answers are not known, the same number of right answers."""
    groups = repeated_runs(evidence)
    same, lines = [], []
    for group in groups:
        counts = sorted({run.counts.correct for run in group.runs})
        line = f"{len(group.runs)} identical runs: {' or '.join(map(str, counts))} of {group.runs[0].counts.questions} right"
        if group.answers_not_shared is not None:
            line += f", {formatting.plural(group.answers_not_shared, 'question')} answered differently in some of them"
        same.append(len(counts) == 1 and not group.answers_not_shared)
        lines.append(line)
    return verdict(all(same), "; ".join(lines))


def configurations_run(evidence: Evidence, number: int) -> Judgement:
    """The timing runs had this many different configurations of device and quantization."""
    setups = timing_setups(evidence)
    numbers = sorted({run.setup for run in setups.runs if run.setup is not None})
    line = f"{formatting.plural(len(numbers), 'setup')} of {len(numbers) + len(setups.not_run)} ran"
    configurations = {str(run.effective) for run in setups.runs if run.effective}
    if configurations:
        configured = formatting.plural(len(configurations), "configuration")
        line += f", as {configured}: {'; '.join(sorted(configurations))}"
    # Where what ran is not known, each setup may have been a configuration of its own.
    return verdict((len(configurations) or len(numbers)) == number, line)


def real_time_varies(evidence: Evidence, at_least: float) -> Judgement:
    """The longest of the identical runs took at least this many times the shortest.

    The difference between the longest and the shortest grows with the number of runs, so a few that are alike show nothing.
    """
    times = [run.real_s for run in identical_runs(evidence).runs]
    ratio = max_over_min(times)
    line = f"{len(times)} identical runs took {formatting.duration(min(times))} to {formatting.duration(max(times))}"
    line += f", the longest {formatting.ratio(ratio)} the shortest"
    return shown(ratio >= at_least, ratio <= at_least**0.5 and len(times) >= ENOUGH_TO_VARY, line)


def waiting_explains_variation(evidence: Evidence, at_least: float) -> Judgement:
    """The real time of identical runs varies by this factor, and their CPU time by less than a third as much.

    A process that waits for the scheduler takes more real time, but no more CPU time. CPU time that varies by more than two
    thirds as much speaks against the claim.
    """
    runs = identical_runs(evidence, Device.CPU).runs
    times = [(run.real_s, run.cpu_s) for run in runs if run.cpu_s]
    if not times:
        raise Untestable("no CPU time is known")
    real, cpu = (max_over_min(seconds) for seconds in zip(*times, strict=True))
    ratios = f"real time {formatting.ratio(real)} and CPU time {formatting.ratio(cpu)}"
    line = f"largest over smallest of {len(times)} runs: {ratios}"
    if len(times) < len(runs):
        raise Untestable(f"{line}; the CPU time of the other {len(runs) - len(times)} is not published")
    if real < at_least:
        raise Untestable(f"{line}, too little variation to explain")
    if len(times) < ENOUGH_TO_AGREE:
        return shown(False, False, f"{line}; {_too_few(len(times), ENOUGH_TO_AGREE)}")
    share = (cpu - 1) / (real - 1)
    return shown(share < 1 / 3, share > 2 / 3, line)


def user_time_is_steady(evidence: Evidence, within: Factor) -> Judgement:
    """The user times of three or more identical runs differ by at most a factor; more than its square speaks against it."""
    times = [run.user_s for run in _with_user_time(evidence) if run.user_s]
    ratio = max_over_min(times)
    line = f"user time {formatting.duration(min(times))} to {formatting.duration(max(times))} over {len(times)} runs"
    line += f", the largest {formatting.ratio(ratio)} the smallest"
    if ratio <= within and len(times) < ENOUGH_TO_AGREE:
        line += f"; {_too_few(len(times), ENOUGH_TO_AGREE)}"
    return shown(ratio <= within and len(times) >= ENOUGH_TO_AGREE, ratio > within**2, line)


def user_over_real(evidence: Evidence, low: float, high: float, noise: Factor) -> Judgement:
    """User time over real time is in a range for every one of the identical runs on the CPU."""
    runs = _with_user_time(evidence)
    ratios = [run.user_s / run.real_s for run in runs if run.user_s]
    smallest, largest = min(ratios), max(ratios)
    line = f"user time over real time from {formatting.ratio(smallest)} to {formatting.ratio(largest)} in {len(ratios)} runs"
    _check_reach(runs[0].reach, low, line)
    _check_start(runs, line)
    return in_range(ratios, low, high, noise, line)


def all_cores_busy(evidence: Evidence, share: float) -> Judgement:
    """Each of the identical runs on the CPU kept at least this share of the machine's cores busy on average."""
    runs = [run for run in _with_user_time(evidence) if run.cpu_s]
    busy = [run.cpu_s / run.real_s for run in runs if run.cpu_s]
    if not busy:
        raise Untestable("no CPU time is known")
    cores, threads = runs[0].cores, runs[0].threads
    line = f"{_range(busy)} cores busy on average"
    if cores is None:
        raise Untestable(f"{line}; the number of cores is not published")
    line = f"{line} of {cores}"
    if cores == 1:
        raise Untestable(f"{line}, so there is nothing to parallelize")
    if threads is not None and threads < share * cores:
        raise Untestable(f"{line}; {formatting.plural(threads, 'thread')} cannot keep more busy")
    _check_start(runs, line)
    return shown(min(busy) >= share * cores, max(busy) < share * cores, line)


def cpu_over_real(evidence: Evidence, device: str, times: float, within: Factor, noise: Factor) -> Judgement:
    """Every model's CPU time on a device is about this many times its real time."""
    models = models_on(evidence, device)
    ratios = {model.short: model.cpu_s / model.real_s for model in models if model.cpu_s and model.real_s}
    lacking = [model.short for model in models if model.short not in ratios]
    line = "CPU time over real time: " + ", ".join(f"{name} {formatting.ratio(ratio)}" for name, ratio in ratios.items())
    if not ratios:
        raise Untestable(f"no CPU time; the CPU time of {', '.join(lacking)} is not known")
    for model in models:
        _check_reach(model.reach, times / within, line)
    judgement = in_range(list(ratios.values()), times / within, times * within, noise, line)
    if lacking and judgement.verdict != ClaimVerdict.DOES_NOT_HOLD:
        raise Untestable(f"{line}; the CPU time of {', '.join(lacking)} is not known")
    return judgement


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
    """Return the identical runs on the CPU with a user time. Raises Untestable if there are none."""
    runs = [run for run in identical_runs(evidence, Device.CPU).runs if run.user_s]
    if not runs:
        raise Untestable("no user time is known")
    return runs


def _check_reach(reach: int | None, ratio: float, line: str) -> None:
    """Check that a process could keep so many cores busy. Raises Untestable, after the line, if it could not."""
    reason = unreachable(reach, ratio)
    if reason:
        raise Untestable(f"{line}; {reason}")


def _check_start(runs: Sequence[RunEvidence], line: str) -> None:
    """Check that the processes' times are mostly of evaluating. Raises Untestable, after the line, if they are not."""
    reason = mostly_start(start_shares(runs))
    if reason:
        raise Untestable(f"{line}; {reason}")


def _too_few(runs: int, needed: int) -> str:
    return f"{formatting.plural(runs, 'run')} cannot tell, {needed} can"


def _range(values: Sequence[float]) -> str:
    """Return '7.2 to 7.4', or one number if both read the same."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
