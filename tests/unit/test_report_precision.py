"""What the report says of a lower precision follows the numbers: each sentence is tried with numbers that lead to it."""

import pytest
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.precision_document import Divergence
from mmlu_kit.report.sections import precision as sections
from mmlu_kit.report.sentences import precision as sentences

from tests.helpers import precisions as made
from tests.helpers import results

LABELS = {"full": "full", "low": "low"}


def compared(both, only_low, only_full, neither):
    """Compare two precisions on this many questions that both, one or neither gets right."""
    gold = [results.question("anatomy", place).answer for place in range(both + only_low + only_full + neither)]
    right = [(True, True)] * both + [(False, True)] * only_low + [(True, False)] * only_full + [(False, False)] * neither
    wrong = {"A": "B", "B": "C", "C": "D", "D": "A"}
    full, low = (
        "".join(letter if rights[place] else wrong[letter] for letter, rights in zip(gold, right, strict=True))
        for place in (0, 1)
    )
    evaluations = [made.evaluation("full", made.sure(full)), made.evaluation("low", made.sure(low), dtype="bfloat16")]
    return made.merged(evaluations), made.analysed(evaluations)


@pytest.mark.parametrize(
    ("answers", "finding", "numbers"),
    [
        (
            (600, 4, 4, 392),
            "low is no worse than full by more than 1 point:",
            "low minus full is 0.0 points on 1,000 questions (",
        ),
        ((600, 40, 0, 360), "low is better than full:", "low minus full is 4.0 points on 1,000 questions ("),
        ((600, 0, 40, 360), "low is worse than full:", "low minus full is -4.0 points on 1,000 questions ("),
        (
            (2400, 0, 8, 1592),
            "low is worse than full, but by no more than 1 point:",
            "low minus full is -0.2 points on 4,000 questions (",
        ),
        (
            (60, 1, 3, 36),
            "Whether low is worse than full by more than 1 point cannot be told from these questions:",
            "test, p = 0.62). If answers keep differing as they do here, about 960 questions tell it in 80% of studies.",
        ),
        (
            (0, 0, 0, 1),
            "Whether low is worse than full by more than 1 point cannot be told from these questions:",
            "low minus full is 0.0 points on 1 question (95% interval -79.3 to 79.3 points; McNemar test, p = 1). "
            "No answer changed between right and wrong; if 1 of 1 question does, about 27,000 questions tell it in 80% of "
            "studies.",
        ),
    ],
)
def test_the_verdict_is_told_with_its_numbers(answers, finding, numbers):
    _, (pair,) = compared(*answers)
    found, rest = sentences.verdict(pair, LABELS)
    assert found == finding and numbers in rest


@pytest.mark.parametrize(
    ("margin", "words"), [(0.01, "1 point"), (0.005, "0.5 points"), (0.02, "2 points"), (1.0, "100 points")]
)
def test_a_margin_is_told_in_points(margin, words):
    assert sentences.points_of_margin(margin) == words


def test_the_difference_between_two_models_is_told():
    _, (pair,) = compared(60, 1, 3, 36)
    assert sentences.differ(pair) == "they differ only in precision (bfloat16 instead of float32)"
    more = {"weights": "other files", "precision": "bfloat16 instead of float32"}
    expected = "they differ in more than precision: weights (other files), precision (bfloat16 instead of float32)"
    assert sentences.differ(pair.model_copy(update={"differ": more})) == expected
    assert sentences.differ(pair.model_copy(update={"differ": {}})).startswith("the same weights, in the same precision")
    other = pair.model_copy(update={"differ": {"weights": "other files"}})
    assert sentences.differ(other) == "they differ in more than precision: weights (other files)"


def test_the_table_has_the_counts_of_each_pair():
    merged, pairs = compared(60, 1, 3, 36)
    made_section = sections.section(merged, AnalysisFile.model_construct(precisions=pairs))
    (row,) = made_section.rows
    assert row[:5] == ["full", "low", "bfloat16 instead of float32", "100", "63.0%, 61.0%"]
    assert row[5:] == ["-2.0 points (-6.4 to 2.4 points)", "p = 0.62", "p = 0.62"]
    assert made_section.changes[0][:6] == ["full", "low", "3", "1", "0", "96.0%"]
    assert made_section.margin == "1 point" and made_section.findings[0].startswith("**Whether low is worse than full")


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        ((0.0123, 0.00456, 0.0341), "0.012 (0.0046 to 0.034)"),
        ((0.00017, 0.00003, 0.0011), "0.00017 (<0.0001 to 0.0011)"),
        ((0.0, 0.0, 0.0), "0 (0 to 0)"),
    ],
)
def test_a_divergence_is_told_with_its_interval(mean, text):
    _, (pair,) = compared(60, 1, 3, 36)
    values = Divergence(**dict(zip(("mean", "low", "high"), mean, strict=True)))
    assert sections.divergence(pair.model_copy(update={"divergence": values})) == text
    assert sections.divergence(pair.model_copy(update={"divergence": None, "no_divergence": "imported"})) == "—"


def test_a_study_without_two_precisions_has_no_section():
    evaluations = [made.evaluation("full", made.sure("ABCD"))]
    assert (
        sections.section(made.merged(evaluations), AnalysisFile.model_construct(precisions=made.analysed(evaluations))) is None
    )
