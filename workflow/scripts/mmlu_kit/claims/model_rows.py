"""The numbers of one of the writeup's models beside those of this run's model that stands for it."""

from collections.abc import Sequence

from mmlu_kit.claims.document import NumberResult, Unit
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.rows import Reason, RunNumber, accuracy, elsewhere, row, within
from mmlu_kit.claims.stages import first_difference
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Effective, PromptSettings
from mmlu_kit.timing.machine import Machine

_TIMES = {"real": "real time", "cpu": "CPU time", "gpu": "GPU time"}


def model_rows(published: Published, merged: Merged, name: str, model: str | None) -> list[NumberResult]:
    """Return the rows of the writeup's model `name`; `model` is this run's that stands for it, None where there is none."""
    theirs = published.models[name]

    def beside(what: str, unit: Unit, value: float, number: RunNumber | Reason) -> NumberResult:
        return row(name, theirs.section, what, unit, value, number)

    rows = [
        beside("parameters", "parameters", theirs.parameters, _parameters(published, merged, name, model)),
        beside("questions", "questions", theirs.total, _questions(published, merged, name, model)),
    ]
    accuracies = [("accuracy over all subjects", list(theirs.subjects), theirs.accuracy_percent)]
    accuracies += [(f"accuracy on {name}", [name], subject.accuracy_percent) for name, subject in theirs.subjects.items()]
    for what, subjects, percent in accuracies:
        number = _accuracy(published, merged, name, model, subjects, percent / 100)
        rows.append(beside(what, "fraction", percent / 100, number))
    for kind, what in _TIMES.items():
        seconds = getattr(theirs, f"{kind}_s")
        if seconds is not None:
            rows.append(beside(what, "s", seconds, _time(published, merged, name, model, kind, seconds)))
    return rows


def summary_over(merged: Merged, name: str, model: str | None, subjects: Sequence[str]) -> Summary | Reason:
    """Return this run's summary of a model of the writeup over all of these subjects, or why there is none."""
    if model is None or model not in merged.models:
        reasons = [missing.reason for missing in merged.not_run if missing.model == model]
        return f"{name} was not run: {reasons[0]}" if reasons else f"no result of {name} here"
    summary = summaries.summarize(merged, model, subjects)
    if summary and summary.subjects == len(subjects):
        return summary
    lacking = len(subjects) - (summary.subjects if summary else 0)
    what = subjects[0] if len(subjects) == 1 else f"{lacking} of its subjects"
    return f"no result of {model} on {what} here"


def _whole(published: Published, merged: Merged, name: str, model: str | None) -> Summary | Reason:
    return summary_over(merged, name, model, list(published.models[name].subjects))


def _parameters(published: Published, merged: Merged, name: str, model: str | None) -> RunNumber | Reason:
    parameters = merged.models[model].parameters if model in merged.models else None
    if parameters is None:
        return str(_whole(published, merged, name, model))
    return within(parameters, published.within_factor.parameters).because(None, "counted in the checkpoint")


def _questions(published: Published, merged: Merged, name: str, model: str | None) -> RunNumber | Reason:
    summary = _whole(published, merged, name, model)
    if isinstance(summary, str):
        return summary
    here, there = summary.questions, published.models[name].total
    return within(here, 1).because("data", f"{here} questions here, {there} there")


def _accuracy(
    published: Published, merged: Merged, name: str, model: str | None, subjects: Sequence[str], value: float
) -> RunNumber | Reason:
    summary = summary_over(merged, name, model, subjects)
    if isinstance(summary, str):
        return summary
    questions = sum(published.questions[subject] for subject in subjects)
    prompt, effective, _ = _how_it_ran(merged, summary.model)
    return accuracy(summary).because(*first_difference(published, name, prompt, effective, summary, questions, value))


def _time(published: Published, merged: Merged, name: str, model: str | None, kind: str, value: float) -> RunNumber | Reason:
    summary = _whole(published, merged, name, model)
    if isinstance(summary, str):
        return summary
    seconds = summary.seconds(kind)
    if not seconds:
        resumed = "the evaluation was killed and resumed, so its time is no measurement"
        return summary.reasons.get(f"{kind}_s", resumed)
    prompt, effective, machine = _how_it_ran(merged, summary.model)
    stage, reason = first_difference(published, name, prompt, effective, summary, published.models[name].total)
    place = elsewhere(seconds, value, machine)
    return within(seconds, published.within_factor.time).because(stage, f"{place}; {reason}" if stage else place)


def _how_it_ran(merged: Merged, model: str) -> tuple[PromptSettings, Effective, Machine]:
    ran = merged.models[model]
    assert ran.effective and ran.machine  # no imported model stands for one of the writeup's
    return merged.study.run[model].prompt, ran.effective, ran.machine
