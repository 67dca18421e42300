"""The error analysis's part on models beside each other: shared mistakes, and which model is better."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.difficulty_document import ModelsWrong
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import AgreementInterval, PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report import cells
from mmlu_kit.report.cells import Row, Rows, corrected, decimals, interval, known, names
from mmlu_kit.report.sections import differences
from mmlu_kit.report.sentences import pairs as sentences


@dataclass(frozen=True)
class Pairs:
    """Questions by how many models missed them, and tables of every two models; empty or None if there is nothing to say."""

    comparable: bool
    models_wrong_headings: Row
    models_wrong: Rows
    models_wrong_test: str
    constant: str | None
    consistency: Rows
    consistency_test: str | None
    nearly_the_same: str | None
    which_pairs: str | None
    same_wrong: Rows
    same_wrong_test: str | None
    differences: differences.Differences | None


def part(analysis: AnalysisFile, labels: Mapping[str, str], best: str) -> Pairs:
    """Return the part; `labels` are by model, `best` is what the best answer is called."""
    wrong = analysis.models_wrong
    within = ["If independent within subjects"] if wrong and wrong.differs_within else []
    constant = {model.model for model in analysis.constant_models}
    informative = [pair for pair in analysis.pairs if not constant & set(pair.models)]
    rows = sentences.most_alike(analysis.pairs)
    return Pairs(
        comparable=len(analysis.compared) > 1,
        models_wrong_headings=["Models wrong", "Questions", "Share", "If mistakes were independent", *within],
        models_wrong=_models_wrong(wrong) if wrong else [],
        models_wrong_test=sentences.models_wrong(analysis),
        constant=sentences.constant(analysis.constant_models),
        consistency=[_consistency(pair, labels) for pair in rows],
        consistency_test=sentences.consistency(informative, labels, best),
        nearly_the_same=sentences.nearly_the_same(informative, labels),
        which_pairs=sentences.which_rows(analysis.pairs),
        same_wrong=[_same_wrong(pair, labels) for pair in rows],
        same_wrong_test=sentences.same_wrong(informative, labels, best),
        differences=differences.part(analysis, labels) if analysis.pairs else None,
    )


def _models_wrong(wrong: ModelsWrong) -> Rows:
    """Return the questions by how many models missed them, observed and expected."""
    rows = []
    for number, observed in enumerate(wrong.observed):
        expected = [wrong.expected[number], *([wrong.expected_within[number]] if wrong.differs_within else [])]
        share = percent(observed / wrong.questions)
        rows.append([f"{number} of {wrong.models}", str(observed), share, *(f"{count:.0f}" for count in expected)])
    return rows


def _consistency(pair: PairAnalysis, labels: Mapping[str, str]) -> Row:
    return [
        names(pair.models, labels),
        str(pair.both_wrong),
        f"{pair.both_wrong_expected:.0f}",
        _measure(pair.kappa, pair.kappa_interval),
        known(pair.kappa_max, decimals(2)),
        _measure(pair.kappa_within, pair.kappa_within_interval),
        p_value(pair.consistency_p),
        p_value(pair.consistency_p_holm),
    ]


def _same_wrong(pair: PairAnalysis, labels: Mapping[str, str]) -> Row:
    null, draws = pair.same_wrong_null if pair.same_wrong_p is not None else None, pair.same_wrong_draws
    return [
        names(pair.models, labels),
        _measure(pair.capa, pair.capa_interval),
        f"{pair.same_wrong} ({known(pair.same_wrong_rate, percent)})",
        f"{percent(null.mean)} ({interval(null.low, null.high)})" if null else cells.NOT_KNOWN,
        p_value(pair.same_wrong_p, draws),
        corrected(pair.same_wrong_p_holm, pair.same_wrong_p, draws),
    ]


def _measure(value: float | None, ends: AgreementInterval | None) -> str:
    if value is None or ends is None:
        return known(value, decimals(2))
    return f"{value:z.2f} ({ends.low:z.2f} to {ends.high:z.2f})"
