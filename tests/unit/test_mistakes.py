"""What the analysis says of made-up studies, and of simulated models whose truth is known."""

import json

import numpy
import pytest
from mmlu_kit.analysis import mistakes
from mmlu_kit.evaluation import records
from mmlu_kit.user_errors import UserError

from tests.helpers.analyses import RIGHT, TEN, made, texts


def analysed(answers, change=lambda table: table, labels=None, **changes):
    """The analysis of made-up answers, checked against its schema and for numbers that JSON does not have."""
    merged, table, asked_for = made(answers, **changes)
    found = mistakes.analysis(merged, change(table), asked_for, labels)
    records.check(found, "analysis", "analysis.json")
    json.dumps(found, allow_nan=False)
    return found


def warnings(answers, change=lambda table: table):
    """All that is said of the one model of a study."""
    return " ".join(analysed({"m": answers}, change)["models"][0]["warnings"])


def unreadable(share):
    """A change to the table: of the first answers, this share is no letter."""

    def change(table):
        table.loc[table.index < share * len(table), ["parsed", "correct_generated"]] = [None, False]
        return table

    return change


def test_every_answer_is_counted_once():
    found = analysed({"m": {"anatomy": RIGHT, "virology": "A" * 40}}, unreadable(0.1))["models"][0]
    assert (found["questions"], found["subjects"]) == (140, 2)
    assert (found["best_letter"]["correct"], found["best_letter"]["wrong"]) == (110, 30)
    generated = found["generated"]
    assert (generated["correct"], generated["wrong"], generated["unparsed"]) == (96, 30, 14)
    assert generated["parse_rate"] == 0.9 and generated["accuracy"] == 96 / 140
    assert found["best_letter"]["low"] < found["best_letter"]["accuracy"] == 110 / 140 < found["best_letter"]["high"]
    assert found["macro_accuracy"] == (1 + 0.25) / 2


def test_a_model_that_guesses_is_told_from_one_that_knows():
    found = analysed({"knows": {"anatomy": RIGHT}, "guesses": {"anatomy": "ABCDBCDACDABDABC" * 6 + "ABCD"}})["models"]
    assert found[0]["guessing"]["p"] < 1e-50 and found[0]["constant_letter"]["p"] < 1e-10
    assert found[1]["guessing"]["p"] > 0.05 and found[1]["constant_letter"]["p"] > 0.05


def test_a_model_that_always_answers_a_is_no_better_than_always_answering_a():
    found = analysed({"m": {"anatomy": "A" * 100}})["models"][0]
    assert found["constant_letter"] == {"letter": "A", "accuracy": 0.25, "p": 1.0}
    assert found["letters"]["A"] == {"share": 1.0, "gold_share": 0.25, "recall": 1.0}
    assert found["letters"]["B"] == {"share": 0.0, "gold_share": 0.25, "recall": 0.0}
    assert found["share_sd"] == found["recall_sd"] == pytest.approx(0.4330127)


def test_a_letter_that_is_never_right_has_no_recall():
    found = analysed({"m": {"anatomy": "ABA"}})["models"][0]
    assert found["letters"]["D"]["recall"] is None and found["recall_sd"] is None and found["share_sd"] > 0


def test_confidence_is_the_best_letters_probability_among_the_four():
    found = analysed({"m": {"anatomy": RIGHT[:50] + "A" * 50}})["models"][0]["calibration"]
    confidence = 1 / (1 + 3 * numpy.exp(-2.0))  # results.py: -0.5 for the best letter, -2.5 for the others
    (filled,) = [entry for entry in found["bins"] if entry["count"]]
    assert filled["confidence"] == pytest.approx(confidence) and filled["low"] < confidence < filled["high"]
    assert found["ece"] == pytest.approx(abs(confidence - filled["accuracy"]))


def test_under_a_hundred_questions_are_descriptive_only():
    assert "99 questions, fewer than 100: its numbers are descriptive only." in warnings({"anatomy": RIGHT[:99]})
    assert "descriptive only" not in warnings({"anatomy": RIGHT})
    few = analysed({"a": {"anatomy": RIGHT[:99]}, "b": {"anatomy": RIGHT}})
    assert "The models share 99 questions, fewer than 100: comparisons are descriptive only." in few["warnings"]
    enough = analysed({"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT}})
    assert not [warning for warning in enough["warnings"] if "descriptive only" in warning]


def test_a_parse_rate_under_95_percent_is_said_next_to_the_number():
    assert "No letter could be read from 6.0% of what it wrote" in warnings({"anatomy": RIGHT}, unreadable(0.06))
    assert "could be read" not in warnings({"anatomy": RIGHT}, unreadable(0.05))


def test_one_letter_over_half_of_the_answers_is_said_next_to_the_number():
    assert "It answered C in 51.0% of cases" in warnings({"anatomy": "C" * 51 + "AB" * 24 + "D"})
    assert "It answered" not in warnings({"anatomy": "C" * 50 + "AB" * 25})


def test_fewer_than_ten_subjects_have_no_clustered_interval():
    mixed = {subject: RIGHT[:20] + "A" * number for number, subject in enumerate(TEN, 10)}
    ten = analysed({"m": mixed})["models"][0]
    assert ten["clustered"]["low"] < ten["best_letter"]["accuracy"] < ten["clustered"]["high"]
    assert "clustered" not in " ".join(ten["warnings"])
    nine = analysed({"m": {subject: mixed[subject] for subject in TEN[:9]}})["models"][0]
    assert nine["clustered"] is None and "9 subjects, fewer than 10: no interval clustered" in " ".join(nine["warnings"])
    assert "1 subject, fewer than 10" in warnings({"anatomy": RIGHT})
    perfect = analysed({"m": {subject: RIGHT[:20] for subject in TEN}})["models"][0]
    assert perfect["clustered"] is None and "All answers are right" in " ".join(perfect["warnings"])


def simulated(seed, accuracy, tastes=(0.25, 0.25, 0.25, 0.25)):
    """Answers of a model that knows this share of the answers and else follows its taste, on ten subjects of 100 questions."""
    random = numpy.random.default_rng(seed)
    said = {}
    for subject in TEN:
        guess = random.choice(list("ABCD"), 100, p=tastes)
        said[subject] = "".join(numpy.where(random.random(100) < accuracy, list(RIGHT), guess))
    return said


def test_independent_models_are_not_said_to_be_alike():
    found = analysed(
        {name: simulated(seed, accuracy) for name, seed, accuracy in [("a", 1, 0.3), ("b", 2, 0.4), ("c", 3, 0.5)]}
    )
    for pair in found["pairs"]:
        assert pair["both_wrong"] == pytest.approx(pair["both_wrong_expected"], rel=0.1)
        assert abs(pair["kappa"]) < 0.1 and abs(pair["capa"]) < 0.1 and pair["same_wrong_p"] > 0.05
        assert pair["same_wrong_null"]["low"] <= pair["same_wrong_rate"] <= pair["same_wrong_null"]["high"]
        assert pair["same_wrong_rate"] == pytest.approx(1 / 3, abs=0.06)
    assert found["models_wrong"]["p"] > 0.05
    assert sum(found["models_wrong"]["observed"]) == found["questions"] == 1000
    assert sum(found["models_wrong"]["expected"]) == pytest.approx(1000)
    assert found["cochran_q"]["p"] < 0.001  # they do differ in accuracy
    assert found["difficulty"]["kendall_w"]["p"] > 0.05  # no subject is harder than another


def test_two_copies_of_one_model_are_alike():
    answers = simulated(1, 0.4)
    found = analysed({"a": answers, "b": answers, "c": simulated(2, 0.4)})
    copies = found["pairs"][0]
    assert copies["kappa"] == copies["capa"] == pytest.approx(1) and copies["same_wrong_rate"] == 1
    assert copies["same_wrong_null"]["high"] < 0.5 and copies["same_wrong_p"] == 1 / 2000
    assert copies["mcnemar"] == {"only_first": 0, "only_second": 0, "p": 1.0, "p_holm": 1.0}
    assert copies["smallest_difference"] is None
    assert "a and b: too few questions were right for one of them alone" in " ".join(found["warnings"])
    assert found["models_wrong"]["p"] < 1e-6


def test_two_unrelated_models_that_like_a_are_not_alike():
    like_a = (0.85, 0.05, 0.05, 0.05)
    found = analysed({"a": simulated(1, 0.3, like_a), "b": simulated(2, 0.4, like_a)})
    (pair,) = found["pairs"]
    assert pair["same_wrong_rate"] > 0.7  # for two models of no taste it is a third
    assert pair["same_wrong_null"]["low"] <= pair["same_wrong_rate"] <= pair["same_wrong_null"]["high"]
    assert pair["same_wrong_p"] > 0.05
    # They are right on the same questions, those of which 'A' is right, and nobody is to think that they are related.
    assert pair["kappa"] > 0.15
    (warning,) = found["warnings"]
    assert warning.startswith("a and b: their leanings to letters alone give independent models a kappa of 0.2")


def test_models_without_a_common_leaning_are_not_said_to_have_one():
    like_a, like_b = (0.85, 0.05, 0.05, 0.05), (0.05, 0.85, 0.05, 0.05)
    assert analysed({"a": simulated(1, 0.3), "b": simulated(2, 0.4, like_a)})["warnings"] == []
    assert analysed({"a": simulated(1, 0.3, like_a), "b": simulated(2, 0.4, like_b)})["warnings"] == []


def test_subjects_are_ordered_from_the_hardest_and_by_all_models_alike():
    wrong = "".join("BCDA"["ABCD".index(letter)] for letter in RIGHT)  # the letter after the right one

    def knows(extra):
        return {s: RIGHT[: 4 * number + extra] + wrong[4 * number + extra :] for number, s in enumerate(TEN)}

    found = analysed({"a": knows(8), "b": knows(20)})["difficulty"]
    assert found["order"] == TEN
    assert found["kendall_w"]["w"] == pytest.approx(1) and found["kendall_w"]["p"] < 0.05
    (pair,) = found["spearman"]
    assert pair["models"] == ["a", "b"] and pair["rho"] == pytest.approx(1) and pair["p"] <= 0.001


def test_what_two_subjects_cannot_show_is_null_with_the_reason():
    found = analysed({"a": {"anatomy": "ABCA", "virology": "AAAA"}, "b": {"anatomy": "ABCD", "virology": "ABAA"}})
    assert found["difficulty"]["kendall_w"] is None and found["difficulty"]["spearman"][0]["p"] is None
    assert "Whether models find the same subjects hard cannot be tested: 2 of at least 3 subjects." in found["warnings"]


def test_models_that_do_as_well_on_every_subject_have_no_order_of_difficulty():
    flat, other = {s: "ABAA" for s in TEN[:3]}, dict(zip(TEN, ("ABCD", "ABAA", "AAAA"), strict=False))
    found = analysed({"a": flat, "b": other})
    assert "No rank correlation with a, which does as well on every subject." in found["warnings"]
    both = analysed({"a": flat, "b": flat})
    assert "cannot be tested: each model does as well on every subject." in " ".join(both["warnings"])
    assert "The models are right and wrong on the same questions: Cochran's Q is not defined." in both["warnings"]


def test_questions_that_no_pair_missed_are_not_compared():
    found = analysed({"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT}})
    (pair,) = found["pairs"]
    assert pair["kappa"] is pair["kappa_max"] is pair["capa"] is pair["same_wrong_rate"] is pair["same_wrong_p"] is None
    assert "a and b: no question was answered with a wrong letter by both" in " ".join(found["warnings"])
    assert "a and b: both are always right or both always wrong" in " ".join(found["warnings"])
    assert "Too few questions to test whether models miss the same ones" in " ".join(found["warnings"])


def test_a_model_of_one_letter_has_no_wrong_answers_to_permute():
    found = analysed({"a": {"anatomy": "A" * 100}, "b": {"anatomy": "ABCA" * 25}})
    assert found["pairs"][0]["same_wrong_p"] is None and found["pairs"][0]["same_wrong_rate"] == 1
    assert "a and b: one of them chose a single letter wherever both were wrong" in " ".join(found["warnings"])


def test_p_values_of_many_pairs_are_corrected_together():
    found = analysed({"a": simulated(1, 0.3), "b": simulated(2, 0.35), "c": simulated(3, 0.6)})["pairs"]
    assert [pair["models"] for pair in found] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert all(pair["mcnemar"]["p"] <= pair["mcnemar"]["p_holm"] for pair in found)
    assert found[1]["mcnemar"]["p_holm"] < 0.05


def test_only_questions_that_every_model_answered_are_compared():
    found = analysed({"a": {"anatomy": RIGHT, "virology": "AAAA"}, "b": {"anatomy": "A" * 40}})
    assert found["questions"] == found["pairs"][0]["questions"] == 40
    assert [model["questions"] for model in found["models"]] == [104, 40]
    apart = analysed({"a": {"anatomy": "ABCD"}, "b": {"virology": "ABCD"}})
    assert apart["questions"] == 0 and apart["pairs"] == [] and apart["models_wrong"] is None
    assert "No question was answered by every model: models are not compared." in apart["warnings"]


def test_one_model_alone_is_compared_with_nothing():
    found = analysed({"m": {"anatomy": "ABAA"}})
    assert found["pairs"] == [] and found["cochran_q"] is found["models_wrong"] is None and found["warnings"] == []
    assert [entry["index"] for entry in found["hardest"]] == [2, 3]


def test_models_outside_the_studys_groups_are_not_shown():
    baseline = {"model": "m", "subjects": ["anatomy"]}
    found = analysed({"m": {"anatomy": "ABCD"}}, groups=[], baseline=baseline)
    assert found["models"] == [] and found["questions"] == 0
    assert found["warnings"] == ["No model of the study's groups has results: there is nothing to analyse."]


def test_the_hardest_questions_are_those_that_all_models_missed_with_their_text():
    def sure(table):
        table.loc[(table["model"] == "a") & (table["index"] == 3), "logprob_A"] = -0.01
        table.loc[(table["model"] == "a") & (table["index"] == 3), "logprob_D"] = -9.0
        return table

    found = analysed({"a": {"anatomy": "ABAA"}, "b": {"anatomy": "AABB"}}, sure)["hardest"]
    # Where a model is surer of its mistake stands first.
    assert [entry["index"] for entry in found] == [3, 2]
    assert found[0] == {
        "subject": "anatomy",
        "index": 3,
        "question": "Question 3 of anatomy?",
        "choices": ["w", "x", "y", "z"],
        "gold": "D",
        "predicted": {"a": "A", "b": "B"},
    }


def test_at_most_fifty_of_the_hardest_are_listed():
    assert len(analysed({"m": {"anatomy": "A" * 100}})["hardest"]) == 50


def test_questions_that_were_not_those_answered_are_a_problem():
    merged, table, _ = made({"m": {"anatomy": "AAAA"}})
    with pytest.raises(UserError, match="anatomy/test/1: the questions given are not those that were answered"):
        mistakes.analysis(merged, table, texts(["virology"]))


def test_accuracy_without_flagged_questions_is_each_models_own():
    types = {("anatomy", 0): "ok", ("anatomy", 1): "wrong groundtruth", ("anatomy", 2): "expert", ("anatomy", 3): "ok"}
    labels = {"types": types, "unmatched": 2, "warnings": ["Said."]}
    found = analysed({"a": {"anatomy": "ABCA"}, "b": {"anatomy": "A"}}, labels=labels)
    assert "Said." in found["warnings"]
    assert found["label_errors"] == {
        "checked": 3,
        "flagged": 1,
        "unmatched": 2,
        "by_type": {"wrong groundtruth": 1},
        "models": [
            {"model": "a", "accuracy": 2 / 3, "accuracy_clean": 0.5, "accuracy_flagged": 1.0, "clean": 2, "flagged": 1},
            {"model": "b", "accuracy": 1.0, "accuracy_clean": 1.0, "accuracy_flagged": None, "clean": 1, "flagged": 0},
        ],
    }
    assert analysed({"a": {"anatomy": "A"}})["label_errors"] is None


def test_the_same_results_give_the_same_analysis():
    answers = {"a": simulated(1, 0.3), "b": simulated(2, 0.4)}
    assert analysed(answers) == analysed(answers)
    # and a pair's numbers do not hang on which other models are there
    assert (
        analysed({**answers, "c": simulated(3, 0.5)})["pairs"][0]["same_wrong_null"]
        == analysed(answers)["pairs"][0]["same_wrong_null"]
    )
