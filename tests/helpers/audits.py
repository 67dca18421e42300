"""Runs made up for tests of the claims audit: the writeup's models, with the counts that were published or others."""

from pathlib import Path

import yaml
from mmlu_kit.results import merging, timing_setups

from tests.helpers import results

REFERENCE = Path(__file__).parents[2] / "workflow/reference"
PUBLISHED = yaml.safe_load((REFERENCE / "published.yaml").read_text(encoding="utf-8"))
CLAIMS = {claim["id"]: claim for claim in yaml.safe_load((REFERENCE / "claims.yaml").read_text(encoding="utf-8"))["claims"]}
NAMES = {
    "Llama": "Llama-3.2-1B-Instruct",
    "0.5B": "Qwen2.5-0.5B-Instruct",
    "1.5B": "Qwen2.5-1.5B-Instruct",
    "3B": "Qwen2.5-3B-Instruct",
    "7B": "Qwen2.5-7B-Instruct (4-bit)",
    "14B": "Qwen2.5-14B-Instruct (4-bit)",
}
SETUPS = [
    {"number": 1, "device": "cuda", "quantization": "none"},
    {"number": 2, "device": "cuda", "quantization": "4bit"},
    {"number": 4, "device": "cpu", "quantization": "none"},
    {"number": 5, "device": "cpu", "quantization": "4bit"},
]


def run(*shorts: str, preset: str = "writeup", totals: dict | None = None, real_s: float | None = None, **effective) -> dict:
    """merged.json of a run of these models of the writeup, each subject with the counts that were published.

    `totals` changes some: {subject: {correct, …}}; `real_s` is a model's whole real time instead of the published one;
    `effective` changes what ran.
    """
    subjects = list(PUBLISHED["models"][NAMES["0.5B"]]["subjects"])
    models = {model_name(short): PUBLISHED["models"][NAMES[short]] for short in shorts}
    asked = results.study(list(models), subjects)
    evaluations, timings = [], []
    for name, theirs in models.items():
        forms = {key: theirs[key] for key in ("device", "quantization")}
        entry = asked["models"][name]
        asked["models"][name] = {**entry, **forms, "prompt": {**entry["prompt"], "preset": preset}}
        for subject in theirs["subjects"]:
            evaluation = results.evaluation(name, subject, "ABCD", parameters=int(theirs["parameters"]))
            evaluation["requested"] = {**results.REQUESTED, **forms, "preset": preset}
            evaluation["effective"] = {**results.effective(**forms), **effective}
            evaluations.append(evaluation)
            seconds = (real_s or theirs.get("real_s", 300)) / len(theirs["subjects"])
            timings.append(results.timing(name, subject, seconds))
            if theirs["device"] == "cuda":
                timings[-1] |= {"gpu_s": theirs["gpu_s"] / len(theirs["subjects"]), "peak_gpu_bytes": 10**9}
    merged = merging.merge(asked, evaluations, timings, {})
    for result in merged["results"]:
        correct = models[result["model"]]["subjects"][result["subject"]]["correct"]
        questions = PUBLISHED["questions"][result["subject"]]
        result["totals"] = {"questions": questions, "correct": correct, "correct_generated": correct, "parsed": questions}
        result["totals"] |= (totals or {}).get(result["subject"], {})
    return merged


def model_name(short: str) -> str:
    """The name that config.yaml gives to a model of the writeup."""
    return NAMES[short].replace(" (4-bit)", "-4bit")


def timed(merged: dict, *runs: tuple, model: str = NAMES["Llama"]) -> dict:
    """The same with timing setups. A run is (number of its setup, what ran, real seconds, user seconds, changes), or
    (number,) where it was not run."""
    named = [{"name": timing_setups.name(setup), **setup} for setup in SETUPS]
    found = [_timing_run(named, *one) for one in runs]
    merged["study"]["models"].setdefault(model, _entry(merged))
    ran = timing_setups.configurations_run(found)
    present = [setup for setup in named if any(one["setup"] == setup["name"] for one in found)]
    merged["setups"] = {
        "schema": "mmlu-kit/setups/1",
        "model": model,
        "subjects": ["astronomy", "business_ethics"],
        "repeats": 2,
        "runs": found,
        "setups": [timing_setups.summary(setup, found) for setup in present],
        "configurations": ran,
        "comparisons": timing_setups.comparisons(ran),
    }
    return merged


def _entry(merged: dict) -> dict:
    return next(iter(merged["study"]["models"].values()))


def _timing_run(
    named: list[dict],
    number: int,
    form: str | None = None,
    real_s: float = 240,
    user_s: float = 480,
    changes: dict | None = None,
) -> dict:
    """A run of one setup; `form` is the device and quantization that ran, 'cpu 4bit', None where nothing did."""
    setup = next(setup for setup in named if setup["number"] == number)
    requested = {**results.REQUESTED, **{key: setup[key] for key in ("device", "quantization")}}
    if form is None:
        outcome = {"schema": "mmlu-kit/not_run/1", "requested": requested, "reason": "this machine has no cuda"}
        return timing_setups.run(setup, 1, [outcome], [outcome], results.process())
    device, quantization = form.split()
    changes = dict(changes or {})
    evaluation = results.evaluation("m", "anatomy", changes.pop("answers", "ABCD"))
    evaluation |= {"requested": requested, "effective": results.effective(device, quantization)}
    evaluation["reason"] = changes.pop("reason", None)
    timing = results.timing("m", "anatomy", real_s / 2, **changes)
    return timing_setups.run(setup, 1, [evaluation], [timing], {**results.process(real_s), "user_s": user_s, "system_s": 0.0})
