"""The error analysis's part on which of two models is better: a matrix of their differences, and a table of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import McNemar, PairAnalysis
from mmlu_kit.formatting import p_value
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, known, names, points, points_range
from mmlu_kit.report.sentences import differences as sentences
from mmlu_kit.statistics import ALPHA

# A matrix of two models has one number; one of more than these does not fit on a page.
FEWEST_MODELS, MOST_MODELS = 3, 12
SHOWN, UNCORRECTED = "●", "○"  # a difference that is shown after Holm's correction, or only without it


@dataclass(frozen=True)
class Differences:
    """A sentence on how many pairs differ, the matrix, the table of pairs, and notes; empty or None if there is none."""

    finding: str
    matrix_headings: Row
    matrix: Rows
    marks: str
    pairs: Rows
    by_subjects: Rows
    which_pairs: str | None
    smallest_difference: str
    accuracies_differ: str | None


def part(analysis: AnalysisFile, labels: Mapping[str, str]) -> Differences:
    """Return the part; there must be a pair. `labels` are by model."""
    models, pairs = analysis.compared, analysis.pairs
    square = FEWEST_MODELS <= len(models) <= MOST_MODELS
    clustered = any(pair.clustered for pair in pairs)
    return Differences(
        finding=sentences.finding(pairs, labels, [model.model for model in analysis.constant_models]),
        matrix_headings=["Row minus column, points", *(labels[model] for model in models)] if square else [],
        matrix=_matrix(models, pairs, labels) if square else [],
        marks=f"{SHOWN} differs after Holm's correction, {UNCORRECTED} only without it (the test with "
        f"{'subjects' if clustered else 'questions'} as the sample).",
        pairs=[row for pair in sentences.listed_pairs(pairs) for row in _rows(pair, labels)],
        by_subjects=[_by_subjects(pair, labels) for pair in sentences.listed_pairs(pairs) if pair.clustered],
        which_pairs=sentences.which_rows(pairs),
        smallest_difference=sentences.smallest_difference(pairs),
        accuracies_differ=sentences.accuracies_differ(analysis.cochran_q),
    )


def _matrix(models: Sequence[str], pairs: Sequence[PairAnalysis], labels: Mapping[str, str]) -> Rows:
    differences = {}
    for pair in pairs:
        mark = f" {SHOWN}" if pair.test.p_holm < ALPHA else f" {UNCORRECTED}" if pair.test.p < ALPHA else ""
        for (row, column), sign in ((pair.models, 1), (pair.models[::-1], -1)):
            differences[row, column] = f"{100 * sign * pair.advantage:+z.1f}{mark}" if pair.advantage else "0.0"
    return [
        [labels[row], *("" if row == column else differences.get((row, column), NOT_KNOWN) for column in models)]
        for row in models
    ]


def _rows(pair: PairAnalysis, labels: Mapping[str, str]) -> Rows:
    """Return the row of a pair and, if questions are left out, one of the test that counts unreadable answers as wrong."""
    both, unread_wrong = names(pair.models, labels), pair.mcnemar_unread_wrong
    whole = pair.questions + pair.unread
    readable = f"{both}, both readable ({pair.questions:,} questions)" if unread_wrong else both
    ends = points_range(pair.difference.low, pair.difference.high)
    rows = [
        [readable, *_counts(pair.mcnemar, pair.questions), ends, *_p(pair.mcnemar), known(pair.smallest_difference, points)]
    ]
    if unread_wrong:
        unread = f"{both}, unreadable as wrong ({whole:,} questions)"
        rows.append([unread, *_counts(unread_wrong, whole), NOT_KNOWN, *_p(unread_wrong), NOT_KNOWN])
    return rows


def _by_subjects(pair: PairAnalysis, labels: Mapping[str, str]) -> Row:
    test = pair.clustered
    assert test
    difference = points(pair.advantage)
    return [names(pair.models, labels), difference, points_range(test.low, test.high), p_value(test.p), p_value(test.p_holm)]


def _counts(test: McNemar, questions: int) -> Row:
    difference = points((test.only_first - test.only_second) / questions)
    return [str(test.only_first), str(test.only_second), difference]


def _p(test: McNemar) -> Row:
    return [p_value(test.p), p_value(test.p_holm)]
