"""Calibration, against values computed by hand and at the edges of bins."""

import pandas
import pytest
from mmlu_kit.analysis.calibration import calibration, letter_probabilities
from mmlu_kit.results import merging


def answers(*logprobs):
    """Return rows of questions.csv with these log-probabilities."""
    table = pandas.DataFrame([dict(zip(merging.logprob_columns(len(row)), row, strict=True)) for row in logprobs])
    return table.assign(choices=[len(row) for row in logprobs], letter_mass=0.9)


def test_probabilities_are_among_the_letters_or_unknown():
    table = answers([-1.0, -1.0, -1.0, -1.0], [-0.5, -2.5, -2.5, -2.5])
    assert letter_probabilities(table).sum(axis=1) == pytest.approx([1, 1])
    assert letter_probabilities(table)[0] == pytest.approx([0.25] * 4)
    table.loc[1, "logprob_D"] = None
    assert letter_probabilities(table) is None


def test_probabilities_are_among_the_letters_of_each_question():
    probabilities = letter_probabilities(answers([-1.0, -1.0], [-2.0] * 5, [-0.5, -2.5, -2.5]))
    assert probabilities[0] == pytest.approx([0.5, 0.5, 0, 0, 0]) and probabilities[1] == pytest.approx([0.2] * 5)
    assert probabilities[2][:3].sum() == pytest.approx(1) and list(probabilities[2][3:]) == [0, 0]
    assert len(letter_probabilities(answers([-1.0, -1.0])[:0])) == 0


def test_log_probabilities_of_texts_are_no_letters_probabilities():
    assert letter_probabilities(answers([-9.0, -11.0, -7.5]).assign(letter_mass=None)) is None


def test_calibration_by_hand():
    confidences = [0.95, 0.85, 0.75, 0.65, 0.55] * 2
    correct = [1, 1, 1, 0, 0, 1, 1, 0, 1, 0]
    result = calibration(confidences, correct)
    assert result.ece == pytest.approx(0.23)
    assert result.brier == pytest.approx(
        sum((confidence - right) ** 2 for confidence, right in zip(confidences, correct, strict=True)) / 10
    )
    assert [bin.count for bin in result.bins] == [0] * 5 + [2] * 5
    assert result.bins[0].accuracy is None and result.bins[5].accuracy == 0
    assert (result.bins[9].low, result.bins[9].high) == (0.9, 1.0)


def test_certainty_falls_into_the_last_bin():
    result = calibration([1.0, 1.0, 1.0], [1, 1, 0])
    assert result.bins[9].count == 3 and result.ece == pytest.approx(1 / 3)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    assert [bin.count for bin in calibration([0.25, 0.5, 0.75], [1, 1, 1], bins=4).bins] == [1, 1, 1, 0]
