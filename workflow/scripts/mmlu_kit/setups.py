"""Timing setups: one model as whole processes, on several devices and in several forms, again and again.

A run is one such process. What was asked for and what ran differ where a machine cannot do what is asked, so runs are
compared by what really ran: runs of one effective configuration should differ in nothing but time.
"""

import itertools
import statistics
from collections.abc import Iterable, Sequence

from . import configurations, ledger, records

_DEVICES = {"cuda": "gpu"}
_QUANTIZATIONS = {"none": "no", "4bit": "4", "8bit": "8"}
_MEASURED = ("real_s", "user_s", "system_s", "peak_rss_bytes")


def name(setup: dict) -> str:
    """A setup's name as its logs bear it: 'setup_1_gpu_no_quant'."""
    device = _DEVICES.get(setup["device"], setup["device"])
    return f"setup_{setup['number']}_{device}_{_QUANTIZATIONS[setup['quantization']]}_quant"


def run(setup: dict, repeat: int, outcomes: Sequence[dict], timings: Sequence[dict], process: dict) -> dict:
    """One run, from its subjects' evaluation and timing files (or what stands in their place) and its process's log."""
    about = {
        "setup": setup["name"],
        "repeat": repeat,
        "requested": {setting: outcomes[0]["requested"][setting] for setting in configurations.SETTINGS},
        "reason": outcomes[0]["reason"],
    }
    if not records.was_run(outcomes[0]):
        return {**about, "effective": None}
    asked = [record for outcome in outcomes for record in outcome["records"]]
    book = {f"{part}_s": timings[0][f"{part}_s"] for part in ledger.ONCE}
    book |= {f"{part}_s": round(sum(timing[f"{part}_s"] for timing in timings), 4) for part in ledger.PARTS}
    return {
        **about,
        "effective": outcomes[0]["effective"],
        "started": timings[0]["process_started"],
        "real_s": process["real_s"],
        "user_s": process["user_s"],
        "system_s": process["system_s"],
        # The process's own figure: GNU time 1.7 logs four times as much.
        "peak_rss_bytes": max(timing["peak_rss_bytes"] for timing in timings),
        "peak_gpu_bytes": timings[-1]["peak_gpu_bytes"],
        "gpu_s": _total(timing["gpu_s"] for timing in timings),
        "gpu_energy_j": _total(timing["gpu_energy_j"] for timing in timings),
        "ledger": book,
        "machine": timings[0]["machine"],
        "threads": timings[0]["threads"],
        "totals": records.totals(asked),
        "questions_sha256": records.questions_sha256(asked),
        "predicted": "".join(record["predicted"] for record in asked),
    }


def summary(setup: dict, runs: Iterable[dict]) -> dict:
    """A setup's runs together: median and spread of what was measured, and how many of the answers were right."""
    mine = [one for one in runs if one["setup"] == setup["name"]]
    ran = [one for one in mine if one["effective"]]
    first = (ran or mine)[0]
    return {
        "name": setup["name"],
        "number": setup["number"],
        "requested": first["requested"],
        "effective": first["effective"],
        "reason": first["reason"],
        "runs": len(ran),
        "correct": sorted({one["totals"]["correct"] for one in ran}),
        "questions": ran[0]["totals"]["questions"] if ran else None,
        **({measured: spread([one[measured] for one in ran]) for measured in _MEASURED} if ran else {}),
    }


def configurations_run(runs: Iterable[dict]) -> list[dict]:
    """Runs grouped by what really ran and on what kind of machine, each group with its spread of times and the answers that
    its runs do not share."""
    groups: dict[tuple, list[dict]] = {}
    for one in runs:
        if one["effective"]:
            key = [one["effective"][setting] for setting in configurations.SETTINGS]
            key += [one["machine"][name] for name in ("processor", "cores_usable", "gpu")]
            groups.setdefault((*key, one["questions_sha256"]), []).append(one)
    return [_configuration(group) for group in groups.values()]


def comparisons(found: Sequence[dict]) -> list[dict]:
    """Every two of `configurations_run` that answered the same questions, the later beside the earlier."""
    return [
        compare(one, other)
        for one, other in itertools.combinations(found, 2)
        if one["questions_sha256"] == other["questions_sha256"]
    ]


def compare(one: dict, other: dict) -> dict:
    """What `other` is beside `one`: ratios of its medians to those of `one`, and how many answers are not the same."""
    ratios = {name: other[name]["median"] / one[name]["median"] for name in ("real_s", "forward_s", "peak_rss_bytes")}
    return {
        "configurations": [one["effective"], other["effective"]],
        "machines": [one["machine"], other["machine"]],
        "answers_changed": sum(a != b for a, b in zip(one["predicted"], other["predicted"], strict=True)),
        "weight_bytes": other["weight_bytes"] / one["weight_bytes"],
        **ratios,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """`median, smallest, largest`."""
    return {"median": statistics.median(values), "smallest": min(values), "largest": max(values)}


def _configuration(group: Sequence[dict]) -> dict:
    first = group[0]
    return {
        "effective": {setting: first["effective"][setting] for setting in configurations.SETTINGS},
        "setups": list(dict.fromkeys(one["setup"] for one in group)),
        "runs": len(group),
        "real_s": spread([one["real_s"] for one in group]),
        "forward_s": spread([one["ledger"]["forward_s"] for one in group]),
        "peak_rss_bytes": spread([one["peak_rss_bytes"] for one in group]),
        "parallelism": spread([(one["user_s"] + one["system_s"]) / one["real_s"] for one in group if one["real_s"]]),
        "weight_bytes": configurations.weight_bytes(first["effective"]),
        "layers": _layers(first["effective"]),
        "predicted": first["predicted"],
        "answers_not_shared": sum(len(set(letters)) > 1 for letters in zip(*(one["predicted"] for one in group), strict=True)),
        "totals": first["totals"],
        "questions_sha256": first["questions_sha256"],
        "machine": first["machine"],
    }


def _layers(effective: dict) -> list[dict]:
    """How many weights of each class are quantized, and how."""
    return [
        {name: part[name] for name in ("module", "quant_type", "tensors", "bytes")}
        for part in effective["parts"]
        if part["quant_type"]
    ]


def _total(values: Iterable[float | None]) -> float | None:
    values = list(values)
    return None if None in values else round(sum(values), 4)
