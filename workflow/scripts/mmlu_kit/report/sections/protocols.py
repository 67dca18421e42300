"""How much depends on how models are asked and read: the same weights by protocol, cloze scores, orders of the choices."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.protocol_document import ClozeScores, Family, OrderEffects, ReadingAccuracy, ScoreAccuracy
from mmlu_kit.analysis.values import PairedDifference
from mmlu_kit.claims.reference import Published
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report import captions
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, listed, points, points_range
from mmlu_kit.report.sections.published_accuracies import published_beside
from mmlu_kit.report.sentences import protocols as sentences
from mmlu_kit.report.sentences.letters import MOST_COLUMNS
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS


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
        sentences_on_published, published_rows = published_beside(merged, family, published, labels) if published else ([], [])
        findings += [sentences.family(family, labels), *sentences.not_compared(family, labels), *sentences_on_published]
        accuracies = [*(_accuracy(each, labels) for each in family.accuracies), *published_rows]
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


def _pairs(family: Family, labels: Mapping[str, str]) -> Rows:
    return [
        [
            *(sentences.reading(each, labels) for each in pair.readings),
            str(pair.questions),
            f"{percent(pair.first)}, {percent(pair.second)}",
            *_difference(pair),
        ]
        for pair in family.pairs
    ]


def _difference(pair: PairedDifference) -> Row:
    difference = f"{points(pair.difference)} ({points_range(pair.low, pair.high)})"
    return [difference, f"{pair.only_first}, {pair.only_second}", p_value(pair.p), p_value(pair.p_holm)]


def _score(row: ScoreAccuracy, model: ClozeScores, labels: Mapping[str, str]) -> Row:
    words = sentences.score(row.score)
    against = _difference(row.against) if row.against else ["in use", *[NOT_KNOWN] * 3]
    return [
        labels[model.model],
        words if row.against else f"**{words}**",
        percent(row.share),
        interval(row.low, row.high),
        *against,
    ]


def _orders(model: OrderEffects, labels: Mapping[str, str]) -> OrderTable:
    letters = [letter for letter in LETTERS if letter in model.recalls]
    if len(letters) > MOST_COLUMNS:  # analysis.json has them
        letters = []
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
