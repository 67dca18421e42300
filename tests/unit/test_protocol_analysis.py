"""How much depends on how models are asked: families, cloze scores and orders of choices in analysis.json."""

import functools
import itertools
import random
import re

import numpy
import pytest
from mmlu_kit import files
from mmlu_kit.analysis import protocols
from mmlu_kit.analysis.choice_orders import order_effects
from mmlu_kit.analysis.cloze import cloze_scores
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis, ReadBy
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.continuations import Continuation
from mmlu_kit.settings import Device, PromptSettings, Score
from mmlu_kit.statistics import comparisons, intervals, multiple
from mmlu_kit.user_errors import UserError
from pydantic import ValidationError

from tests.helpers import protocols as made
from tests.helpers import results

YES, NO = True, False


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe 1998, table III
        ((14, 5, 0, 22), 0.011, 0.226),  # Altman et al. 2000, Statistics with Confidence, table 6.2
        ((1, 1, 7, 12), -0.507, -0.026),  # Fagerland et al. 2014, doi 10.1002/sim.6148
    ],
)
def test_the_paired_interval_has_published_values(table, low, high):
    interval = comparisons.paired_interval(*table)
    digits = 4 if low == 0.0569 else 3
    assert (round(interval.low, digits), round(interval.high, digits)) == (low, high)


@pytest.mark.parametrize("table", [cells for cells in itertools.product((0, 1, 9), repeat=4) if sum(cells)])
def test_the_paired_interval_contains_the_difference_and_is_symmetric(table):
    both, first, second, neither = table
    low, high = comparisons.paired_interval(*table)
    assert -1 <= low <= (first - second) / sum(table) <= high <= 1
    assert comparisons.paired_interval(both, second, first, neither) == pytest.approx((-high, -low))


def analyse(evaluations, **changes):
    """Return the analysis of evaluations of made.ASK's ways, by model; `changes` apply to config's entries, by model."""
    subjects = list(dict.fromkeys(each.subject for each in evaluations))
    study = made.study({each.model: made.ASK[each.model] for each in evaluations}, subjects)
    entries = {model: entry.model_copy(update=changes.get(model, {})) for model, entry in study.models.items()}
    study = study.model_copy(update={"models": entries})
    remade = [each.model_copy(update={"requested": entries[each.model].requested}) for each in evaluations]
    return protocols.analyse_protocols(made.merged(study, remade), remade)


def test_a_family_has_each_reading_with_its_accuracy_and_guessing():
    family = made.family({"letters": [YES, NO, NO, YES, NO, NO], "cloze": [YES] * 6, "orders": [YES, YES, NO, YES, NO, NO]})
    (analysed,) = analyse(family.values()).families
    assert [(each.model, each.read_by, each.count, each.questions) for each in analysed.accuracies] == [
        ("letters", ReadBy.BEST, 2, 6),
        ("letters", ReadBy.GENERATED, 2, 6),
        ("cloze", ReadBy.BEST, 6, 6),
        ("orders", ReadBy.BEST, 3, 6),  # its letter is generated in the order given alone
    ]
    assert [each.protocol for each in analysed.accuracies] == [
        "letters",
        "letters",
        "cloze, per character",
        "letters over all orders",
    ]
    # Three, four and five choices, twice each.
    assert [each.guessing for each in analysed.accuracies] == pytest.approx([(1 / 3 + 1 / 4 + 1 / 5) / 3] * 4)
    assert (analysed.accuracies[0].low, analysed.accuracies[0].high) == intervals.wilson(2, 6)


def test_pairs_differ_in_the_way_of_asking_or_of_reading_and_holm_is_over_all():
    random_ = random.Random(3)
    family = made.family(
        {
            model: [random_.random() < share for _ in range(60)]
            for model, share in (("letters", 0.3), ("bare", 0.4), ("cloze", 0.9))
        }
    )
    (analysed,) = analyse(family.values()).families
    names = [tuple((each.model, each.read_by.split()[0]) for each in pair.readings) for pair in analysed.pairs]
    best, generated = "best", "generated"
    assert names == [
        (("letters", best), ("letters", generated)),
        (("letters", best), ("bare", best)),
        (("letters", best), ("cloze", best)),
        (("letters", generated), ("bare", generated)),
        (("bare", best), ("bare", generated)),
        (("bare", best), ("cloze", best)),
    ]
    assert [pair.p_holm for pair in analysed.pairs] == multiple.holm([pair.p for pair in analysed.pairs])
    letters, cloze = ([record.correct for record in family[model].records] for model in ("letters", "cloze"))
    pair = analysed.pairs[2]
    assert pair.only_first == sum(one and not other for one, other in zip(letters, cloze, strict=True))
    assert pair.only_second == sum(other and not one for one, other in zip(letters, cloze, strict=True))
    assert pair.p == comparisons.mcnemar(pair.only_first, pair.only_second) < 0.001
    assert pair.first == pytest.approx(sum(letters) / 60) and pair.second == pytest.approx(sum(cloze) / 60)


def test_a_generated_letter_that_differs_is_compared_with_the_best_one():
    questions = [made.question("anatomy", index) for index in range(4)]
    answered = [made.letters(question, question.answer, "-" if question.index else question.answer) for question in questions]
    bare = made.evaluation("bare", made.ASK["bare"], answered)
    letters = made.evaluation(
        "letters", made.ASK["letters"], answered[:1] + [made.letters(each, "A") for each in questions[1:]]
    )
    (family,) = analyse([bare, letters]).families
    assert [each.count for each in family.accuracies] == [4, 1, 1, 1]
    (reading,) = [pair for pair in family.pairs if {each.model for each in pair.readings} == {"bare"}]
    assert (reading.only_first, reading.only_second, reading.difference) == (3, 0, 0.75)


def elsewhere(model, evaluations, **effective):
    """Return the evaluations with another effective configuration of one model."""
    return [
        each.model_copy(update={"effective": results.effective(**effective)}) if each.model == model else each
        for each in evaluations
    ]


@pytest.mark.parametrize(
    ("changes", "families"),
    [
        ({}, 1),
        ({"bare": {"path": "q"}}, 0),
        ({"bare": {"device": Device.CUDA}}, 0),
        ({"bare": {"dtype": "bfloat16"}}, 0),
        ({"bare": {"quantization": "4bit"}}, 0),
        ({"bare": {"path": None, "repository": "a/b", "commit": "c" * 40}}, 0),
        ({"bare": {"threads": 2, "load_once": True, "on_unavailable": "skip", "description": "d"}}, 1),
    ],
)
def test_only_the_same_weights_loaded_in_the_same_way_are_a_family(changes, families):
    study = made.study({"letters": made.ASK["letters"], "bare": made.ASK["bare"]}, ["anatomy"])
    entries = {model: entry.model_copy(update=changes.get(model, {})) for model, entry in study.models.items()}
    study = study.model_copy(update={"models": entries})
    evaluations = [
        each.model_copy(update={name: value for name, value in (("requested", entries[each.model].requested),)})
        for each in made.family({"letters": [YES, NO], "bare": [NO, NO]}).values()
    ]
    where = {name: (entries["bare"].repository, entries["bare"].commit) for name in ["bare"]}
    evaluations = [
        each.model_copy(update=dict(zip(("repository", "commit"), where.get(each.model, (None, None)), strict=True)))
        for each in evaluations
    ]
    analysed = protocols.analyse_protocols(made.merged(study, evaluations), evaluations)
    assert len(analysed.families if analysed else []) == families


def test_models_that_ran_in_another_way_than_requested_are_no_family():
    family = made.family({"letters": [YES, NO], "bare": [NO, NO]}).values()
    assert analyse(elsewhere("bare", family, device="cuda")) is None
    assert analyse(elsewhere("bare", family)) is not None


def test_the_same_question_asked_in_the_same_way_is_no_family():
    entries = {"a": made.ASK["letters"], "b": made.ASK["letters"]}
    evaluations = [
        made.evaluation(model, prompt, [made.letters(made.question("anatomy", 0), "A")]) for model, prompt in entries.items()
    ]
    assert protocols.analyse_protocols(made.merged(made.study(entries, ["anatomy"]), evaluations), evaluations) is None


def test_imported_models_are_in_no_family():
    family = made.family({"letters": [YES, NO], "bare": [NO, NO]}, make=made.question)
    unknown = dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass"))
    answered = [record.model_copy(update=unknown) for record in family["bare"].records]
    evaluations = [family["letters"], records.imported("bare", "p.csv", "0" * 64, "anatomy", answered)]
    study = made.study({model: made.ASK[model] for model in family}, ["anatomy"])
    study = study.model_copy(update={"models": {**study.models, "bare": ImportedEntry(predictions="p.csv")}})
    assert protocols.analyse_protocols(made.merged(study, evaluations), evaluations) is None


def test_pairs_are_on_the_questions_that_both_answered():
    both = [made.family({"letters": [YES, YES], "bare": [NO, YES]}, subject) for subject in ("anatomy", "virology")]
    evaluations = [*both[0].values(), both[1]["letters"]]
    (family,) = analyse(evaluations).families
    assert [each.questions for each in family.accuracies] == [4, 4, 2, 2]
    assert [pair.questions for pair in family.pairs if pair.readings[0].model != pair.readings[1].model] == [2, 2]
    (apart,) = analyse([both[0]["bare"], both[1]["letters"]]).families
    assert [{each.model for each in pair.readings} for pair in apart.pairs] == [{"bare"}, {"letters"}]
    first = made.family({"shots": [YES], "cloze": [NO]})["cloze"]
    (none,) = analyse([first, made.family({"pmi": [YES]}, "virology")["pmi"]]).families
    assert none.pairs == [] and len(none.accuracies) == 2


def test_a_question_counts_once_by_the_copy_that_both_answered():
    """Question 0 of virology is a copy of that of anatomy; `bare` lacks anatomy."""
    copy = made.question("anatomy", 0)
    other = made.question("virology", 1)

    def evaluation(model, subject, *pairs):
        answered = [
            made.letters(question, letter).model_copy(update={"subject": subject, "index": index})
            for index, (question, letter) in enumerate(pairs)
        ]
        return made.evaluation(model, made.ASK[model], answered)

    evaluations = [
        evaluation("letters", "anatomy", (copy, "A")),
        evaluation("letters", "virology", (copy, "B"), (other, "B")),
        evaluation("shots", "anatomy", (copy, "B")),
        evaluation("shots", "virology", (copy, "A"), (other, "A")),
        evaluation("bare", "virology", (copy, "A"), (other, "B")),
    ]
    (family,) = analyse(evaluations).families
    best = {each.model: (each.count, each.questions) for each in family.accuracies if each.read_by == ReadBy.BEST}
    assert best == {"letters": (2, 2), "shots": (0, 2), "bare": (2, 2)}
    pairs = {
        tuple(each.model for each in pair.readings): (pair.both, pair.only_first, pair.only_second)
        for pair in family.pairs
        if {each.read_by for each in pair.readings} == {ReadBy.BEST}
    }
    # On virology alone, `letters` is wrong on the copy, and `shots` right.
    assert pairs == {("letters", "shots"): (0, 2, 0), ("letters", "bare"): (1, 0, 1), ("shots", "bare"): (1, 0, 1)}


LENGTHS = {"tokens": 4, "characters": 10, "bytes": 10}


def cloze_record(index, picks):
    """Return a record to a question whose right answer is A, in which each score ranks the choice in `picks` first."""
    continuations = [
        Continuation(
            logprob=-9.0 if letter == picks[0] else -10.0,
            tokens=400 if letter == picks[1] else 4,
            characters=30 if letter == picks[2] else 10,
            bytes=40 if letter == picks[3] else 30,
            unconditional=-100.0 if letter == picks[4] else -1.0,
        )
        for letter in "ABCD"
    ]
    record = made.cloze(made.question("anatomy", 4 * index), "A")
    return record.model_copy(update={"cloze": continuations})


def test_each_score_ranks_choices_by_itself():
    answered = [cloze_record(index, picks) for index, picks in enumerate(["AABBB", "AABBA", "ABBBA", "AABAB"])]
    scores = cloze_scores("m", answered, PromptSettings(preset="cloze", score="token"))
    assert {each.score: each.count for each in scores.scores} == {
        Score.RAW: 4,
        Score.TOKEN: 3,
        Score.CHARACTER: 0,
        Score.BYTE: 1,
        Score.PMI: 2,
    }
    against = {each.score: each.against and (each.against.only_first, each.against.only_second) for each in scores.scores}
    assert against == {Score.RAW: (1, 0), Score.TOKEN: None, Score.CHARACTER: (0, 3), Score.BYTE: (0, 2), Score.PMI: (1, 2)}
    assert scores.tokens == (4 * 396 + 16 * 4) / 16
    p = [each.against for each in scores.scores if each.against]
    assert [each.p_holm for each in p] == multiple.holm([each.p for each in p])


def test_an_empty_choice_is_never_the_best_by_its_length():
    empty = Continuation(logprob=-0.1, unconditional=-9.0, tokens=1, characters=0, bytes=0)
    other = Continuation(logprob=-8.0, unconditional=-9.0, tokens=1, characters=1, bytes=1)
    record = cloze_record(0, "AAAAA").model_copy(update={"cloze": [empty, other, other, other]})
    counts = {each.score: each.count for each in cloze_scores("m", [record], PromptSettings(preset="cloze")).scores}
    assert counts == {Score.RAW: 1, Score.TOKEN: 1, Score.CHARACTER: 0, Score.BYTE: 0, Score.PMI: 1}


@pytest.mark.parametrize("model", ["cloze", "pmi"])
def test_the_score_in_use_gives_the_models_accuracy(model):
    evaluation = made.family({model: [YES, NO, YES, NO, NO, YES, YES]})[model]
    (scores,) = analyse([evaluation]).cloze
    (used,) = [each for each in scores.scores if each.against is None]
    assert used.score == scores.ranked_by == evaluation.requested.ranked_by
    assert used.count == sum(record.correct for record in evaluation.records)


def test_a_model_that_always_chooses_a_has_all_its_recall_there():
    answered = [made.in_orders(made.mixed("anatomy", index), "A" * (3 + index % 3)) for index in range(12)]
    effects = order_effects("m", answered)
    assert [(order.order, order.questions) for order in effects.orders] == [(0, 12), (1, 12), (2, 12), (3, 8), (4, 4)]
    assert effects.alike.count == 0 and effects.mean == pytest.approx((1 / 3 + 1 / 4 + 1 / 5) / 3)
    assert {letter: each.recall for letter, each in effects.recalls.items()} == {"A": 1, "B": 0, "C": 0, "D": 0, "E": 0}
    assert {letter: each.right for letter, each in effects.recalls.items()} == {"A": 12, "B": 12, "C": 12, "D": 8, "E": 4}
    for order in effects.orders:
        assert order.count == order.recalls["A"].right if "A" in order.recalls else order.count == 0
        assert sum(each.right for each in order.recalls.values()) == order.questions


def test_a_model_that_knows_the_answer_is_alike_in_all_orders():
    (effects,) = analyse([made.family({"orders": [YES, NO, YES, YES, NO, YES]})["orders"]]).orders
    assert effects.alike.count == 6 and effects.p is None
    assert {order.order: order.count for order in effects.orders} == {0: 4, 1: 4, 2: 4, 3: 2, 4: 2}
    assert effects.mean == pytest.approx(4 / 6)
    assert (effects.over_orders.only_first, effects.over_orders.only_second) == (0, 0)


def test_the_mean_over_orders_may_be_right_where_the_order_given_is_wrong():
    """As given, A to D: the right choice is B. It is chosen in three of four orders."""
    question = made.question("anatomy", 1)
    answered = [made.in_orders(question, "AADC")]  # as given: A, B, B, B
    effects = order_effects("m", answered * 3)
    assert [order.count for order in effects.orders] == [0, 3, 3, 3]
    assert effects.alike.count == 0 and effects.over_orders.difference == 1.0
    assert effects.p == comparisons.cochran_q(numpy.array([[NO, YES, YES, YES]] * 3)).p


@functools.cache
def whole():
    """Return an analysis with each part, and what it was made from."""
    rights = {"letters": [YES, NO] * 8, "bare": [YES, YES, NO, NO] * 4, "cloze": [YES] * 16, "orders": [YES, NO, NO, NO] * 4}
    family = made.family(rights)
    evaluations = list(family.values())
    merged = made.merged(made.study({model: made.ASK[model] for model in family}, ["anatomy"]), evaluations)
    return protocols.analyse_protocols(merged, evaluations), merged, evaluations


def test_the_analysis_that_the_answers_give_is_accepted_after_writing(tmp_path):
    analysis, merged, evaluations = whole()
    files.write_json(tmp_path / "a.json", analysis.plain())
    again = ProtocolAnalysis.model_validate_json((tmp_path / "a.json").read_text(), strict=True)
    assert again == analysis
    protocols.check(tmp_path / "a.json", again, merged, evaluations)


def edited(plain, key, value):
    """Set the value at a dotted key, or delete it if `value` is None."""
    *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    for parent in parents:
        plain = plain[parent]
    if value is None:
        del plain[last]
    else:
        plain[last] = value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("families.0.accuracies.0.guessing", 0.25),
        ("families.0.accuracies.0.protocol", "x"),
        ("families.0.accuracies.0.model", "bare"),
        ("families.0.accuracies.1.low", 0.0),
        ("families.0.pairs.0.low", -1.0),
        ("families.0.pairs.1.p", 0.001),
        ("families.0.pairs.2.p_holm", 0.99),
        ("families.0.pairs.1.both", 0),
        ("families.0.pairs.0.readings.0.read_by", "generated letter"),
        ("families.0.pairs.8", None),
        ("families.0", None),
        ("cloze.0", None),
        ("cloze.0.tokens", 3.5),
        ("cloze.0.scores.4.high", 1.0),
        ("cloze.0.scores.0.against.p", 0.01),
        ("orders.0.mean", 0.9),
        ("orders.0.p", 0.5),
        ("orders.0.alike.low", 0.0),
        ("orders.0.recalls.E", None),
        ("orders.0.orders.1.recalls.A", {"right": 1, "chosen": 1, "recall": 1.0}),
        ("orders.0.over_orders.high", 1.0),
    ],
)
def test_a_forged_number_is_refused(tmp_path, key, value):
    analysis, merged, evaluations = whole()
    plain = analysis.plain()
    edited(plain, key, value)
    with pytest.raises(UserError) as error:
        protocols.check(tmp_path / "a.json", ProtocolAnalysis(**plain), merged, evaluations)
    words = "missing" if value is None else "" if isinstance(value, dict) else value
    assert f"a.json was changed after it was made: protocols.{key}{'.' if words == '' else f' is {words}, but'}" in str(
        error.value
    )


def test_a_whole_part_that_is_missing_or_made_up_is_refused(tmp_path):
    analysis, merged, evaluations = whole()
    with pytest.raises(UserError, match="protocols is missing, but the answers give something else; delete it and run again"):
        protocols.check(tmp_path / "a.json", None, merged, evaluations)
    letters = [each for each in evaluations if each.model == "letters"]
    alone = made.merged(made.study({"letters": made.ASK["letters"]}, ["anatomy"]), letters)
    with pytest.raises(UserError, match="protocols is something else, but the answers give none"):
        protocols.check(tmp_path / "a.json", analysis, alone, letters)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("families.0.accuracies.0.count", 9, "share is 0.5, and 9 of 16 are 0.5625"),
        ("families.0.accuracies.0.low", 0.9, "share is not within its interval"),
        ("families.0.pairs.1.only_first", 15, "both, only_first and only_second are more than questions"),
        ("families.0.pairs.1.difference", 0.5, "difference is not only_first minus only_second"),
        ("families.0.pairs.1.low", 0.5, "difference is not within its interval"),
        ("families.0.pairs.2.p_holm", 0.0, "p_holm is smaller than p"),
        ("families.0.accuracies", [], "at least 2 items"),
        ("cloze.0.scores.0", None, "scores is not every score once"),
        ("cloze.0.ranked_by", "raw", "against is null for another score than the one in use"),
        ("orders.0.recalls.A.chosen", 99, "99 of 16 were chosen"),
        ("orders.0.recalls.A.recall", 0.99, "recall is 0.99"),
        ("orders.0.orders.0.order", 26, "less than 26"),
    ],
)
def test_numbers_that_contradict_each_other_are_no_analysis(key, value, problem):
    plain = whole()[0].plain()
    edited(plain, key, value)
    with pytest.raises(ValidationError, match=re.escape(problem)):
        ProtocolAnalysis(**plain)
