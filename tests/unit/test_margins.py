"""Whether a model is worse by more than a margin: the verdict of an interval, how often it is wrong, and what it needs."""

import functools
import math

import numpy
import pytest
from mmlu_kit.statistics import POWER
from mmlu_kit.statistics.comparisons import paired_interval
from mmlu_kit.statistics.margins import Verdict, questions_needed, verdict
from statsmodels.stats.power import normal_sample_size_one_tail

INTERVAL = functools.cache(paired_interval)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.009, 0.002, Verdict.NO_WORSE),
        (0.001, 0.02, Verdict.NO_WORSE),
        (-0.009, 0.0, Verdict.NO_WORSE),
        (-0.009, -0.001, Verdict.WORSE_WITHIN_MARGIN),
        (-0.01, -0.001, Verdict.WORSE),
        (-0.05, -0.03, Verdict.WORSE),
        (-0.01, 0.0, Verdict.UNCLEAR),
        (-0.05, 0.04, Verdict.UNCLEAR),
    ],
)
def test_the_ends_of_the_interval_decide(low, high, expected):
    assert verdict(low, high, 0.01) == expected


def shares(questions, difference, discordant, accuracy=0.6, studies=1500):
    """Return the share of studies with each verdict; `difference` is the true one, `discordant` the share of flips."""
    worse, better = (discordant - difference) / 2, (discordant + difference) / 2
    cells = [accuracy - worse, better, worse, 1 - accuracy - better]
    drawn = numpy.random.default_rng(4).multinomial(questions, cells, studies)
    verdicts = [verdict(*INTERVAL(*map(int, row)), 0.01) for row in drawn]
    return {each: verdicts.count(each) / studies for each in Verdict}


@pytest.mark.parametrize("questions", [100, 300, 1000, 3000])
@pytest.mark.parametrize("discordant", [0.04, 0.08, 0.15])
def test_a_model_that_is_three_points_worse_is_hardly_ever_called_no_worse_by_more_than_one(questions, discordant):
    made = shares(questions, -0.03, discordant)
    assert made[Verdict.NO_WORSE] + made[Verdict.WORSE_WITHIN_MARGIN] <= 0.025


@pytest.mark.parametrize("questions", [300, 3000])
def test_a_model_that_is_worse_by_just_the_margin_is_rarely_called_no_worse(questions):
    made = shares(questions, -0.01, 0.06, studies=3000)
    assert made[Verdict.NO_WORSE] + made[Verdict.WORSE_WITHIN_MARGIN] <= 0.035  # 2.5 %, and what 3000 studies vary


@pytest.mark.parametrize("questions", [100, 1000, 10_000])
def test_an_equal_model_is_rarely_called_worse(questions):
    made = shares(questions, 0.0, 0.05)
    assert made[Verdict.WORSE] + made[Verdict.WORSE_WITHIN_MARGIN] <= 0.035


def test_equal_models_with_many_questions_and_few_flips_are_usually_called_no_worse():
    assert shares(10_000, 0.0, 0.03)[Verdict.NO_WORSE] > 0.95


def test_a_small_loss_is_worse_and_within_the_margin():
    assert shares(20_000, -0.005, 0.02)[Verdict.WORSE_WITHIN_MARGIN] > 0.95


def test_the_number_needed_is_the_sample_size_of_the_one_sided_test():
    """1 in 20 answers differs, in both directions alike; one flip is added."""
    expected = normal_sample_size_one_tail(0.01, POWER, 0.025, std_null=math.sqrt(51 / 1002))
    assert questions_needed(1000, 25, 25, 0.01) == math.ceil(expected)


@pytest.mark.parametrize(("difference", "discordant"), [(0.0, 0.05), (-0.03, 0.12), (0.005, 0.03)])
def test_so_many_questions_tell_in_80_percent_of_studies(difference, discordant):
    few = 200
    only_model, only_reference = few * (discordant + difference) / 2, few * (discordant - difference) / 2
    needed = questions_needed(few, only_model, only_reference, 0.01)
    made = shares(needed, difference, discordant, studies=600)
    assert 0.75 <= 1 - made[Verdict.UNCLEAR] <= 0.95


@pytest.mark.parametrize(("questions", "flips", "least"), [(1, (0, 0), 2), (50, (0, 0), 1000), (100, (0, 2), 101)])
def test_the_number_needed_is_more_than_there_are(questions, flips, least):
    assert questions_needed(questions, *flips, 0.01) >= least
