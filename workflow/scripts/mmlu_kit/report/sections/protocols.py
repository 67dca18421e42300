"""How much depends on how models are asked and read: the same weights by protocol, cloze scores, orders of the choices."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit import statistics
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.protocol_document import (
    ClozeScores,
    Family,
    OrderEffects,
    PairedDifference,
    ReadBy,
    ReadingAccuracy,
    ScoreAccuracy,
)
from mmlu_kit.claims.counterparts import counterparts
from mmlu_kit.claims.reference import Published, PublishedModel
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report import captions
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, listed, points
from mmlu_kit.report.sentences import protocols as sentences
from mmlu_kit.report.sentences.protocols import Counterpart
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import protocol
from mmlu_kit.settings import LETTERS, PromptSettings


@dataclass(frozen=True)
class FamilyTables:
    """The tables on one family."""

    accuracies: Rows
    pairs: Rows


@dataclass(frozen=True)
class OrderTable:
    """The table on the orders of one model's choices."""

    label: str
    header: Row
    rows: Rows


@dataclass(frozen=True)
class ProtocolsSection:
    """Findings first, then the tables; a list is empty if the study has nothing of its kind."""

    family_findings: list[str]
    families: list[FamilyTables]
    cloze_findings: list[str]
    cloze: Rows
    tokens: str
    order_findings: list[str]
    orders: list[OrderTable]
    alt: str


def section(merged: Merged, analysis: AnalysisFile, published: Published | None) -> ProtocolsSection | None:
    """Return the section, None if nothing was asked in several ways; `published` is a reference's, None without one."""
    protocols = analysis.protocols
    if not protocols:
        return None
    labels = {model: summaries.label(merged, model) for model in merged.order()}
    findings, families = [], []
    for family in protocols.families:
        findings += [sentences.family(family, labels), *sentences.not_compared(family, labels)]
        accuracies = [_accuracy(each, labels) for each in family.accuracies]
        for name, model in _published_models(merged, family, published).items():
            assert published
            findings += _compared(merged, name, model, family, labels)
            accuracies.append(_published_row(model, published))
        families.append(FamilyTables(accuracies, _pairs(family, labels)))
    return ProtocolsSection(
        family_findings=findings,
        families=families,
        cloze_findings=[sentences.cloze(model, labels) for model in protocols.cloze],
        cloze=[_score(each, model, labels) for model in protocols.cloze for each in model.scores],
        tokens=listed(f"{labels[model.model]} {model.tokens:.1f}" for model in protocols.cloze),
        order_findings=[sentences.orders(model, labels) for model in protocols.orders],
        orders=[_orders(model, labels) for model in protocols.orders],
        alt=alt(protocols.families, labels),
    )


def alt(families: list[Family], labels: Mapping[str, str]) -> str:
    """Return the figure's alternative text: its title and its numbers."""
    numbers = (f"{sentences.reading(each, labels)} {percent(each.share)}" for family in families for each in family.accuracies)
    return f"{captions.PROTOCOL_FIGURES['protocols'].title}: {listed(numbers)}"


def _accuracy(row: ReadingAccuracy, labels: Mapping[str, str]) -> Row:
    return [
        labels[row.model],
        row.protocol,
        row.read_by,
        str(row.count),
        str(row.questions),
        f"**{percent(row.share)}**",
        interval(row.low, row.high),
        percent(row.guessing),
    ]


def _published_row(model: PublishedModel, published: Published) -> Row:
    how = [NOT_KNOWN, NOT_KNOWN]
    if published.prompt:
        prompt = PromptSettings(preset=published.prompt.preset, examples=published.prompt.examples)
        how = [protocol(prompt), ReadBy.BEST if prompt.preset.is_cloze else ReadBy.GENERATED]
    accuracy = model.accuracy_percent / 100
    counts = [str(round(accuracy * model.total)), str(model.total), f"**{percent(accuracy)}**"]
    return ["published", *how, *counts, NOT_KNOWN, NOT_KNOWN]


def _published_models(merged: Merged, family: Family, published: Published | None) -> dict[str, PublishedModel]:
    """Return the published models with a counterpart in a family, by name."""
    if not published:
        return {}
    entries = {each.model: merged.study.models[each.model] for each in family.accuracies}
    return {name: published.models[name] for name, model in counterparts(entries, published).items() if model}


def _compared(merged: Merged, name: str, published: PublishedModel, family: Family, labels: Mapping[str, str]) -> list[str]:
    """Compare a published accuracy with the readings of models that answered all of its subjects or, if it names none, as many
    questions in the whole study.

    Like published accuracies, theirs are on every copy of a repeated question; the interval is that of the different ones.
    """
    subjects, readings = list(published.subjects) or merged.study.subjects, []
    for each in family.accuracies:
        summary = summaries.summarize(merged, each.model, subjects)
        counts = summary.every_copy if summary else None
        if (
            summary
            and counts
            and summary.subjects == len(subjects)
            and (published.subjects or counts.questions == published.total)
        ):
            right = counts.correct if each.read_by == ReadBy.BEST else counts.correct_generated or 0
            share = right / counts.questions
            low, high = statistics.wilson(share * summary.questions, summary.questions)
            readings.append(Counterpart(sentences.reading(each, labels), share, low, high))
    return [sentences.published(name, published.accuracy_percent / 100, readings)] if readings else []


def _pairs(family: Family, labels: Mapping[str, str]) -> Rows:
    return [
        [
            *(sentences.reading(each, labels) for each in pair.readings),
            str(pair.questions),
            percent(pair.first),
            percent(pair.second),
            *_difference(pair),
        ]
        for pair in family.pairs
    ]


def _difference(pair: PairedDifference) -> Row:
    difference = f"{points(pair.difference)} ({sentences.points_range(pair.low, pair.high)})"
    return [difference, str(pair.only_first), str(pair.only_second), p_value(pair.p), p_value(pair.p_holm)]


def _score(row: ScoreAccuracy, model: ClozeScores, labels: Mapping[str, str]) -> Row:
    words = sentences.score(row.score)
    against = _difference(row.against) if row.against else ["in use", *[NOT_KNOWN] * 4]
    return [
        labels[model.model],
        words if row.against else f"**{words}**",
        percent(row.share),
        interval(row.low, row.high),
        *against,
    ]


def _orders(model: OrderEffects, labels: Mapping[str, str]) -> OrderTable:
    letters = [letter for letter in LETTERS if letter in model.recalls]
    rows = [
        [
            LETTERS[order.order] + (" (as given)" if not order.order else ""),
            str(order.questions),
            percent(order.share),
            interval(order.low, order.high),
            *(percent(order.recalls[letter].recall) if letter in order.recalls else NOT_KNOWN for letter in letters),
        ]
        for order in model.orders
    ]
    whole = ["all", str(model.alike.questions), f"**{percent(model.mean)}**", NOT_KNOWN]
    rows.append([*whole, *(percent(model.recalls[letter].recall) for letter in letters)])
    header = ["Shown first", "Questions", "Accuracy", "95% interval", *(f"Recall of {letter}" for letter in letters)]
    return OrderTable(labels[model.model], header, rows)
