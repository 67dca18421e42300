"""Predicates of claims on devices, quantization and size: what ran where, and how large a model a device can run.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from collections import Counter
from itertools import combinations

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Configuration, Evidence, ModelEvidence, Refused, RunEvidence
from mmlu_kit.claims.reference import Factor, TwoModels
from mmlu_kit.claims.runs import all_runs, setup_median, timing_setups
from mmlu_kit.claims.verdicts import Untestable, counterpart, is_about, models_on, shown, verdict
from mmlu_kit.settings import GPUS, Device, Quantization


def ran_as(evidence: Evidence, models: list[str], device: str, quantization: str) -> Judgement:
    """These models were loaded on this device with this quantization."""
    tested = [counterpart(evidence, name) for name in models]
    if any(model.effective is None for model in tested):
        raise Untestable("what was requested is published, not what was loaded")
    line = "; ".join(f"{model.short} {model.effective}" for model in tested)
    return verdict(all(model.effective == Configuration(device, quantization) for model in tested), line)


def ran_as_setup(evidence: Evidence, setup: int, as_setup: int) -> Judgement:
    """Two setups ran on the same device with the same quantization.

    If this is not known, their CPU times must be equal within 10 % and their numbers of right answers equal; CPU times that
    differ by a factor of two speak against it.
    """
    first, second = setup_median(evidence, setup), setup_median(evidence, as_setup)
    line = f"setup {setup} {formatting.duration(first.real_s)}, setup {as_setup} {formatting.duration(second.real_s)}"
    if first.effective:
        line += f"; setup {setup} ran as {first.effective}, setup {as_setup} as {second.effective}"
        return verdict(first.effective == second.effective, line)
    if first.cpu_s is None or second.cpu_s is None:
        raise Untestable(f"{line}; neither the effective configuration nor the CPU time is published")
    ratio = first.cpu_s / second.cpu_s
    line += f", {formatting.ratio(ratio)} its CPU time; {first.correct} and {second.correct} right"
    same_answers = first.correct == second.correct
    return shown(same_answers and is_about(ratio, 1, 1.1), not same_answers or not is_about(ratio, 1, 2), line)


def were_not_run(evidence: Evidence, setups: list[int]) -> Judgement:
    """These setups could not be run."""
    tested = timing_setups(evidence)
    effective = {run.setup: run.effective for run in tested.runs}
    ran = [f"setup {number} ran as {effective[number]}" for number in setups if number in effective]
    absent = [number for number in setups if number not in effective and number not in tested.not_run]
    if not ran and absent:
        raise Untestable(f"there is no setup {absent[0]} here")
    return verdict(not ran, "; ".join(ran or (f"setup {number}: {tested.not_run[number]}" for number in setups)))


def cannot_quantize_on_cpu(evidence: Evidence) -> Judgement:
    """Models for which quantization was requested on the CPU were not quantized, because bitsandbytes does not support that."""
    requested = Configuration(Device.CPU, Quantization.FOUR_BIT)
    everything: list[RunEvidence | ModelEvidence] = [*all_runs(evidence), *evidence.models]
    cases = [case for case in everything if case.requested == requested]
    if not cases:
        raise Untestable("no record of what was loaded when 4-bit quantization was requested on the CPU")
    reasons = sorted({case.reason or "no reason is given" for case in cases if case.effective != requested})
    loaded = sum(case.effective == requested for case in cases)
    line = f"4-bit quantization on the CPU was requested in {formatting.plural(len(cases), 'case')} and loaded in {loaded}"
    line = f"{line}: {'; '.join(reasons)}" if reasons else line
    if not loaded and not any("does not quantize on cpu" in reason for reason in reasons):
        raise Untestable(line)
    return verdict(not loaded, line)


def are_similar_in_size(evidence: Evidence, models: TwoModels, within: Factor) -> Judgement:
    """The numbers of parameters of two models differ by at most a factor."""
    smaller, larger = sorted(counterpart(evidence, name).parameters for name in models)
    ratio = larger / smaller
    sizes = f"{formatting.count(larger)} / {formatting.count(smaller)} parameters"
    return verdict(ratio <= within, f"{sizes} = {formatting.ratio(ratio)}")


def can_run(evidence: Evidence, device: str, quantization: str, parameters: float) -> Judgement:
    """A model with at least this many parameters ran on a device with this quantization."""
    configuration = Configuration(device, quantization)
    ran = [model for model in evidence.models if model.configuration == configuration]
    if not ran:
        raise Untestable(f"no model ran as {configuration} here")
    largest = ran[-1]
    line = f"{largest.short} ran: {largest.total.correct} of {largest.total.questions} right"
    if largest.parameters >= parameters:
        return verdict(True, line)
    for refused in _refused(evidence, device):
        if refused.parameters and refused.parameters >= parameters:
            return verdict(False, f"{line}; {refused.model}: {refused.reason}")
    raise Untestable(f"{line}; nothing larger was tried")


def cannot_run_larger(evidence: Evidence, device: str, parameters: float) -> Judgement:
    """No model above this size ran on a device, and one above it, but none below, was refused for lack of memory."""
    larger = [model for model in models_on(evidence, device, at_least=0) if model.parameters > parameters]
    if larger:
        return verdict(False, f"{larger[-1].short} with {formatting.count(larger[-1].parameters)} parameters ran on {device}")
    refused = sorted(_refused(evidence, device), key=lambda refused: refused.parameters or 0)
    known = [each for each in refused if each.parameters]
    if known:
        line = f"{known[0].model} with {formatting.count(known[0].parameters or 0)} parameters: {known[0].reason}"
        return verdict((known[0].parameters or 0) > parameters, line)
    if refused:
        raise Untestable(f"{refused[0].model}: {refused[0].reason}; its number of parameters is not known")
    raise Untestable(f"no larger model was tried on {device}")


def every_run_ran_as(evidence: Evidence, device: str, quantization: str, dtype: str) -> Judgement:
    """Every timing run had the model on this device with this quantization and number format."""
    runs = timing_setups(evidence).runs
    if any(run.effective is None or run.dtype is None for run in runs):
        raise Untestable(f"what was loaded in {formatting.plural(len(runs), 'run')} is not published")
    counts = Counter(f"{run.effective}, {run.dtype}" for run in runs)
    line = "; ".join(f"{formatting.plural(count, 'run')} as {configuration}" for configuration, count in counts.items())
    return verdict(counts.keys() == {f"{Configuration(device, quantization)}, {dtype}"}, line)


def gpu_is_named(evidence: Evidence) -> Judgement:
    """Every time on a GPU comes from one GPU, which is named."""
    models = [model for model in evidence.models if model.configuration.device in GPUS]
    if not models:
        raise Untestable("no model ran on a GPU here")
    line = "; ".join(f"{model.short}: {' or '.join(model.hardware) or 'no name'}" for model in models)
    return verdict(all(len(model.hardware) == 1 for model in models), line)


def effects_are_separated(evidence: Evidence) -> Judgement:
    """Some weights ran on two devices with one quantization, and some with two quantizations on one device."""
    setups = evidence.setups.runs if evidence.setups else []
    ran = {(model.weights or model.name, model.configuration) for model in evidence.models}
    ran |= {("", run.effective) for run in setups if run.effective}
    if not ran:
        raise Untestable("no model ran here")
    pairs = [(one, other) for (weights, one), (same, other) in combinations(ran, 2) if weights == same]
    devices = any(one.quantization == other.quantization for one, other in pairs)
    quantizations = any(one.device == other.device for one, other in pairs)
    configurations = sorted({str(configuration) for _, configuration in ran})
    line = f"what ran: {'; '.join(configurations)}"
    lacking = [what for what, separate in (("the device", devices), ("the quantization", quantizations)) if not separate]
    if lacking:
        line += f"; no weights ran with {' or with '.join(lacking)} alone changed"
    return verdict(not lacking, line)


def _refused(evidence: Evidence, device: str) -> list[Refused]:
    """Return the models that did not fit the memory of a device."""
    return [refused for refused in evidence.refused if f"GB of {device} memory are free" in refused.reason]
