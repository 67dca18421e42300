"""Compares the published numbers of one model with those of its counterpart in this run."""

from collections.abc import Sequence

from mmlu_kit.claims.document import NumberResult, Unit
from mmlu_kit.claims.reference import Published, PublishedContext
from mmlu_kit.claims.rows import Reason, RunNumber, accuracy, copies, on_another_machine, row, with_difference, within
from mmlu_kit.claims.stages import first_difference
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Effective, PromptSettings
from mmlu_kit.timing.machine import Machine

_TIMES = {"real": "real time", "cpu": "CPU time", "gpu": "GPU time"}


def model_rows(published: Published, merged: Merged, name: str, model: str | None) -> list[NumberResult]:
    """Return the rows of the published model `name`; `model` is its counterpart in this run, None if there is none."""
    published_model = published.models[name]

    def compare(what: str, unit: Unit, value: float, number: RunNumber | Reason) -> NumberResult:
        return row(name, published_model.section, what, unit, value, number)

    rows = [
        compare("parameters", "parameters", published_model.parameters, _parameters(published, merged, name, model)),
        compare("questions", "questions", published_model.total, _questions(published, merged, name, model)),
    ]
    whole = published_model.accuracy_percent / 100
    if published_model.correct is not None:
        whole = published_model.correct / published_model.total
    accuracies = [("accuracy over all subjects", subjects_of(published, merged, name), whole)]
    # The counts behind rounded percentages are compared, as the questions are the same.
    accuracies += [
        (f"accuracy on {name}", [name], subject.correct / published.questions[name])
        for name, subject in published_model.subjects.items()
    ]
    for what, subjects, share in accuracies:
        rows.append(compare(what, "fraction", share, _accuracy(published, merged, name, model, subjects, share)))
    for kind, what in _TIMES.items():
        seconds = getattr(published_model, f"{kind}_s")
        if seconds is not None:
            rows.append(compare(what, "s", seconds, _time(published, merged, name, model, kind, seconds)))
    return rows


def context_row(published: Published, merged: Merged, context: PublishedContext, model: str | None) -> NumberResult:
    """Return the row of a model's context window; `model` is the published model's counterpart in this run."""
    windows = [chat.context for chat in (merged.chat.models if merged.chat else []) if chat.model == model]
    number: RunNumber | Reason = f"no chat with {context.model} here"
    if windows:
        number = "the model's configuration names no context window"
        if windows[0]:
            number = within(windows[0], published.within_factor.parameters).because(None, "as the model's configuration has it")
    return row(context.model, context.section, "context window", "tokens", context.tokens, number)


def summary_over(merged: Merged, name: str, model: str | None, subjects: Sequence[str]) -> Summary | Reason:
    """Return this run's summary of one of the published models over these subjects, or why there is none."""
    if model is None or model not in merged.models:
        reasons = [missing.reason for missing in merged.not_run if missing.model == model]
        return f"{name} was not run: {reasons[0]}" if reasons else f"no result of {name} here"
    summary = summaries.summarize(merged, model, subjects)
    if summary and summary.subjects == len(subjects):
        return summary
    lacking = len(subjects) - (summary.subjects if summary else 0)
    what = subjects[0] if len(subjects) == 1 else f"{lacking} of its subjects"
    return f"no result of {model} on {what} here"


def subjects_of(published: Published, merged: Merged, name: str) -> list[str]:
    """Return the subjects of a published model or, if none are published, the study's."""
    return list(published.models[name].subjects) or merged.study.subjects


def _whole(published: Published, merged: Merged, name: str, model: str | None) -> Summary | Reason:
    return summary_over(merged, name, model, subjects_of(published, merged, name))


def _parameters(published: Published, merged: Merged, name: str, model: str | None) -> RunNumber | Reason:
    parameters = merged.models[model].parameters if model in merged.models else None
    if parameters is None:
        return str(_whole(published, merged, name, model))
    return within(parameters, published.within_factor.parameters).because(None, "counted in the checkpoint")


def _questions(published: Published, merged: Merged, name: str, model: str | None) -> RunNumber | Reason:
    summary = _whole(published, merged, name, model)
    if isinstance(summary, str):
        return summary
    here, there = summary.every_copy.questions, published.models[name].total
    return within(here, 1).because("data", f"{here} questions in this run, {there} in the publication")


def _accuracy(
    published: Published, merged: Merged, name: str, model: str | None, subjects: Sequence[str], value: float
) -> RunNumber | Reason:
    summary = summary_over(merged, name, model, subjects)
    if isinstance(summary, str):
        return summary
    counts, whole = summary.every_copy, published.models[name]
    if counts.correct_generated is None:
        return summary.reasons["correct_generated"]
    questions = sum(published.questions[subject] for subject in subjects) if whole.subjects else whole.total
    prompt, effective, _ = _how_it_ran(merged, summary.model)
    stage, reason = first_difference(published, name, prompt, effective, counts, questions, value)
    allowance = published.allowance(counts.questions, questions)
    number = accuracy(counts.correct_generated, counts.questions, allowance)
    return number.because(stage, with_difference(reason, stage, number, counts.questions, value) + copies(summary))


def _time(published: Published, merged: Merged, name: str, model: str | None, kind: str, value: float) -> RunNumber | Reason:
    summary = _whole(published, merged, name, model)
    if isinstance(summary, str):
        return summary
    seconds = summary.seconds(kind)
    if not seconds:
        resumed = "the evaluation was killed and resumed, so it has no time"
        return summary.reasons.get(f"{kind}_s", resumed)
    prompt, effective, machine = _how_it_ran(merged, summary.model)
    stage, reason = first_difference(published, name, prompt, effective, summary.every_copy, published.models[name].total)
    machines = on_another_machine(seconds, value, machine, published.machine(published.models[name].device))
    return within(seconds, published.within_factor.time).because(stage, f"{machines}; {reason}" if stage else machines)


def _how_it_ran(merged: Merged, model: str) -> tuple[PromptSettings, Effective, Machine]:
    ran = merged.models[model]
    assert ran.effective and ran.machine  # an imported model is never a counterpart
    return merged.study.run[model].prompt, ran.effective, ran.machine
