"""A reference's accuracies beside those of the same weights, asked and read in several ways."""

from collections.abc import Mapping

from mmlu_kit.analysis.protocol_document import Family, ReadBy, Reading
from mmlu_kit.claims.counterparts import counterparts
from mmlu_kit.claims.reference import Published, PublishedModel
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, known
from mmlu_kit.report.sentences import protocols as sentences
from mmlu_kit.report.sentences.protocols import Counterpart
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import protocol
from mmlu_kit.settings import PromptSettings
from mmlu_kit.statistics import intervals


def published_beside(
    merged: Merged, family: Family, published: Published, labels: Mapping[str, str]
) -> tuple[list[str], list[Row]]:
    """Return sentences and rows on the published models that are a family's, if any.

    A published accuracy is compared with the readings of the models that answered all of its subjects or, if it names none, as
    many questions in the whole study.
    """
    entries = {each.model: merged.study.models[each.model] for each in family.accuracies}
    names = [name for name, model in counterparts(entries, published).items() if model]
    findings = [_finding(merged, name, published, family, labels) for name in names]
    return list(filter(None, findings)), [_row(published.models[name], published) for name in names]


def _row(model: PublishedModel, published: Published) -> Row:
    """Return a published model's row of the table of accuracies."""
    way, accuracy = _way(published) or (NOT_KNOWN, NOT_KNOWN), percent(model.accuracy_percent / 100)
    right = known(model.correct, "{:.0f}".format)
    return ["published", *way, right, str(model.total), f"**{accuracy}**", NOT_KNOWN, NOT_KNOWN]


def _finding(merged: Merged, name: str, published: Published, family: Family, labels: Mapping[str, str]) -> str | None:
    """Say which ways of asking and reading give the accuracy published of a model; None if none can be compared."""
    model, way = published.models[name], _way(published)
    compared = [(each, _counterpart(merged, each, model, labels)) for each in family.accuracies]
    readings = [counterpart for _, counterpart in compared if counterpart]
    if not readings:
        return None
    described = next((counterpart for each, counterpart in compared if (each.protocol, each.read_by) == way), None)
    return sentences.published(name, model.accuracy_percent / 100, readings, described)


def _way(published: Published) -> tuple[str, ReadBy] | None:
    """Return how the published models were asked and read; None if the reference does not say."""
    if not published.prompt:
        return None
    prompt = PromptSettings(preset=published.prompt.preset, examples=published.prompt.examples)
    return protocol(prompt), ReadBy.BEST if prompt.preset.is_cloze else ReadBy.GENERATED


def _counterpart(merged: Merged, reading: Reading, model: PublishedModel, labels: Mapping[str, str]) -> Counterpart | None:
    """Return a reading's accuracy on the questions of a published one.

    Like the published one, it is on every copy of a repeated question; the interval is that of the different ones.
    """
    subjects = list(model.subjects) or merged.study.subjects
    summary = summaries.summarize(merged, reading.model, subjects)
    if not summary or summary.subjects < len(subjects):
        return None
    counts = summary.every_copy
    if not model.subjects and counts.questions != model.total:
        return None
    right = counts.correct if reading.read_by == ReadBy.BEST else counts.correct_generated or 0
    share = right / counts.questions
    low, high = intervals.wilson(share * summary.questions, summary.questions)
    return Counterpart(sentences.reading(reading, labels), share, low, high)
