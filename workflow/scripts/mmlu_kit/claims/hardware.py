"""Predicates of claims on devices and quantization: what ran, and what it gains.

A predicate takes evidence (see evidence.py) and parameters, and gives a verdict and a line of numbers.
"""

from mmlu_kit import formatting
from mmlu_kit.claims.runs import alike, fold, median, runs_of, timing_setups
from mmlu_kit.claims.verdicts import Untestable, Verdict, is_about, many, named, verdict


def ran_as(evidence: dict, models: list[str], device: str, quantization: str) -> Verdict:
    """What was loaded for these models was on this device and quantized this way."""
    found = [named(evidence, name) for name in models]
    if any(model["effective"] is None for model in found):
        raise Untestable("what was asked for is published, what was loaded is not")
    line = "; ".join(f"{model['short']} {_words(model['effective'])}" for model in found)
    return verdict(all(model["effective"] == {"device": device, "quantization": quantization} for model in found), line)


def ran_as_setup(evidence: dict, setup: int, as_setup: int) -> Verdict:
    """One setup ran as another did: on the same device in the same form; where that is not known, its CPU time is the same
    within 10 % and as many answers are right."""
    mine, other = median(evidence, setup), median(evidence, as_setup)
    line = f"setup {setup} {formatting.duration(mine['real_s'])}, setup {as_setup} {formatting.duration(other['real_s'])}"
    if mine["effective"] is None:
        ratio = mine["cpu_s"] / other["cpu_s"]
        same = is_about(ratio, 1, 1.1) and mine["correct"] == other["correct"]
        return verdict(same, f"{line}, {ratio:.2f} times its CPU time; {mine['correct']} and {other['correct']} right")
    same = mine["effective"] == other["effective"]
    return verdict(
        same, f"{line}; setup {setup} ran as {_words(mine['effective'])}, setup {as_setup} as {_words(other['effective'])}"
    )


def were_not_run(evidence: dict, setups: list[int]) -> Verdict:
    """These setups could not be run."""
    found = timing_setups(evidence)
    runs = {run["setup"]: run for group in found["groups"] for run in group["runs"]}
    ran = [f"setup {number} ran as {_words(runs[number]['effective'])}" for number in setups if number in runs]
    absent = [number for number in setups if number not in runs and number not in found["not_run"]]
    if not ran and absent:
        raise Untestable(f"there is no setup {absent[0]} here")
    return verdict(not ran, "; ".join(ran or (f"setup {number}: {found['not_run'][number]}" for number in setups)))


def cannot_quantize_on_cpu(evidence: dict) -> Verdict:
    """Where quantization was asked for on the CPU, nothing was quantized, and bitsandbytes is what lacked it."""
    runs = [run for group in (evidence["setups"] or {"groups": []})["groups"] for run in group["runs"]]
    asked = [one for one in [*runs, *evidence["models"]] if one["asked"] == {"device": "cpu", "quantization": "4bit"}]
    if not asked:
        raise Untestable("no record of what was loaded when 4 bits were asked for on a CPU")
    reasons = sorted({one["reason"] or "no reason is given" for one in asked if one["effective"] != one["asked"]})
    done = len([one for one in asked if one["effective"] == one["asked"]])
    line = f"4 bits on the CPU were asked for in {many(len(asked), 'case')} and loaded in {done}"
    if not done and not any("does not quantize on cpu" in reason for reason in reasons):
        raise Untestable(f"{line}: {'; '.join(reasons)}")
    return verdict(not done, f"{line}: {'; '.join(reasons)}" if reasons else line)


def has_no_benefit(evidence: dict, setup: int, beside: int) -> Verdict:
    """A setup is neither faster than another nor smaller in memory: no quantity lies below the other's in all of its runs.

    Where both ran in one form, its median real time must be no shorter than the times of runs alike differ.
    """
    mine, other = median(evidence, setup), median(evidence, beside)
    time = mine["real_s"] / other["real_s"]
    line = f"setup {setup} took {time:.2f} times the real time of setup {beside}"
    if mine["effective"] == other["effective"]:
        spread = fold([run["real_s"] for run in alike(evidence)["runs"]])
        return verdict(1 / time <= spread, f"{line} with nothing quantized; runs alike differ up to {spread:.2f}-fold")
    memory = mine["peak_rss_bytes"] / other["peak_rss_bytes"]
    line += f" and {memory:.2f} times its peak memory, as {_words(mine['effective'])}"
    less = [key for key in ("real_s", "peak_rss_bytes") if _all_below(evidence, setup, beside, key)]
    gains = {"real_s": "faster", "peak_rss_bytes": "smaller"}
    line += f"; every run is {' and '.join(gains[key] for key in less)}" if less else "; not every run is faster or smaller"
    return verdict(not less, line)


def _all_below(evidence: dict, setup: int, beside: int, key: str) -> bool:
    values = {number: [run[key] for run in runs_of(evidence, number)] for number in (setup, beside)}
    return max(values[setup]) < min(values[beside])


def quantizing_gains(evidence: dict, measure: str, low: float, high: float) -> Verdict:
    """On a GPU 4 bits need a share of the memory of no quantization ('memory'), or are so many times as fast ('speed')."""
    found = [(name, memory if measure == "memory" else speed) for name, memory, speed in _quantized_on_gpu(evidence)]
    if not found:
        raise Untestable("no model here ran on a GPU both in 4 bits and without quantization")
    line = "; ".join(f"{name}: {value:.2f} times the {measure}" for name, value in found)
    return verdict(all(low <= value <= high for _, value in found), line)


def is_faster(evidence: dict, fast: str, slow: str, times: float, within: float) -> Verdict:
    """One model answers about so many times as fast as another, and has more parameters."""
    one, other = named(evidence, fast), named(evidence, slow)
    if not (one["real_s"] and other["real_s"]):
        raise Untestable("one of the two models has no time")
    ratio = other["real_s"] / one["real_s"]
    line = f"{other['real_s'] / 60:.1f} min / {one['real_s'] / 60:.1f} min = {ratio:.1f}; {_unlike(one, other)}"
    return verdict(is_about(ratio, times, within) and one["parameters"] > other["parameters"], line)


def are_alike_in_size(evidence: dict, models: list[str], within: float) -> Verdict:
    """The parameters of two models differ by no more than a factor."""
    one, other = sorted((named(evidence, name) for name in models), key=lambda model: model["parameters"])
    ratio = other["parameters"] / one["parameters"]
    sizes = f"{formatting.count(other['parameters'])} / {formatting.count(one['parameters'])} parameters"
    return verdict(ratio <= within, f"{sizes} = {ratio:.1f}")


def can_run(evidence: dict, device: str, quantization: str, parameters: float) -> Verdict:
    """A model of this size or more ran on a device in this form."""
    ran = [model for model in evidence["models"] if (model["effective"] or model["asked"]) == _form(device, quantization)]
    if not ran:
        raise Untestable(f"no model ran as {_words(_form(device, quantization))} here")
    largest = ran[-1]
    line = f"{largest['short']} ran: {largest['correct']} of {largest['questions']} right"
    if largest["parameters"] < parameters:
        raise Untestable(f"{line}; nothing larger was tried")
    return verdict(True, line)


def cannot_run_larger(evidence: dict, device: str, parameters: float) -> Verdict:
    """No model above a size ran on a device, and one was refused for want of memory."""
    ran = [model for model in evidence["models"] if (model["effective"] or model["asked"])["device"] == device]
    larger = [model for model in ran if model["parameters"] > parameters]
    if larger:
        return verdict(
            False, f"{larger[-1]['short']} with {formatting.count(larger[-1]['parameters'])} parameters ran on {device}"
        )
    refused = [one for one in evidence["refused"] if f"GB of {device} memory are free" in one["reason"]]
    if not refused:
        raise Untestable(f"no larger model was tried on {device}")
    return verdict(True, "; ".join(f"{one['model']}: {one['reason']}" for one in refused[:1]))


def _quantized_on_gpu(evidence: dict) -> list[tuple[str, float, float]]:
    """(name, ratio of memory, how many times as fast) of each model that ran on a GPU in 4 bits and without quantization."""
    kinds: dict[str, list] = {"none": [], "4bit": []}
    for model in evidence["models"]:
        if model["weights"] and (model["effective"] or {}).get("device") == "cuda":
            kinds.setdefault(model["effective"]["quantization"], []).append((model["weights"], model["short"], model))
    for number in {run["setup"] for group in (evidence["setups"] or {"groups": []})["groups"] for run in group["runs"]}:
        middle = median(evidence, number)
        if middle["effective"] and middle["effective"]["device"] == "cuda":
            kinds.setdefault(middle["effective"]["quantization"], []).append(("setups", f"setup {number}", middle))
    return [
        (name, four["peak_gpu_bytes"] / plain["peak_gpu_bytes"], plain["forward_s"] / four["forward_s"])
        for weights, name, four in kinds["4bit"]
        for same, _, plain in kinds["none"]
        if same == weights and None not in [one[key] for one in (four, plain) for key in ("peak_gpu_bytes", "forward_s")]
    ]


def _unlike(one: dict, other: dict) -> str:
    forms = [(model["short"], _words(model["effective"] or model["asked"])) for model in (one, other)]
    return "of unlike models: " + " beside ".join(f"{name} ({form})" for name, form in forms)


def _form(device: str, quantization: str) -> dict[str, str]:
    return {"device": device, "quantization": quantization}


def _words(form: dict) -> str:
    return f"{form['device']}, {'no quantization' if form['quantization'] == 'none' else form['quantization']}"
