"""What claims are tested on: the writeup's published numbers and a run's results as plain data of one form.

Evidence is `same_models` (whether any of the writeup's models is in it), `other_questions` (why its questions are not
MMLU's, else None), `models` from the fewest parameters to the most, `refused` [{model, reason}] (not run), `setups`, `pairs`,
`chat`:

- a model: `name, stands_for` (the writeup's name of it, or None), `short` (as sentences call it), `weights` (repository and
  commit, or None), `parameters, asked` and `effective` {device, quantization} (effective is None where nothing tells),
  `reason, subjects` {subject: {correct, questions}}, `correct, questions` (best letter in a run), `parsed` (readable
  answers, or None), `machine` (its place among the run's machines, or None), `real_s, cpu_s, gpu_s, forward_s,
  peak_gpu_bytes`, `timed` (whether every result has its times, None where that is not published);
- `setups`: None, or `model` and `groups` of runs, each of what ran alike: `label, runs, answers_not_shared`; and `not_run`,
  {number of a setup: reason}. A run: `setup` (its number), `asked, effective, reason, real_s, user_s, system_s, forward_s,
  correct, questions, questions_sha256, cores, peak_rss_bytes, peak_gpu_bytes`;
- `pairs`: None, or those of analysis.json, with the models' names;
- `chat`: None where none is published, or `models` (those of chat.json that ran, the writeup's first) and `transcripts`.
"""

from collections.abc import Iterable

from mmlu_kit import settings
from mmlu_kit.results import summaries

_MACHINE = ("processor", "cores_usable", "gpu")
_OF_MODEL = ("real_s", "cpu_s", "gpu_s", "forward_s", "peak_gpu_bytes")
_OF_RUN = ("real_s", "user_s", "system_s", "peak_rss_bytes", "peak_gpu_bytes")
_KINDS = {"asked": "requested", "effective": "effective"}


def of_published(published: dict) -> dict:
    """The evidence in reference/published.yaml."""
    runs = [
        {
            **dict.fromkeys((*_OF_RUN, "forward_s", "cores")),
            "asked": None,
            "effective": None,
            "reason": None,
            "questions": published["timing_runs"]["questions"],
            "questions_sha256": None,
            **one,
        }
        for one in published["timing_runs"]["runs"]
    ]
    timed = {one["setup"] for one in runs}
    models = [
        {
            **{key: one.get(key) for key in _OF_MODEL},
            "name": name,
            "stands_for": name,
            "asked": {key: one[key] for key in ("device", "quantization")},
            "effective": None,
            "reason": None,
            "weights": None,
            "parsed": None,
            "timed": None,
            "machine": None,
            **{key: one[key] for key in ("short", "parameters", "correct")},
            "questions": one["total"],
            "subjects": {
                subject: {"correct": found["correct"], "questions": published["questions"][subject]}
                for subject, found in one["subjects"].items()
            },
        }
        for name, one in published["models"].items()
        if one["group"] != "baseline"
    ]
    return {
        "same_models": True,
        "other_questions": None,
        "models": _by_size(models),
        "refused": [],
        "setups": {
            "model": published["timing_runs"]["model"],
            "groups": [{"label": "cpu, float32", "runs": runs, "answers_not_shared": None}],
            "not_run": {number: "no run of it is published" for number in range(1, 6) if number not in timed},
        },
        "pairs": None,
        "chat": None,
    }


def of_run(merged: dict, analysis: dict, published: dict) -> dict:
    """The evidence in a run's merged.json and analysis.json."""
    found = stand_ins(merged["study"]["models"], published)
    names = {model: name for name, model in found.items() if model}
    groups = [summaries.of_group(merged, group) for group in merged["study"]["groups"]]
    # Claims are on models that were run: of imported answers neither size nor device is known.
    chosen = {one["model"]: one for group in groups for one in group if not summaries.imported(merged, one["model"])}
    chat = _chat(merged["chat"], names)
    return {
        "same_models": any(model in names for model in [*merged["models"], *(one["model"] for one in chat["models"])]),
        "other_questions": other_questions(merged["results"], published),
        "models": _by_size(_model(merged, one, names, published) for one in chosen.values()),
        "refused": [{key: one[key] for key in ("model", "reason")} for one in merged["not_run"]],
        "setups": _setups(merged["setups"]),
        "pairs": [pair for pair in analysis["pairs"] if set(pair["models"]) <= set(chosen)],
        "chat": chat,
    }


def stand_ins(models: dict[str, dict], published: dict) -> dict[str, str | None]:
    """For each of the writeup's models the model of a study that stands for it, None where there is none.

    That is the one of the same repository (or, where it is a local folder, of the repository's name) and quantization; of
    several, one asked in the writeup's way if there is one, else the study's first.
    """
    found: dict[str, str | None] = {}
    for name, theirs in published["models"].items():
        same = [model for model, entry in models.items() if _is_model(model, entry, theirs)]
        alike = [model for model in same if models[model]["prompt"]["preset"] == published["prompt"]["preset"]]
        found[name] = next(iter([*alike, *same]), None)
    return found


def _is_model(name: str, entry: dict, theirs: dict) -> bool:
    base = theirs["repository"].split("/")[-1]
    if "predictions" in entry:
        return False  # whatever its name says, nothing tells how it ran
    named = entry["repository"] == theirs["repository"] if entry.get("repository") else f"{name}-".startswith(f"{base}-")
    return named and entry["quantization"] == theirs["quantization"]


def other_questions(results: Iterable[dict], published: dict) -> str | None:
    """Why the questions of these results cannot be MMLU's, None where their numbers are the same."""
    for result in results:
        here, there = result["totals"]["questions"], published["questions"].get(result["subject"])
        if there and here != there:
            return f"{result['subject']} has {here} questions here and {there} in MMLU, so these are other questions"
    return None


def _model(merged: dict, summary: dict, names: dict[str, str], published: dict) -> dict:
    name = summary["model"]
    about = merged["models"][name]
    theirs = names.get(name)
    results = [
        result for result in merged["results"] if result["model"] == name and result["subject"] in merged["study"]["subjects"]
    ]
    on_gpu = summary["device"] in ("cuda", "mps")
    return {
        "name": name,
        "stands_for": theirs,
        "short": published["models"][theirs]["short"] if theirs else summary["label"],
        "parameters": about["parameters"],
        **{kind: {key: about[which][key] for key in ("device", "quantization")} for kind, which in _KINDS.items()},
        "reason": about["reason"],
        "weights": f"{about['repository']}@{about['commit']}" if about["repository"] else None,
        "subjects": {result["subject"]: {key: result["totals"][key] for key in ("correct", "questions")} for result in results},
        "correct": summary["correct"],
        "questions": summary["questions"],
        "parsed": summary["parsed"],
        "machine": summary["machine"],
        **{key: summary[key] for key in _OF_MODEL},
        "timed": all(
            None not in [result[key] for key in ("real_s", "cpu_user_s", *(["gpu_s"] if on_gpu else []))] for result in results
        ),
    }


def _chat(chat: dict | None, names: dict[str, str]) -> dict:
    if chat is None:
        return {"models": [], "transcripts": None}
    ran = [one for one in chat["models"] if one["effective"]]
    return {"models": sorted(ran, key=lambda one: one["model"] not in names), "transcripts": chat["transcripts"]}


def _setups(setups: dict | None) -> dict | None:
    if setups is None:
        return None
    numbers = {one["name"]: one["number"] for one in setups["setups"]}
    ran = [one for one in setups["runs"] if one["effective"]]
    groups = []
    for found in setups["configurations"]:
        mine = [one for one in ran if _likeness(one) == _likeness(found)]
        label = settings.in_words(found["effective"])
        runs = [_run(one, numbers) for one in mine]
        groups.append({"label": label, "runs": runs, "answers_not_shared": found["answers_not_shared"]})
    return {
        "model": setups["model"],
        "groups": groups,
        "not_run": {one["number"]: one["reason"] for one in setups["setups"] if not one["effective"]},
    }


def _likeness(one: dict) -> tuple:
    """What runs of one configuration share."""
    ran = [one["effective"][key] for key in settings.SETTINGS]
    return (*ran, *(one["machine"][key] for key in _MACHINE), one["questions_sha256"])


def _run(one: dict, numbers: dict[str, int]) -> dict:
    return {
        "setup": numbers[one["setup"]],
        "asked": {key: one["requested"][key] for key in ("device", "quantization")},
        "effective": {key: one["effective"][key] for key in ("device", "quantization")},
        **{key: one[key] for key in ("reason", "questions_sha256", *_OF_RUN)},
        "forward_s": one["ledger"]["forward_s"],
        "correct": one["totals"]["correct"],
        "questions": one["totals"]["questions"],
        "cores": one["machine"]["cores_usable"],
    }


def _by_size(models: Iterable[dict]) -> list[dict]:
    return sorted(models, key=lambda model: model["parameters"])
