"""The analysis of every two models: differences, agreement, and what many pairs change."""

import pytest
from mmlu_kit.analysis import pairs
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.statistics import comparisons, multiple
from pydantic import ValidationError

from tests.helpers.analyses import RIGHT, TEN
from tests.unit.test_mistakes import analysed, simulated


def test_pairs_on_ten_subjects_are_also_tested_with_subjects_as_the_sample():
    answers = {"a": simulated(1, 0.3), "b": simulated(2, 0.35), "c": simulated(3, 0.6)}
    compared = analysed(answers).pairs
    tests = [pair.clustered for pair in compared]
    assert [test.p_holm for test in tests] == multiple.holm([test.p for test in tests]) != [test.p for test in tests]
    for pair in compared:
        assert pair.difference.difference == pytest.approx((pair.clustered.low + pair.clustered.high) / 2)
        assert pair.test == pair.clustered
        # (t(1 - 0.05 / 3 / 2) + t(0.8)) / t(0.975) with 9 degrees of freedom, times half the interval.
        half = (pair.clustered.high - pair.clustered.low) / 2
        assert pair.smallest_difference == pytest.approx((2.933324 + 0.883404) / 2.262157 * half, rel=1e-4)
    nine = analysed({model: {subject: by_subject[subject] for subject in TEN[:9]} for model, by_subject in answers.items()})
    for pair in nine.pairs:
        assert pair.clustered is None and pair.test == pair.mcnemar
        discordant = (pair.mcnemar.only_first + pair.mcnemar.only_second) / 900
        assert pair.smallest_difference == comparisons.smallest_difference(900, discordant, 0.05 / 3)


def test_the_difference_and_the_ratio_of_two_accuracies_have_intervals():
    answers = {"a": {"anatomy": RIGHT[:60] + "A" * 40}, "b": {"anatomy": "A" * 100}}
    (pair,) = analysed(answers).pairs
    assert pair.difference.difference == 0.45 and pair.difference.low > 0.3
    assert pair.ratio.ratio == 70 / 25 and 1.5 < pair.ratio.low < 2.8 < pair.ratio.high
    never = {"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT[1:] + RIGHT[0]}}
    assert analysed(never).pairs[0].ratio is None and analysed(never).pairs[0].difference.difference == 1


def test_models_that_find_the_same_subjects_hard_agree_within_them_by_chance():
    def knows(seed):
        parts = [simulated(seed + number, share) for number, share in enumerate((0.1, 0.8))]
        return {subject: parts[place % 2][subject] for place, subject in enumerate(TEN)}

    (pair,) = analysed({"a": knows(1), "b": knows(3)}).pairs
    assert pair.kappa > 0.25 and pair.kappa_interval.low > 0.2
    assert abs(pair.kappa_within) < 0.07 and pair.kappa_within_interval.low < 0 < pair.kappa_within_interval.high
    assert pair.consistency_p > 0.05


def test_a_model_that_always_answers_one_letter_counts_in_no_correction_of_agreement():
    answers = {"a": simulated(1, 0.4), "b": simulated(1, 0.4), "c": simulated(2, 0.4)}
    always = {"always": dict.fromkeys(TEN, "A" * 98 + "BB")}
    without, among = analysed(answers).pairs, analysed(answers | always).pairs
    three = [pair for pair in among if "always" not in pair.models]
    assert [pair.same_wrong_p_holm for pair in three] == [pair.same_wrong_p_holm for pair in without]
    assert [pair.consistency_p_holm for pair in three] == [pair.consistency_p_holm for pair in without]
    assert three[0].same_wrong_p_holm == 3 / 2000 and three[0].consistency_p_holm < 1e-50
    others = [pair for pair in among if "always" in pair.models]
    assert all(pair.same_wrong_p_holm is pair.consistency_p_holm is None for pair in others)
    assert all(pair.clustered.p_holm >= pair.clustered.p and pair.kappa is not None for pair in others)


def test_copies_of_a_model_are_nearly_the_same_model():
    answers = simulated(1, 0.4)
    other = {**answers, TEN[0]: "".join("BCDA"["ABCD".index(letter)] for letter in answers[TEN[0]])}
    pairs = analysed({"a": answers, "b": answers, "c": other}).pairs
    assert [pair.nearly_the_same for pair in pairs] == [True, False, False] and pairs[1].same == 900
    assert not analysed({"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT}}).pairs[0].nearly_the_same


def test_more_pairs_than_the_draws_can_show_are_warned_of(monkeypatch):
    answers = {name: {"anatomy": simulated(number, 0.2)[TEN[0]]} for number, name in enumerate("abcd")}
    monkeypatch.setattr(pairs, "MOST_DRAWS", 99)
    analysis = analysed({"copy": answers["a"], **answers})
    assert {pair.same_wrong_draws for pair in analysis.pairs} == {99}
    assert "10 pairs are too many for the permutation test of shared wrong answers" in " ".join(analysis.warnings)


def test_the_same_wrong_letters_can_be_shown_of_many_pairs():
    answers = {f"m{number}": {"anatomy": simulated(number, 0.2)[TEN[0]]} for number in range(14)}
    copies, *others = analysed({"copy": answers["m0"], **answers}).pairs
    assert copies.same_wrong_draws > 1999 and copies.same_wrong_p_holm < 0.05
    assert copies.same_wrong_p == 1 / (copies.same_wrong_draws + 1)
    assert len(others) == 104


def test_a_warning_names_few_pairs_and_counts_many():
    perfect = {name: {"anatomy": RIGHT} for name in "abcd"}
    three = analysed({name: perfect[name] for name in "abc"}).warnings
    assert "a and b; a and c; b and c: both are always right or both always wrong, so" in " ".join(three)
    four = [warning for warning in analysed(perfect).warnings if warning.startswith("6 pairs of models: ")]
    assert len(four) == 3
    prefers_a = (0.85, 0.05, 0.05, 0.05)
    biased = analysed({"a": simulated(1, 0.3, prefers_a), "b": simulated(2, 0.4, prefers_a), "c": simulated(3, 0.2, prefers_a)})
    (warning,) = biased.warnings
    assert warning.startswith("a and b; a and c; b and c: their letter bias alone would give independent models a kappa of 0.2")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"difference": 0.4}, "difference is not only_first minus only_second, divided by questions"),
        ({"low": 0.5}, "difference is not within its interval"),
    ],
)
def test_a_difference_that_its_counts_or_interval_contradict_is_refused(changes, problem):
    (pair,) = analysed({"a": {"anatomy": RIGHT[:60] + "A" * 40}, "b": {"anatomy": "A" * 100}}).pairs
    damaged = pair.model_dump()
    damaged["difference"] |= changes
    with pytest.raises(ValidationError, match=problem):
        PairAnalysis.model_validate(damaged)
