"""The comparison of two models of a study by their answers, and its table; it imports scipy and pandas."""

import argparse
from pathlib import Path

from mmlu_kit.analysis import precision
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.config import ImportedEntry
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import points, points_range
from mmlu_kit.report.sections.precision import divergence
from mmlu_kit.results import collection, merging, origins
from mmlu_kit.results.merged import Merged
from mmlu_kit.statistics.margins import Verdict
from mmlu_kit.study import Study
from mmlu_kit.terminal_text import printable
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion

# Exit statuses of `mmlu-kit compare`.
STATUS = {Verdict.NO_WORSE: 0, Verdict.WORSE_WITHIN_MARGIN: 0, Verdict.WORSE: 1, Verdict.UNCLEAR: 2}


def compare(study: Study, args: argparse.Namespace) -> tuple[Merged, Comparison]:
    """Return what is known of the two models, and the comparison, from their evaluations and what these were made from.

    Raises UserError if there is nothing to compare, or if the files contradict each other.
    """
    names = list(dict.fromkeys(model for model, _ in study.pairs()))
    both = args.reference, args.model
    for name in both:
        if name not in names:
            raise UserError(f"the study '{study.name}' evaluates no model '{name}': {suggestion(name, names)}")
    if len(set(both)) == 1:
        raise UserError(f"'{args.model}' cannot be compared with itself: name two models; known: {', '.join(names)}")
    groups = [group.model_copy(update={"models": [name for name in group.models if name in both]}) for group in study.groups]
    baseline = study.baseline if study.baseline and study.baseline.model in both else None
    study = study.model_copy(update={"groups": groups, "baseline": baseline})
    entries = [(name, study.models[name]) for name in both]
    imported = {name: Path(entry.predictions) for name, entry in entries if isinstance(entry, ImportedEntry)}
    predictions = {name: path for name, path in imported.items() if path.is_file()}
    collected = collection.collect(study, args.results, origins.read(study, args.resources, predictions))
    merged = merging.merge(study, collected.outcomes, collected.timings, Processes({}), sources=collected.sources)
    models = precision.candidates(merged, collected.outcomes)
    for name in both:
        if name not in models:
            raise UserError(f"{printable(args.results)} has no answers of {name} yet: run the study, or name another model")
    compared = precision.compare(models[args.reference], models[args.model], args.margin / 100)
    if compared is None:
        raise UserError(
            f"{args.reference} and {args.model} have no question with a readable answer of each: run both on one subject"
        )
    return merged, compared


def table(compared: Comparison) -> list[list[str]]:
    """Return the rows of the table: a name and a value each."""
    number = compared.questions
    unread = f" ({compared.unread} more have an unreadable answer)" if compared.unread else ""
    distance = (
        f"{divergence(compared)} nats, by bootstrap over questions"
        if compared.divergence
        else f"none: {compared.no_divergence}"
    )
    interval = points_range(compared.low, compared.high)
    return [
        ["questions", f"{number}{unread}"],
        [f"accuracy of {compared.reference}", f"{percent(compared.reference_right / number)} ({compared.reference_right})"],
        [f"accuracy of {compared.model}", f"{percent(compared.model_right / number)} ({compared.model_right})"],
        ["difference (95% interval)", f"{points(compared.difference)} ({interval})"],
        ["right to wrong", str(compared.right_to_wrong)],
        ["wrong to right", str(compared.wrong_to_right)],
        ["wrong to another wrong", str(compared.wrong_to_other_wrong)],
        ["same best answer", f"{percent(compared.same / number)} ({compared.same})"],
        ["exact McNemar test", p_value(compared.p)],
        ["KL divergence (95% interval)", distance],
    ]
