"""The analysis of made-up studies and of simulated models."""

import numpy
import pandas
import pytest
from mmlu_kit.analysis import mistakes, pairs, subject_order
from mmlu_kit.analysis.difficulty_document import HardQuestion
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.label_checks import Correction, LabelChecks
from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.analysis.model_document import ConstantLetter, LetterShares
from mmlu_kit.analysis.models_wrong import count_models_wrong
from mmlu_kit.analysis.pair_document import McNemar
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import intervals, multiple
from mmlu_kit.user_errors import UserError

from tests.helpers.analyses import RIGHT, TEN, questions_on, study_of


def analysed(answers, change=lambda table: table, labels=None, **changes) -> AnalysisFile:
    """Return the analysis of made-up answers, read back from JSON, so that it is valid and has no NaN."""
    merged, table, questions = study_of(answers, **changes)
    analysis = mistakes.analysis(merged, change(table), questions, labels)
    assert AnalysisFile.parse(analysis.model_dump_json(), "analysis.json") == analysis
    return analysis


def warnings(answers, change=lambda table: table):
    """Return all warnings about the only model of a study."""
    return " ".join(analysed({"m": answers}, change).models[0].warnings)


def unparsed(share):
    """Return a change to the table that makes this share of the answers unparsed."""

    def change(table):
        table.loc[table.index < share * len(table), ["parsed", "correct_generated"]] = [None, False]
        return table

    return change


def test_every_answer_is_counted_once():
    model = analysed({"m": {"anatomy": RIGHT, "virology": "A" * 40}}, unparsed(0.1)).models[0]
    assert (model.questions, model.subjects) == (140, 2)
    assert (model.best_letter.correct, model.best_letter.wrong) == (110, 30)
    generated = model.generated
    assert (generated.correct, generated.wrong, generated.unparsed) == (96, 30, 14)
    assert generated.parse_rate == 0.9 and generated.accuracy == 96 / 140
    assert model.best_letter.low < model.best_letter.accuracy == 110 / 140 < model.best_letter.high
    assert model.macro_accuracy == (1 + 0.25) / 2


def test_a_guessing_model_is_distinguished_from_one_that_knows():
    knows, guesses = analysed({"knows": {"anatomy": RIGHT}, "guesses": {"anatomy": "ABCDBCDACDABDABC" * 6 + "ABCD"}}).models
    assert knows.guessing.p < 1e-50 and knows.constant_letter.p < 1e-10
    assert guesses.guessing.p > 0.05 and guesses.constant_letter.p > 0.05


def test_a_model_that_always_answers_a_is_no_better_than_always_answering_a():
    model = analysed({"m": {"anatomy": "A" * 100}}).models[0]
    assert model.constant_letter == ConstantLetter(letter="A", accuracy=0.25, p=1.0)
    assert model.letters["A"] == LetterShares(share=1.0, expected_share=0.25, gold_share=0.25, recall=1.0)
    assert model.letters["B"] == LetterShares(share=0.0, expected_share=0.25, gold_share=0.25, recall=0.0)
    assert model.letter_spread.sd == model.recall_spread.sd == pytest.approx(0.4330127)


def test_a_letter_that_is_never_right_has_no_recall():
    model = analysed({"m": {"anatomy": "ABA"}}).models[0]
    assert model.letters["D"].recall is None and model.recall_spread is None and model.letter_spread.sd > 0


def test_confidence_is_the_best_letters_probability_among_the_four():
    calibration = analysed({"m": {"anatomy": RIGHT[:50] + "A" * 50}}).models[0].calibration
    confidence = 1 / (1 + 3 * numpy.exp(-2.0))  # results.py: -0.5 for the best letter, -2.5 for the others
    (filled,) = calibration.bins  # equal confidences share a bin
    assert (filled.least, filled.confidence, filled.most) == pytest.approx((confidence,) * 3)
    assert calibration.error.ece == pytest.approx(abs(confidence - filled.accuracy))
    assert (filled.low, filled.high) == intervals.wilson(62, 100)


def test_fewer_than_100_questions_are_descriptive_only():
    assert "It answered 99 questions, fewer than 100: its numbers are descriptive only." in warnings({"anatomy": RIGHT[:99]})
    assert "descriptive only" not in warnings({"anatomy": RIGHT})
    few = analysed({"a": {"anatomy": RIGHT[:99]}, "b": {"anatomy": RIGHT}})
    assert "The models share 99 questions, fewer than 100: comparisons are descriptive only." in few.warnings
    enough = analysed({"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT}})
    assert not [warning for warning in enough.warnings if "descriptive only" in warning]


def test_a_parse_rate_below_95_percent_gives_a_warning():
    assert "6.0% of its answers had no letter that could be parsed" in warnings({"anatomy": RIGHT}, unparsed(0.06))
    assert "could be parsed" not in warnings({"anatomy": RIGHT}, unparsed(0.05))


def test_a_letter_in_over_half_of_the_answers_gives_a_warning():
    assert "It answered C to 51.0% of the questions" in warnings({"anatomy": "C" * 51 + "AB" * 24 + "D"})
    assert "It answered" not in warnings({"anatomy": "C" * 50 + "AB" * 25})


def test_fewer_than_ten_subjects_have_no_clustered_interval():
    mixed = {subject: RIGHT[:20] + "A" * number for number, subject in enumerate(TEN, 10)}
    ten = analysed({"m": mixed}).models[0]
    assert ten.clustered.low < ten.best_letter.accuracy < ten.clustered.high
    assert "clustered" not in " ".join(ten.warnings)
    nine = analysed({"m": {subject: mixed[subject] for subject in TEN[:9]}}).models[0]
    assert nine.clustered is None and "9 subjects, fewer than 10: no interval clustered" in " ".join(nine.warnings)
    assert "1 subject, fewer than 10" in warnings({"anatomy": RIGHT})
    for answers in (RIGHT[:20], RIGHT[:10] + "BCDABCDABC"):
        even = analysed({"m": dict.fromkeys(TEN, answers)}).models[0]
        assert even.clustered is None and "Its accuracy is the same on every subject" in " ".join(even.warnings)


def simulated(seed, accuracy, letter_bias=(0.25, 0.25, 0.25, 0.25)):
    """Return answers, on ten subjects of 100 questions, of a model that knows this share of them and otherwise guesses with a
    letter bias."""
    random = numpy.random.default_rng(seed)
    answers = {}
    for subject in TEN:
        guesses = random.choice(list("ABCD"), 100, p=letter_bias)
        answers[subject] = "".join(numpy.where(random.random(100) < accuracy, list(RIGHT), guesses))
    return answers


def test_the_gap_of_confidence_is_clustered_by_ten_subjects():
    (ten,) = analysed({"m": simulated(1, 0.6)}).models
    gap = ten.calibration.gap
    assert gap.clustered and gap.difference == pytest.approx(ten.calibration.confidence - ten.best_letter.accuracy)
    (nine,) = analysed({"m": dict(list(simulated(1, 0.6).items())[:9])}).models
    assert not nine.calibration.gap.clustered


def test_preferences_for_letters_are_corrected_for_the_number_of_models():
    answers = {"a": simulated(1, 0.4, (0.7, 0.1, 0.1, 0.1)), "b": simulated(2, 0.4), "c": {"anatomy": "ABA"}}
    a, b, c = analysed(answers).models
    assert a.letter_spread.p == 1 / 2000 and a.letter_spread.p_holm == 3 / 2000
    assert a.letter_spread.sd > 5 * a.letter_spread.by_chance
    assert b.letter_spread.p > 0.05 and b.letter_spread.sd < 2 * b.letter_spread.by_chance
    assert a.recall_spread.p_holm == 2 / 2000  # the recalls of the third are not known
    assert c.recall_spread is None


def test_independent_models_do_not_agree():
    analysis = analysed(
        {name: simulated(seed, accuracy) for name, seed, accuracy in [("a", 1, 0.3), ("b", 2, 0.4), ("c", 3, 0.5)]}
    )
    for pair in analysis.pairs:
        assert pair.both_wrong == pytest.approx(pair.both_wrong_expected, rel=0.1)
        assert abs(pair.kappa) < 0.1 and abs(pair.capa) < 0.1 and pair.same_wrong_p > 0.05
        assert pair.same_wrong_null.low <= pair.same_wrong_rate <= pair.same_wrong_null.high
        assert pair.same_wrong_rate == pytest.approx(1 / 3, abs=0.06)
    assert analysis.models_wrong.p > 0.05 and analysis.models_wrong.p_within > 0.05
    assert sum(analysis.models_wrong.observed) == analysis.questions == 1000
    assert sum(analysis.models_wrong.expected) == pytest.approx(1000)
    assert analysis.cochran_q.p < 0.001  # they do differ in accuracy
    assert analysis.difficulty.kendall_w.p > 0.05  # no subject is harder than another


def test_two_copies_of_one_model_agree():
    answers = simulated(1, 0.4)
    analysis = analysed({"a": answers, "b": answers, "c": simulated(2, 0.4)})
    copies = analysis.pairs[0]
    assert copies.kappa == copies.capa == pytest.approx(1) and copies.same_wrong_rate == 1
    assert copies.same_wrong_null.high < 0.5 and copies.same_wrong_p == 1 / 2000
    assert copies.mcnemar == McNemar(only_first=0, only_second=0, p=1.0, p_holm=1.0)
    assert copies.smallest_difference is None
    assert "a and b: too few questions were right for only one of them" in " ".join(analysis.warnings)
    assert analysis.models_wrong.p == analysis.models_wrong.p_within == 1 / 2000


def test_unrelated_models_with_a_common_letter_bias_do_not_agree():
    prefers_a = (0.85, 0.05, 0.05, 0.05)
    analysis = analysed({"a": simulated(1, 0.3, prefers_a), "b": simulated(2, 0.4, prefers_a)})
    (pair,) = analysis.pairs
    assert pair.same_wrong_rate > 0.7  # it is a third for two models without letter bias
    assert pair.same_wrong_null.low <= pair.same_wrong_rate <= pair.same_wrong_null.high
    assert pair.same_wrong_p > 0.05
    # Both are right where 'A' is right, which is a large kappa for models that have nothing in common but their letter bias.
    assert pair.kappa > 0.15
    (warning,) = analysis.warnings
    assert warning.startswith("a and b: their letter bias alone would give independent models a kappa of 0.2")


def test_no_common_letter_bias_gives_no_warning():
    prefers_a, prefers_b = (0.85, 0.05, 0.05, 0.05), (0.05, 0.85, 0.05, 0.05)
    assert analysed({"a": simulated(1, 0.3), "b": simulated(2, 0.4, prefers_a)}).warnings == []
    assert analysed({"a": simulated(1, 0.3, prefers_a), "b": simulated(2, 0.4, prefers_b)}).warnings == []


def test_subjects_are_ordered_from_the_hardest():
    wrong = "".join("BCDA"["ABCD".index(letter)] for letter in RIGHT)  # the letter after the right one

    def knows(extra):
        return {s: RIGHT[: 4 * number + extra] + wrong[4 * number + extra :] for number, s in enumerate(TEN)}

    difficulty = analysed({"a": knows(8), "b": knows(20)}).difficulty
    assert difficulty.order == TEN
    assert difficulty.kendall_w.w == pytest.approx(1) and difficulty.kendall_w.p == 1 / 2000
    (pair,) = difficulty.spearman
    assert pair.models == ("a", "b") and pair.rho == pytest.approx(1) and pair.p == pair.p_holm == 1 / 2000
    assert pair.expected > 0.5  # both models are right on the first questions of each subject
    assert [test.p_holm for test in difficulty.differences] == [2 / 2000] * 2


def test_models_that_nearly_always_choose_one_letter_take_no_part_in_what_is_hard():
    """With every subject's right letters in another order, a model that always answers A is right on other questions."""
    knows = {"a": simulated(1, 0.3), "b": simulated(2, 0.5)}
    constant = {name: {subject: "A" * 100 for subject in TEN} for name in ("always_a", "always_a_too")}
    alone, beside = analysed(knows), analysed({**knows, **constant})
    assert beside.difficulty == alone.difficulty.model_copy(update={"all_wrong": beside.difficulty.all_wrong})
    assert beside.models_wrong == alone.models_wrong and beside.models_wrong.models == 2
    assert len(beside.pairs) == 6
    nobody = analysed(constant)
    assert nobody.models_wrong is None and nobody.difficulty.kendall_w is None and nobody.difficulty.differences == []
    assert {
        "Whether models find the same subjects hard cannot be tested: every model nearly always chooses one letter.",
        "Whether models miss the same questions cannot be tested: there are no two models that do not nearly always choose one "
        "letter.",
    } <= set(nobody.warnings)
    one = analysed({"a": knows["a"], "always_a": constant["always_a"]})
    assert one.difficulty.untested.endswith("there is only one model that does not nearly always choose one letter.")
    assert one.models_wrong is None and len(one.difficulty.differences) == 1


@pytest.mark.parametrize(("models", "draws"), [(1, 1999), (10, 1999), (15, 4199), (22, 9239), (40, 9999)])
def test_the_rank_correlation_of_many_models_can_still_be_significant(models, draws):
    assert subject_order.draws_for(models) == draws
    pairs = models * (models - 1) // 2
    assert models > 22 or multiple.holm([1 / (draws + 1)] * max(pairs, 1))[0] <= 0.025


def test_models_that_miss_the_same_subjects_but_not_the_same_questions_in_them():
    def knows_better_what_comes_first(seed):
        chance = numpy.random.default_rng(seed)
        wrong = "".join("BCDA"["ABCD".index(letter)] for letter in RIGHT)
        return {
            subject: "".join(numpy.where(chance.random(100) < 0.9 - 0.08 * number, list(RIGHT), list(wrong)))
            for number, subject in enumerate(TEN)
        }

    wrong = analysed({f"m{seed}": knows_better_what_comes_first(seed) for seed in range(3)}).models_wrong
    assert wrong.p == 1 / 2000 and wrong.p_within > 0.05
    assert wrong.observed[3] == pytest.approx(wrong.expected_within[3], rel=0.15)
    assert wrong.observed[3] > 1.3 * wrong.expected[3]
    assert sum(wrong.expected) == pytest.approx(1000) and sum(wrong.expected_within) == pytest.approx(1000)


def test_models_with_the_same_letter_bias_do_not_fail_together_beyond_it():
    """Each chooses A in half of the questions whatever is asked, so both are right where A is right."""

    def prefers_a(seed):
        random = numpy.random.default_rng(seed)
        return {
            subject: "".join(numpy.where(random.random(100) < 0.5, "A", random.choice(list("ABCD"), 100))) for subject in TEN
        }

    analysis = analysed({"a": prefers_a(1), "b": prefers_a(2)})
    wrong, (pair,) = analysis.models_wrong, analysis.pairs
    assert wrong.p == 1 / 2000 and wrong.p_decisive == wrong.p_within_letters > 0.05
    # Of two models, this is the same test as theirs of error consistency.
    assert wrong.p_within_letters == pytest.approx(pair.consistency_p, abs=0.03)


def test_models_with_letter_biases_alone_fail_together_within_subjects_as_rarely_as_they_should():
    random, questions = numpy.random.default_rng(3), 400
    rows = pandas.DataFrame(
        {"subject": numpy.repeat(numpy.arange(10), 40), "choices": 4, "gold": random.integers(0, 4, questions)}
    )
    gold, p, p_within = rows["gold"].to_numpy(), [], []
    for _ in range(200):
        chosen = random.choice(4, (questions, 2), p=[0.7, 0.1, 0.1, 0.1])
        right = (chosen == gold[:, None]) | (random.random((questions, 2)) < 0.2)
        wrong = count_models_wrong(right, rows)
        p.append(wrong.p)
        p_within.append(wrong.p_within_letters)
    assert numpy.mean(numpy.array(p) <= 0.05) > 0.8 and numpy.mean(numpy.array(p_within) <= 0.05) <= 0.07


def test_statistics_undefined_for_two_subjects_are_null_with_a_reason():
    analysis = analysed({"a": {"anatomy": "ABCA", "virology": "AAAA"}, "b": {"anatomy": "ABCD", "virology": "ABAA"}})
    assert analysis.difficulty.kendall_w is None and analysis.difficulty.spearman == []
    assert [test.df for test in analysis.difficulty.differences] == [1, 1]
    reason = "Whether models find the same subjects hard cannot be tested: there are 2 subjects, and the test needs 3."
    assert analysis.difficulty.untested == reason and reason in analysis.warnings


def test_models_with_equal_accuracy_on_every_subject_have_no_order_of_difficulty():
    flat, other = {s: "ABAA" for s in TEN[:3]}, dict(zip(TEN, ("ABCD", "ABAA", "AAAA"), strict=False))
    analysis = analysed({"a": flat, "b": other})
    assert analysis.difficulty.kendall_w is None and analysis.difficulty.spearman == []
    assert "cannot be tested: all models but one have the same accuracy on every subject." in " ".join(analysis.warnings)
    three = analysed({"a": flat, "b": other, "c": other})
    assert "No rank correlation with a: the accuracy is the same on every subject." in three.warnings
    both = analysed({"a": flat, "b": flat})
    assert "cannot be tested: each model has the same accuracy on every subject." in " ".join(both.warnings)
    assert "The models are right on exactly the same questions, so Cochran's Q is not defined." in both.warnings


def test_questions_that_no_pair_missed_are_not_compared():
    analysis = analysed({"a": {"anatomy": RIGHT}, "b": {"anatomy": RIGHT}})
    (pair,) = analysis.pairs
    assert pair.kappa is pair.kappa_max is pair.capa is pair.same_wrong_rate is pair.same_wrong_p is None
    assert "a and b: there is no question on which both chose a wrong letter" in " ".join(analysis.warnings)
    assert "a and b: both are always right or both always wrong" in " ".join(analysis.warnings)
    assert (
        "Whether models miss the same questions cannot be tested: fewer than two have both right and wrong answers."
        in analysis.warnings
    )


def test_a_model_that_always_chooses_one_letter_has_nothing_to_permute():
    analysis = analysed({"a": {"anatomy": "A" * 100}, "b": {"anatomy": "ABCA" * 25}})
    assert analysis.pairs[0].same_wrong_p is None and analysis.pairs[0].same_wrong_rate == 1
    assert "a and b: one of them chose a single letter wherever both were wrong" in " ".join(analysis.warnings)


def test_p_values_of_many_pairs_are_corrected_together():
    compared = analysed({"a": simulated(1, 0.3), "b": simulated(2, 0.35), "c": simulated(3, 0.6)}).pairs
    assert [pair.models for pair in compared] == [("a", "b"), ("a", "c"), ("b", "c")]
    tests = [pair.mcnemar for pair in compared]
    assert all(test.p <= test.p_holm for test in tests) and tests[1].p_holm < 0.05
    assert [test.p_holm for test in tests] == multiple.holm([test.p for test in tests]) != [test.p for test in tests]


def test_only_questions_that_every_model_answered_are_compared():
    analysis = analysed({"a": {"anatomy": RIGHT, "virology": "AAAA"}, "b": {"anatomy": "A" * 40}})
    assert analysis.questions == analysis.pairs[0].questions == 40
    assert [model.questions for model in analysis.models] == [104, 40]
    apart = analysed({"a": {"anatomy": "ABCD"}, "b": {"virology": "ABCD"}})
    assert apart.questions == 0 and apart.pairs == [] and apart.models_wrong is None
    assert "No question was answered by every model: models are not compared." in apart.warnings


def test_one_model_has_no_comparisons():
    analysis = analysed({"m": {"anatomy": "ABAA"}})
    assert analysis.pairs == [] and analysis.cochran_q is analysis.models_wrong is None and analysis.warnings == []
    assert [question.index for question in analysis.hardest] == [2, 3]


def test_models_outside_the_studys_groups_are_not_shown():
    baseline = SubjectsOfModel(model="m", subjects=["anatomy"])
    analysis = analysed({"m": {"anatomy": "ABCD"}}, groups=[], baseline=baseline)
    assert analysis.models == [] and analysis.questions == 0
    assert analysis.warnings == ["No model of the study's groups has results: there is nothing to analyse."]


def test_the_hardest_questions_are_those_that_all_models_missed_with_their_text():
    def surer_of_its_mistake(table):
        table.loc[(table["model"] == "a") & (table["index"] == 3), ["logprob_A", "logprob_D"]] = [-0.01, -9.0]
        return table

    hardest = analysed({"a": {"anatomy": "ABAA"}, "b": {"anatomy": "AABB"}}, surer_of_its_mistake).hardest
    assert [question.index for question in hardest] == [3, 2]
    assert hardest[0] == HardQuestion(
        subject="anatomy",
        index=3,
        question="Question 3 on anatomy?",
        choices=["3 a", "b", "c", "d"],
        gold="D",
        predicted={"a": "A", "b": "B"},
    )


def test_at_most_fifty_of_the_hardest_are_listed():
    assert len(analysed({"m": {"anatomy": "A" * 100}}).hardest) == 50


def test_questions_other_than_those_answered_are_an_error():
    merged, table, _ = study_of({"m": {"anatomy": "AAAA"}})
    with pytest.raises(UserError, match="anatomy/test/1: this question in --questions is not the one that was answered"):
        mistakes.analysis(merged, table, questions_on(["virology"]))


def test_accuracy_on_checked_labels_is_per_model():
    types = {("anatomy", 0): "ok", ("anatomy", 1): "wrong groundtruth", ("anatomy", 2): "expert", ("anatomy", 3): "ok"}
    labels = LabelChecks(types, unmatched=2, corrections={("anatomy", 1): Correction("C", frozenset("C"))})
    analysis = analysed({"a": {"anatomy": "ABCA"}, "b": {"anatomy": "A"}}, labels=labels)
    assert "2 label checks of questions that are not in this study." in analysis.warnings
    assert analysis.label_errors == LabelErrors(
        checked=3,
        flagged=1,
        corrected=1,
        unread_corrections=0,
        unmatched=2,
        by_type={"wrong groundtruth": 1},
        models=analysis.label_errors.models,
    )
    a, b = analysis.label_errors.models
    assert (a.checked.count, a.checked.questions, a.clean.share, a.flagged.share) == (2, 3, 0.5, 1.0)
    assert (a.corrected.count, a.corrected.questions, a.correction.only_second) == (1, 3, 1)  # the right letter was C, not B
    assert a.change.difference == pytest.approx(a.clean.share - a.checked.share) and a.change.p == a.change.p_holm == 1
    assert (b.checked, b.flagged, b.change) == (b.clean, None, None) and b.clean.share == b.corrected.share == 1.0
    assert analysed({"a": {"anatomy": "A"}}).label_errors is None


def test_the_same_results_give_the_same_analysis():
    answers = {"a": simulated(1, 0.3), "b": simulated(2, 0.4)}
    assert analysed(answers) == analysed(answers)


def test_a_pairs_null_does_not_depend_on_other_models():
    answers = {"a": simulated(1, 0.3), "b": simulated(2, 0.4)}
    with_another = analysed({**answers, "c": simulated(3, 0.5)})
    assert with_another.pairs[0].same_wrong_null == analysed(answers).pairs[0].same_wrong_null


def test_an_unparsed_letter_is_not_a_choice():
    assert pairs.NO_LETTER not in range(len(LETTERS))
    assert list(pairs.letters(pandas.Series(["A", None, "D", ""]))) == [0, pairs.NO_LETTER, 3, pairs.NO_LETTER]
