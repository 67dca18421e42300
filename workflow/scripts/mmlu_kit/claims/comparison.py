"""Each number that the writeup publishes beside this run's: reproduced, differs, or not run, and where they part.

A published number is reproduced if it lies between `low` and `high` of this run: the 95 % Wilson interval of an accuracy,
scipy's interval of a relative risk for a ratio of accuracies; for times, their ratios and numbers of parameters, which have
no interval, what published.yaml's `within_factor` allows. The writeup's accuracies are of letters that models wrote, so they
are compared with a run's generated letters, not with its best letters.
"""

from collections.abc import Sequence

from mmlu_kit.claims import evidence, ratios, stages
from mmlu_kit.claims.rows import because, elsewhere, row, share, within
from mmlu_kit.results import summaries

_TIMES = {"real_s": "real time", "cpu_s": "CPU time", "gpu_s": "GPU time"}


def compare(published: dict, merged: dict) -> list[dict]:
    """`id, section, what, unit, published, run, low, high, verdict, stage, reason` of every published number.

    `run`, `low` and `high` are null where this run has no such number; `reason` then says why. `stage` is null unless the
    number differs and the files tell where.
    """
    stand_ins = evidence.stand_ins(merged["study"]["models"], published)
    found = {name: _summary(published, merged, name, model) for name, model in stand_ins.items()}
    rows = [one for name in found for one in _of_model(published, merged, name, found[name], stand_ins[name])]
    runs = ratios.runs_by_setup(published, merged["setups"], stand_ins)
    rows += [one for asked in published["timing_runs"]["runs"] for one in ratios.of_run(published, merged, asked, runs)]
    rows += [ratios.of_ratio(published, found, asked) for asked in published["ratios"]]
    rows += [one for asked in published["cpu_over_real"] for one in ratios.of_cpu_over_real(published, found, runs, asked)]
    unmeasured = published["not_measured"]
    return rows + [row(one["of"], one["section"], one["what"], one["unit"], one["value"], one["reason"]) for one in unmeasured]


def _summary(published: dict, merged: dict, name: str, model: str | None) -> dict | str:
    """This run's summary of a model of the writeup over all the writeup's subjects, or why there is none."""
    if model not in merged["models"]:
        reasons = [one["reason"] for one in merged["not_run"] if one["model"] == model]
        return f"{name} was not run: {reasons[0]}" if reasons else f"no result of {name} here"
    return _over(merged, model, list(published["models"][name]["subjects"]))


def _over(merged: dict, model: str, subjects: Sequence[str]) -> dict | str:
    found = summaries.summarize(merged, model, subjects)
    if found and found["subjects"] == len(subjects):
        return found
    what = subjects[0] if len(subjects) == 1 else f"{len(subjects) - (found['subjects'] if found else 0)} of its subjects"
    return f"no result of {model} on {what} here"


def _of_model(published: dict, merged: dict, name: str, whole: dict | str, model: str | None) -> list[dict]:
    theirs = published["models"][name]
    there = merged["models"].get(model)
    size = within(there["parameters"], published["within_factor"]["parameters"]) if there else whole
    size = because(size, None, "counted in the checkpoint")
    rows = [_row(theirs, name, "parameters", "parameters", theirs["parameters"], size)]
    rows.append(_row(theirs, name, "questions", "questions", theirs["total"], _questions(whole, theirs)))
    asked = [("accuracy over all subjects", list(theirs["subjects"]), theirs["accuracy_percent"])]
    asked += [(f"accuracy on {subject}", [subject], one["accuracy_percent"]) for subject, one in theirs["subjects"].items()]
    for what, subjects, percent in asked:
        here = _over(merged, model, subjects) if there else whole
        if not isinstance(here, str):
            questions = sum(published["questions"][subject] for subject in subjects)
            stage = _stage(published, merged, name, model, here, questions, percent / 100)
            here = because(share(here), *stage)
        rows.append(_row(theirs, name, what, "fraction", percent / 100, here))
    for key in ("real_s", "cpu_s", "gpu_s"):
        if key in theirs:
            here = _time(published, merged, name, model, whole, key)
            rows.append(_row(theirs, name, _TIMES[key], "s", theirs[key], here))
    return rows


def _row(theirs: dict, name: str, what: str, unit: str, value: float, here: dict | str) -> dict:
    return row(name, theirs["section"], what, unit, value, here)


def _questions(whole: dict | str, theirs: dict) -> dict | str:
    if isinstance(whole, str):
        return whole
    return because(within(whole["questions"], 1), "data", f"{whole['questions']} questions here, {theirs['total']} there")


def _stage(
    published: dict, merged: dict, name: str, model: str, counts: dict, questions: int, accuracy: float | None
) -> tuple[str | None, str]:
    prompt, effective = merged["study"]["models"][model]["prompt"], merged["models"][model]["effective"]
    return stages.first(published, published["models"][name], prompt, effective, counts, questions, accuracy)


def _time(published: dict, merged: dict, name: str, model: str | None, whole: dict | str, key: str) -> dict | str:
    if isinstance(whole, str):
        return whole
    if not whole[key]:
        return whole["reasons"].get(key, "the evaluation was killed and resumed, so its time is no measurement")
    theirs = published["models"][name]
    stage, reason = _stage(published, merged, name, model, whole, theirs["total"], None)
    place = elsewhere(whole[key], theirs[key], merged["models"][model]["machine"])
    here = within(whole[key], published["within_factor"]["time"])
    return because(here, stage, f"{place}; {reason}" if stage else place)
