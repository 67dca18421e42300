"""Groups of questions that are alike."""

import numpy
import pandas
import pytest
from mmlu_kit.statistics.strata import accuracies, strata

CHOICES = [2, 4, 4, 2, 4]
SUBJECTS = ["law", "law", "anatomy", "law", "anatomy"]


def test_questions_are_of_one_stratum_if_they_are_alike_in_all_columns():
    assert strata(CHOICES).tolist() == [0, 1, 1, 0, 1]
    assert strata(CHOICES, SUBJECTS).tolist() == [0, 2, 1, 0, 1]
    assert strata(SUBJECTS, CHOICES).tolist() == [1, 2, 0, 1, 0]


def test_a_questions_accuracy_is_that_of_its_group():
    random = numpy.random.default_rng(1)
    correct, groups = random.random(200) < 0.6, random.integers(3, 9, 200)
    expected = pandas.Series(correct.astype(float)).groupby(groups).transform("mean")
    assert accuracies(correct, groups) == pytest.approx(expected.to_numpy())
