"""The error analysis's part on models beside each other: shared mistakes, and which model is better."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.difficulty_document import ModelsWrong
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import McNemar, PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report import cells
from mmlu_kit.report.cells import Row, Rows, decimals, interval, known, names, points
from mmlu_kit.report.sentences import pairs as sentences


@dataclass(frozen=True)
class Pairs:
    """Questions by how many models missed them, and tables of every two models; empty or None if there is nothing to say."""

    comparable: bool
    models_wrong_headings: Row
    models_wrong: Rows
    models_wrong_test: str
    pairs: Rows
    same_wrong: list[str]
    better: Rows
    accuracies_differ: str | None


def part(analysis: AnalysisFile, labels: Mapping[str, str], best: str) -> Pairs:
    """Return the part; `labels` are by model, `best` is what the best answer is called."""
    wrong = analysis.models_wrong
    within = ["If independent within subjects"] if wrong and wrong.differs_within else []
    return Pairs(
        comparable=len(analysis.compared) > 1,
        models_wrong_headings=["Models wrong", "Questions", "Share", "If mistakes were independent", *within],
        models_wrong=_models_wrong(wrong) if wrong else [],
        models_wrong_test=sentences.models_wrong(analysis),
        pairs=[_pair(pair, labels) for pair in analysis.pairs],
        same_wrong=[sentence for pair in analysis.pairs if (sentence := sentences.same_wrong(pair, labels, best)) is not None],
        better=[row for pair in analysis.pairs for row in _better(pair, labels)],
        accuracies_differ=sentences.accuracies_differ(analysis.cochran_q),
    )


def _models_wrong(wrong: ModelsWrong) -> Rows:
    """Return the questions by how many models missed them, observed and expected."""
    rows = []
    for number, observed in enumerate(wrong.observed):
        expected = [wrong.expected[number], *([wrong.expected_within[number]] if wrong.differs_within else [])]
        share = percent(observed / wrong.questions)
        rows.append([f"{number} of {wrong.models}", str(observed), share, *(f"{count:.0f}" for count in expected)])
    return rows


def _pair(pair: PairAnalysis, labels: Mapping[str, str]) -> Row:
    kappa, null = cells.NOT_KNOWN, pair.same_wrong_null
    if pair.kappa is not None:
        kappa = f"{pair.kappa:.2f} ({known(pair.kappa_max, decimals(2))})"
    return [
        names(pair.models, labels),
        str(pair.both_wrong),
        f"{pair.both_wrong_expected:.0f}",
        kappa,
        known(pair.capa, decimals(2)),
        f"{pair.same_wrong} ({known(pair.same_wrong_rate, percent)})",
        f"{percent(null.mean)} ({interval(null.low, null.high)})" if null else cells.NOT_KNOWN,
        p_value(pair.same_wrong_p),
    ]


def _better(pair: PairAnalysis, labels: Mapping[str, str]) -> Rows:
    """Return the row of the test and, if questions are left out, one of the test that counts unreadable answers as wrong."""
    both, difference = names(pair.models, labels), known(pair.smallest_difference, points)
    if not pair.mcnemar_unread_wrong:
        return [[both, *_test(pair.mcnemar), difference]]
    return [
        [f"{both}, both readable ({pair.questions:,} questions)", *_test(pair.mcnemar), difference],
        [
            f"{both}, unreadable as wrong ({pair.questions + pair.unread:,} questions)",
            *_test(pair.mcnemar_unread_wrong),
            cells.NOT_KNOWN,
        ],
    ]


def _test(test: McNemar) -> Row:
    return [str(test.only_first), str(test.only_second), p_value(test.p), p_value(test.p_holm)]
