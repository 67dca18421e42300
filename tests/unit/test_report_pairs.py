"""The report's sentences and tables on every two models, for few and many models."""

from itertools import combinations

import pytest
from mmlu_kit.analysis.difficulty_document import CochranQ
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import (
    AccuracyDifference,
    AgreementInterval,
    ClusteredTest,
    McNemar,
    NullRate,
    PairAnalysis,
)
from mmlu_kit.report.sections import differences as section
from mmlu_kit.report.sentences import differences, pairs

LABELS = {f"m{number}": f"model {number}" for number in range(1, 14)}


def pair(first="m1", second="m2", only_first=60, p=0.001, clustered=None, same_wrong=0.5, **changes):
    """Return a pair on 300 questions, with 40 that only the second got right; `p`, `clustered` and `same_wrong` are p-values,
    and their corrected ones are the double."""

    def holm(p):
        return None if p is None else min(1.0, 2 * p)

    difference = (only_first - 40) / 300
    test = (
        ClusteredTest(low=difference - 0.1, high=difference + 0.1, p=clustered, p_holm=holm(clustered)) if clustered else None
    )
    pair = PairAnalysis(
        models=(first, second),
        questions=300,
        unread=0,
        same=200,
        both_wrong=100,
        both_wrong_expected=80.0,
        kappa=0.4,
        kappa_interval=AgreementInterval(low=0.3, high=0.5),
        kappa_max=0.9,
        kappa_within=0.1,
        kappa_within_interval=AgreementInterval(low=-0.01, high=0.21),
        consistency_p=0.03,
        consistency_p_holm=0.06,
        capa=0.3,
        capa_interval=None,
        same_wrong=49,
        same_wrong_rate=0.49,
        same_wrong_null=NullRate(mean=0.43, low=0.36, high=0.5),
        same_wrong_p=same_wrong,
        same_wrong_p_holm=holm(same_wrong),
        same_wrong_draws=1999,
        difference=AccuracyDifference(difference=difference, low=difference - 0.06, high=difference + 0.06),
        ratio=None,
        mcnemar=McNemar(only_first=only_first, only_second=40, p=p, p_holm=min(1.0, 2 * p)),
        mcnemar_unread_wrong=None,
        clustered=test,
        smallest_difference=0.083,
    )
    return pair.model_copy(update=changes)


def alone(**changes):
    """Return the only pair of a study, whose p-values are not corrected."""
    one = pair(**changes)
    tests = {"mcnemar": one.mcnemar, "clustered": one.clustered}
    uncorrected = {name: test and test.model_copy(update={"p_holm": test.p}) for name, test in tests.items()}
    agreement = {"same_wrong_p_holm": one.same_wrong_p, "consistency_p_holm": one.consistency_p}
    return one.model_copy(update={**uncorrected, **agreement})


def all_pairs(models, **changes):
    """Return every two of this number of models; later models are better."""
    names = list(LABELS)[:models]
    return [
        pair(*two, only_first=max(0, 40 - 4 * (names.index(two[1]) - names.index(two[0]))), **changes)
        for two in combinations(names, 2)
    ]


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        (1 / 2000, "**model 1 and model 2** choose the same wrong letter more often than two unrelated models with the same "
         "letter bias would (49.0% against 43.0%, permutation test, p ≤ 0.0005)."),
        (0.049, "**model 1 and model 2** choose the same wrong letter more often than two unrelated models with the same "
         "letter bias would (49.0% against 43.0%, permutation test, p = 0.049)."),
        (0.051, "It is **not shown** that model 1 and model 2 choose the same wrong letter more often than two unrelated "
         "models with the same letter bias would (49.0% against 43.0%, permutation test, p = 0.051)."),
    ],
)  # fmt: skip
def test_the_same_wrong_letters_of_one_pair(p, sentence):
    assert pairs.same_wrong([alone(same_wrong=p)], LABELS, "best letter") == sentence


def test_the_same_wrong_letters_of_several_pairs_are_one_sentence():
    def sentence(*p_values):
        return pairs.same_wrong([pair("m1", f"m{n}", same_wrong=p) for n, p in enumerate(p_values, 2)], LABELS, "best answer")

    what = "the same wrong answer more often than two unrelated models with the same bias would (permutation tests, Holm's"
    assert sentence(0.001, 0.03, 0.5) == f"**1 of 3 pairs of models** chooses {what} correction): model 1 and model 2."
    assert sentence(0.03, 0.04) == f"It is **not shown** of any of the 2 pairs of models that they choose {what} correction)."
    assert sentence(0.001, 0.001) == (
        f"**Both pairs of models** choose {what} correction): model 1 and model 2; model 1 and model 3."
    )
    assert sentence(*[0.001] * 4, 0.5) == f"**4 of 5 pairs of models** choose {what} correction)."
    assert sentence() is sentence(None) is None


def test_being_wrong_together_is_concluded_within_subjects_after_holms_correction():
    assert pairs.consistency([alone()], LABELS, "best letter") == (
        "**model 1 and model 2** are right on the same questions more often than their accuracies in each subject and their "
        "letter bias explain (kappa within subjects 0.10, Mantel-Haenszel test, p = 0.03)."
    )
    assert pairs.consistency(all_pairs(3), LABELS, "best letter").startswith(
        "It is **not shown** of any of the 3 pairs of models"
    )
    one = [pair(consistency_p_holm=0.01), *all_pairs(3)[1:]]
    assert pairs.consistency(one, LABELS, "best letter").startswith("**1 of 3 pairs of models** is right on the same questions")


def test_nearly_the_same_models_are_named():
    assert pairs.nearly_the_same([pair()], LABELS) is None
    alike = {"kappa": 0.998, "same": 299}
    assert pairs.nearly_the_same([pair(**alike), pair("m1", "m3")], LABELS).startswith(
        "**Nearly the same model:** model 1 and model 2 (99.7% equal answers, kappa 0.998). Two such models probably have"
    )
    assert "; and 2 more pairs. Two" in pairs.nearly_the_same([pair(**alike)] * 5, LABELS)
    # Each criterion counts: two good models may both miss only the questions that have a wrong label.
    for changes in ({"kappa": 0.94}, {"kappa": None}, {"same": 293}, {"both_wrong": 9}):
        assert pairs.nearly_the_same([pair(**{**alike, **changes})], LABELS) is None


def test_of_many_pairs_those_that_agree_most_have_a_row():
    many = [one.model_copy(update={"kappa_within": place / 100}) for place, one in enumerate(all_pairs(7))]
    rows = pairs.most_alike([many[0].model_copy(update={"kappa_within": None}), *many[1:]])
    assert [pair.kappa_within for pair in rows] == [place / 100 for place in range(20, 5, -1)]
    assert pairs.which_rows(many) == (
        "The tables have the 15 pairs with the largest kappa within subjects; `analysis.json` has all 21 pairs."
    )
    assert pairs.most_alike(many[:15]) == many[:15] and pairs.which_rows(many[:15]) is None
    assert pairs.kappas(many, LABELS) == ["21 pairs", "0.40 to 0.40", "within subjects 0.00 to 0.20"]
    assert pairs.kappas(many[:1], LABELS) == ["model 1 and model 2 0.40, within subjects 0.00"]


@pytest.mark.parametrize(
    ("only_first", "p", "clustered", "sentence"),
    [
        (60, 0.03, None, "**model 1 is better than model 2** by 6.7 points (95% interval 0.7 to 12.7 points; McNemar test, "
         "p = 0.03)."),
        (20, 0.03, None, "**model 2 is better than model 1** by 6.7 points (95% interval 0.7 to 12.7 points; McNemar test, "
         "p = 0.03)."),
        (58, 0.051, None, "**No difference in accuracy is shown** between model 1 and model 2 (6.0 points; 95% interval 0.0 "
         "to 12.0 points; McNemar test, p = 0.051)."),
        (60, 0.03, 0.02, "**model 1 is better than model 2** by 6.7 points (with subjects as the sample: 95% interval -3.3 to "
         "16.7 points; t-test, p = 0.02; with questions as the sample: 95% interval 0.7 to 12.7 points; McNemar test, p = "
         "0.03)."),
        (60, 0.03, 0.2, "**model 1 is better than model 2 on these subjects** by 6.7 points (95% interval 0.7 to 12.7 points; "
         "McNemar test, p = 0.03). That it would be better on other subjects is not shown (with subjects as the sample: 95% "
         "interval -3.3 to 16.7 points; t-test, p = 0.2)."),
        (41, 0.9, 0.8, "**No difference in accuracy is shown** between model 1 and model 2 (0.3 points; with subjects as the "
         "sample: 95% interval -9.7 to 10.3 points; t-test, p = 0.8; with questions as the sample: 95% interval -5.7 to 6.3 "
         "points; McNemar test, p = 0.9)."),
    ],
)  # fmt: skip
def test_which_of_two_models_is_better(only_first, p, clustered, sentence):
    assert differences.finding([alone(only_first=only_first, p=p, clustered=clustered)], LABELS) == sentence


def part(models, pairs):
    """Return the part of the report on these models' pairs."""
    q = CochranQ(statistic=12.0, df=models - 1, p=0.01)
    analysis = AnalysisFile.model_construct(pairs=pairs, models=[], compared=list(LABELS)[:models], cochran_q=q)
    return section.part(analysis, LABELS)


def test_two_models_have_no_matrix_and_no_cochrans_q():
    two = part(2, [alone()])
    assert two.matrix == [] and two.accuracies_differ is two.which_pairs is None and len(two.pairs) == 1
    assert "for the McNemar test at a level of 5% to find a difference in 80% of studies" in two.smallest_difference


def test_three_models_have_a_matrix_of_differences_with_marks():
    compared = [
        pair("m1", "m2", 40, p=1.0),
        pair("m1", "m3", 60, p=0.001, clustered=0.04),
        pair("m2", "m3", 70, p=0.001, clustered=0.01),
    ]
    three = part(3, compared)
    assert three.matrix_headings == ["Row minus column, points", "model 1", "model 2", "model 3"]
    assert three.matrix == [
        ["model 1", "", "0.0", "+6.7 ○"],
        ["model 2", "0.0", "", "+10.0 ●"],
        ["model 3", "-6.7 ○", "-10.0 ●", ""],
    ]
    assert three.finding.startswith(
        "**1 of 3 pairs of models** differs in accuracy with subjects as the sample (t-tests by standard errors clustered by "
        "subject), and 2 with questions as the sample (McNemar tests), both after Holm's correction."
    )
    assert [len(row) for row in three.pairs] == [8] * 3 and three.which_pairs is None
    assert [row[0] for row in three.by_subjects] == ["model 1, model 3", "model 2, model 3"]
    assert "Cochran's Q = 12.0" in three.accuracies_differ
    assert "t-test with subjects as the sample at a level of 5% divided by the number of pairs" in three.smallest_difference


def test_without_enough_subjects_questions_alone_are_the_sample():
    three = part(3, all_pairs(3))
    assert three.finding == "**3 of 3 pairs of models** differ in accuracy (McNemar tests, Holm's correction)."
    assert "questions as the sample" in three.marks and not three.by_subjects
    assert part(3, all_pairs(3, p=0.2)).finding.startswith("**None of 3 pairs of models** is shown to differ")


def test_no_pair_may_be_shown_to_differ():
    none = part(3, all_pairs(3, p=0.2, clustered=0.3)).finding
    assert none.startswith("**None of 3 pairs of models** is shown to differ in accuracy, neither with subjects as the sample")
    questions_only = part(3, all_pairs(3, clustered=0.3)).finding
    assert "**None of 3 pairs of models** is shown to differ in accuracy with subjects as the sample" in questions_only
    assert "and 3 with questions as the sample" in questions_only


def test_twelve_models_have_a_matrix_and_the_closest_pairs_that_differ():
    twelve = part(12, all_pairs(12))
    assert len(twelve.matrix) == 12 and len(twelve.pairs) == pairs.MOST_ROWS
    assert twelve.pairs[0][3] == "-1.3 points"
    assert twelve.which_pairs == ("The table has the 15 closest of the 66 pairs that differ; `analysis.json` has all 66 pairs.")


def test_thirteen_models_have_no_matrix():
    thirteen = part(13, all_pairs(13))
    assert thirteen.matrix == [] and len(thirteen.pairs) == pairs.MOST_ROWS and "all 78 pairs" in thirteen.which_pairs
    none = part(13, all_pairs(13, p=0.5))
    assert none.pairs == [] and none.which_pairs == "`analysis.json` has all 78 pairs."


def test_unreadable_answers_have_a_row_of_their_own():
    unread = McNemar(only_first=66, only_second=40, p=0.01, p_holm=0.01)
    one = part(2, [alone(clustered=0.2, unread=6, mcnemar_unread_wrong=unread)])
    assert [row[0] for row in one.pairs] == [
        "model 1, model 2, both readable (300 questions)",
        "model 1, model 2, unreadable as wrong (306 questions)",
    ]
    assert [len(row) for row in one.pairs] == [8] * 2


def test_nothing_is_concluded_from_the_accuracies_of_models_that_always_answer_one_letter():
    pairs = [alone()]
    assert differences.finding(pairs, LABELS, ["m1", "m2"]).startswith("Nothing is concluded from differences in accuracy")
    assert differences.finding(pairs, LABELS, ["m1"]) == differences.finding(pairs, LABELS)
