"""Predicates of claims on times and on runs that should not differ.

A predicate takes evidence (see evidence.py) and parameters, and gives a verdict and a line of numbers.
"""

from mmlu_kit import formatting
from mmlu_kit.claims.runs import alike, cpu_s, fold, timing_setups
from mmlu_kit.claims.verdicts import Untestable, Verdict, is_about, many, on, verdict

_KINDS = {"real_s": "real", "cpu_s": "CPU", "gpu_s": "GPU"}


def same_questions_each_run(evidence: dict) -> Verdict:
    """Every timing run answered the same questions."""
    runs = [run for group in timing_setups(evidence)["groups"] for run in group["runs"]]
    counts = sorted({run["questions"] for run in runs})
    same = len(counts) == 1 and len({run["questions_sha256"] for run in runs}) == 1
    return verdict(same, f"{len(runs)} runs of {' or '.join(map(str, counts))} questions")


def same_answers_each_run(evidence: dict) -> Verdict:
    """Runs that ran alike gave the same answers (or, where answers are not known, had as many right)."""
    group = alike(evidence)
    counts = sorted({run["correct"] for run in group["runs"]})
    questions = group["runs"][0]["questions"]
    line = f"{len(group['runs'])} runs alike: {' or '.join(map(str, counts))} of {questions} right"
    if group["answers_not_shared"] is not None:
        line += f", {group['answers_not_shared']} questions answered otherwise in one of them"
    return verdict(len(counts) == 1 and not group["answers_not_shared"], line)


def real_time_varies(evidence: dict, at_least: float) -> Verdict:
    """The longest of the runs that ran alike took so many times the shortest."""
    times = [run["real_s"] for run in alike(evidence)["runs"]]
    line = f"{len(times)} runs alike took {formatting.duration(min(times))} to {formatting.duration(max(times))}"
    ratio = max(times) / min(times)
    return verdict(ratio >= at_least, f"{line}, the longest {ratio:.2f} times the shortest")


def waiting_explains_the_spread(evidence: dict, at_least: float) -> Verdict:
    """Real time of runs alike varies by this factor, and their CPU time by less than half as much: a process that waits for the
    system's scheduler takes longer and computes no more."""
    runs = alike(evidence)["runs"]
    known = [run for run in runs if run["user_s"] is not None]
    real, cpu = fold([run["real_s"] for run in known]), fold([cpu_s(run) for run in known])
    line = f"real time varied {real:.2f}-fold and CPU time {cpu:.2f}-fold over {len(known)} runs"
    if len(known) < len(runs):
        raise Untestable(f"{line}; the CPU time of the other {len(runs) - len(known)} is not published")
    if real < at_least:
        raise Untestable(f"{line}, too little to ask why")
    return verdict(cpu - 1 < (real - 1) / 2, line)


def user_time_is_steady(evidence: dict, within: float) -> Verdict:
    """User time of the runs that ran alike differs by no more than a factor."""
    times = [run["user_s"] for run in alike(evidence)["runs"] if run["user_s"] is not None]
    line = f"user time {formatting.duration(min(times))} to {formatting.duration(max(times))} over {len(times)} runs"
    return verdict(fold(times) <= within, f"{line}, the largest {fold(times):.2f} times the smallest")


def user_over_real(evidence: dict, low: float, high: float) -> Verdict:
    """User time over real time lies in a range for every run that ran alike."""
    found = [run["user_s"] / run["real_s"] for run in alike(evidence)["runs"] if run["user_s"] is not None]
    line = f"user time {_range(found)} times real time over {len(found)} runs"
    return verdict(low <= min(found) and max(found) <= high, line)


def all_cores_busy(evidence: dict, share: float) -> Verdict:
    """The runs kept at least a share of the machine's cores busy on average."""
    runs = [run for run in alike(evidence)["runs"] if run["user_s"] is not None]
    busy = [cpu_s(run) / run["real_s"] for run in runs]
    line = f"{_range(busy)} cores busy on average"
    if runs[0]["cores"] is None:
        raise Untestable(f"{line}; of how many is not published")
    return verdict(min(busy) >= share * runs[0]["cores"], f"{line} of {runs[0]['cores']}")


def cpu_over_real(evidence: dict, device: str, times: float, within: float) -> Verdict:
    """Every model's CPU time on a device is about so many times its real time."""
    models = on(evidence, device)
    found = [(model["short"], model["cpu_s"] / model["real_s"]) for model in models if model["cpu_s"] and model["real_s"]]
    lacking = [model["short"] for model in models if model["short"] not in dict(found)]
    line = ", ".join(f"{name} {ratio:.1f}" for name, ratio in found) + " CPU seconds a second"
    holds = all(is_about(ratio, times, within) for _, ratio in found)
    if not found or (lacking and holds):
        raise Untestable(f"{line if found else 'no CPU time'}; no CPU time of {', '.join(lacking)}")
    return verdict(holds, line)


def every_result_is_timed(evidence: dict) -> Verdict:
    """Every model and subject has its real and CPU time, and GPU time where it ran on a GPU."""
    if any(model["timed"] is None for model in evidence["models"]):
        counts = [f"{sum(bool(model[key]) for model in evidence['models'])} {kind}" for key, kind in _KINDS.items()]
        raise Untestable(f"of {len(evidence['models'])} models' times {', '.join(counts)} are published, and none by subject")
    if not evidence["models"]:
        raise Untestable("no model here")
    lacking = [model["short"] for model in evidence["models"] if not model["timed"]]
    line = f"timed on every subject: {len(evidence['models']) - len(lacking)} of {many(len(evidence['models']), 'model')}"
    return verdict(not lacking, f"{line}, not {', '.join(lacking)}" if lacking else line)


def _range(values: list[float]) -> str:
    """'7.2 to 7.4', or one number where both would read the same."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
