"""Section 6 of the report: each sentence is tried with answers that lead to it and with others."""

import random

import pytest
from mmlu_kit.analysis import paired
from mmlu_kit.analysis.choice_orders import order_effects
from mmlu_kit.analysis.difficulty_document import Difficulty, HardQuestion, KendallW, ModelsWrong, SubjectDifferences
from mmlu_kit.analysis.label_document import LabelAccuracies, LabelChange, LabelErrors
from mmlu_kit.analysis.model_document import ConfidenceGap, ReadableShare
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.analysis.values import Proportion
from mmlu_kit.formatting import p_value
from mmlu_kit.report import cells
from mmlu_kit.report.sections import letters
from mmlu_kit.report.sentences import accuracy, confidence, difficulty
from mmlu_kit.report.sentences.protocols import points_range
from mmlu_kit.results import merging
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import protocols, results
from tests.helpers.reports import tables

ALWAYS_A = "A" * 100
RIGHT = results.GOLD
ALWAYS_WRONG = "BCDA" * 25
LABELLED = [(45, 90), (44, 80), (45, 84)]  # right answers and questions: all, without flagged, with corrected labels
HALF_EXACTLY = RIGHT[:48] + "BCDA" * 12 + "ABDC"  # 50 right
HALF_1 = "".join(gold if index % 8 < 4 else "A" for index, gold in enumerate(RIGHT))
HALF_2 = "".join(gold if index % 8 >= 4 else "A" for index, gold in enumerate(RIGHT))


def section_6(answers, subjects=("anatomy",), **changes):
    """Return section 6 of a study with these answers in each subject."""
    study = results.study(list(answers), list(subjects))
    merged, table = results.merged(study, {model: dict.fromkeys(subjects, text) for model, text in answers.items()})
    text = results.report(merged, table, **changes)
    return text[text.index("## 6. Error Pattern Analysis") : text.index("## 7. ")]


def half_right(seed):
    """Return answers of which a random half is right; the others are random wrong letters."""
    chance = random.Random(seed)
    wrong = [results.LETTERS.replace(gold, "") for gold in RIGHT]
    return "".join(gold if chance.random() < 0.5 else chance.choice(others) for gold, others in zip(RIGHT, wrong, strict=True))


@pytest.mark.parametrize(
    ("answers", "sentences"),
    [
        (
            {"m": ALWAYS_A},
            [
                "is not distinguishable from guessing (exact binomial test, p = 0.54)",
                "from always answering A (McNemar test, p = 1)",
                "only one model",
            ],
        ),
        (
            {"m": ALWAYS_WRONG},
            ["does worse than guessing (exact binomial test, p < 0.0001)", "| below: p < 0.0001 |", "and worse than always"],
        ),
        (
            {"m": ALWAYS_WRONG[:80] + RIGHT[80:]},
            ["is not distinguishable from guessing (exact binomial test, p = 0.15)", "| below: p = 0.15 |"],
        ),
        (
            {"m": RIGHT},
            [
                "does better than guessing (exact binomial test, p < 0.0001)",
                "and better than always answering A (McNemar test, p < 0.0001).",
            ],
        ),
        (
            {"m": half_right(1), "n": half_right(1)},
            [
                "**Models fail on the same questions more often than their accuracies and a common letter bias explain**",
                "**m and n** choose the same wrong letter more often than two unrelated models with the same letter bias",
                "permutation test, p ≤ 0.0005",
                "**Nearly the same model:** m and n (100.0% equal answers, kappa 1.000).",
                "**No difference in accuracy is shown** between m and n (0.0 points;",
                "- The models are right on exactly the same questions, so Cochran's Q is not defined.",
            ],
        ),
        (
            {"m": half_right(1), "n": half_right(2)},
            [
                "**No common pattern is shown:**",
                "It is **not shown** that m and n choose the same wrong letter more often than two unrelated models",
                "**No difference in accuracy is shown** between",
            ],
        ),
        (
            {"m": HALF_1, "n": HALF_2},
            ["**No common pattern is shown:**", "There is no question that every model missed."],
        ),
        (
            {"m": ALWAYS_A, "n": RIGHT},
            [
                "Whether models miss the same questions needs two models that do not nearly always choose one letter, so",
                "**Nearly always the same letter:** m (A, 100.0% of its answers).",
                "**n is better than m** by 75.0 points",
                "### What Could Not Be Tested",
                "- m and n: ",
            ],
        ),
    ],
)
def test_the_sentences_of_section_6_follow_the_tests(answers, sentences):
    text = section_6(answers)
    for sentence in sentences:
        assert sentence in text, text


@pytest.mark.parametrize(
    ("generated", "sentence"),
    [
        (
            "-" * 60 + RIGHT[60:],
            "60 of its 100 generated answers could not be read: 40.0% are right if these count as wrong, 100.0% if they "
            "count as right, and 100.0% of the 40 others (95% interval 91.2% to 100.0%). With as many unreadable answers, "
            "guessing would reach 10.0%.",
        ),
        ("-" * 100, "None of its 100 generated answers could be read: nothing is known of their accuracy."),
        (RIGHT, None),
    ],
)
def test_unparsed_answers_are_counted_and_compared_with_guessing(generated, sentence):
    study = results.study(["s"], ["anatomy"])
    evaluations = [results.evaluation("s", "anatomy", RIGHT, generated)]
    merged = merging.merge(study, evaluations, [results.timing("s", "anatomy")], Processes({}))
    text = results.report(merged, merging.table(study, evaluations))
    assert sentence in text if sentence else "could not be read" not in text and "| Reading | Readable |" not in text


def test_guessings_accuracy_is_given_only_if_it_visibly_differs():
    study = results.study(["s"], ["anatomy"])
    merged, table = results.merged(study, {"s": {"anatomy": RIGHT}})
    (model,) = results.analysis(merged, table).models
    readable = ReadableShare(questions=980, accuracy=1.0, low=0.99, high=1.0, highest=1.0)
    for unparsed, visible in ((19, False), (20, True)):
        generated = model.generated.model_copy(update={"unparsed": unparsed, "readable": readable})
        sentence = accuracy.guessing(model.model_copy(update={"generated": generated, "questions": 1000, "warnings": []}))
        assert f"{unparsed} of its 1,000 generated answers could not be read: " in sentence
        assert ("guessing would reach 24.5%" in sentence) is visible is ("guessing would" in sentence)


ORDER = ["anatomy", "astronomy"]


def difficulty_of(**changes):
    nothing = {"kendall_w": None, "spearman": [], "differences": [], "untested": None, "p_mean": None, "all_wrong": 0}
    return Difficulty(**{"order": ORDER, "guessing": dict.fromkeys(ORDER, 0.25), "draws": 1999, **nothing, **changes})


SYSTEMATIC = (
    "**Systematic:** the models agree on which subjects are hard, more than if the questions' subjects were shuffled "
    "(Kendall's W = 0.90, 0.52 with shuffled subjects; permutation test, p ≤ 0.0005)."
)
NOT_SHOWN = (
    "**Not shown:** models do not agree on which subjects are hard significantly more than if the questions' subjects were "
    "shuffled (Kendall's W = 0.90, 0.52 with shuffled subjects; permutation test, p = 0.051)."
)
EXTREMES = (
    " Mean accuracy differs between subjects (permutation test, p = 0.049): the hardest is anatomy, the easiest astronomy."
)
NO_EXTREMES = " No difference in mean accuracy between subjects is shown (permutation test, p = 0.051)."


@pytest.mark.parametrize(
    ("p", "p_mean", "sentence"),
    [
        (1 / 2000, 0.049, SYSTEMATIC + EXTREMES),
        (1 / 2000, 0.051, SYSTEMATIC + NO_EXTREMES),
        (0.051, 0.049, NOT_SHOWN + EXTREMES),
        (0.051, 0.051, NOT_SHOWN + NO_EXTREMES),
        (None, 0.049, "There is only one model." + EXTREMES),
        (None, None, "There is only one model."),
    ],
)
def test_mistakes_are_called_systematic_only_if_the_test_is_significant(p, p_mean, sentence):
    w = None if p is None else KendallW(w=0.9, expected=0.52, p=p)
    tested = difficulty_of(kendall_w=w, p_mean=p_mean, untested=None if w else "There is only one model.")
    assert difficulty.subject_order(tested) == sentence
    mixed = difficulty.subject_order(tested.model_copy(update={"guessing": dict(zip(ORDER, (0.25, 0.1), strict=True))}))
    choices = " Guessing alone makes subjects with fewer choices easier, so subjects are shuffled among questions with as many"
    assert mixed == sentence if p_mean is None else mixed.startswith(sentence + choices)


@pytest.mark.parametrize(
    ("p_values", "sentence"),
    [
        ([0.0005, 0.001], "Some subjects are harder than others for m, n."),
        ([0.0005, 0.051], "Some subjects are harder than others for m; this is not shown for n."),
        ([0.051, None], "It is not shown for any single model that some subjects are harder than others."),
        ([0.0005], "Some subjects are harder than others for m."),
        ([], None),
    ],
)
def test_for_which_models_subjects_differ(p_values, sentence):
    tests = [SubjectDifferences(model=model, chi2=20.0, df=1, p=p, p_holm=p) for model, p in zip("mn", p_values, strict=False)]
    assert difficulty.subjects_differ(difficulty_of(differences=tests), {"m": "m", "n": "n"}) == sentence


@pytest.mark.parametrize(
    ("models", "subjects", "reason"),
    [
        (1, 1, "there is only one subject, and the test needs 3"),
        (1, 2, "there are 2 subjects, and the test needs 3"),
        (1, 3, "there is only one model"),
        (2, 1, "there is only one subject, and the test needs 3"),
        (2, 2, "there are 2 subjects, and the test needs 3"),
    ],
)
def test_one_line_says_why_the_order_of_subjects_is_not_tested(models, subjects, reason):
    answers = {name: half_right(seed) for seed, name in zip(range(models), "mn", strict=False)}
    text = section_6(answers, ("anatomy", "astronomy", "virology")[:subjects])
    part = text[text.index("### Are Mistakes Random") : text.index("### Do All Models")]
    assert f"\nWhether models find the same subjects hard cannot be tested: {reason}." in part
    assert ("| Model | Chi-square of subjects (df) | p | p (Holm) |" in part) == (subjects > 1)
    assert "the hardest" not in part and "Spearman" not in part and "Systematic:" not in part


@pytest.mark.parametrize(
    ("p", "p_within", "p_letters", "sentence"),
    [
        (
            1 / 2000,
            1 / 2000,
            0.049,
            "**Models fail on the same questions more often than their accuracies, hard subjects and a common letter bias",
        ),
        (
            1 / 2000,
            0.051,
            0.01,
            "**Models fail on the same questions, which hard subjects can explain; more than that is not shown**",
        ),
        (
            1 / 2000,
            0.04,
            0.051,
            "**Models fail on the same questions, which hard subjects and a common letter bias can explain; more than that is",
        ),
        (0.051, 0.6, 0.01, "**No common pattern is shown:** models do not miss the same questions significantly more often"),
        (
            None,
            None,
            None,
            "Whether models miss the same questions cannot be tested: fewer than two have both right and wrong answers.",
        ),
    ],
)
def test_that_models_fail_together_is_concluded_within_subjects_and_right_answers(p, p_within, p_letters, sentence):
    wrong = ModelsWrong(
        models=2,
        questions=100,
        observed=[30, 30, 40],
        expected=[20, 50, 30],
        expected_within=[25, 40, 35],
        p=p,
        p_within=p_within,
        p_within_letters=p_letters,
    )
    text = section_6({"m": HALF_1, "n": HALF_2}, ("anatomy", "astronomy"), models_wrong=wrong)
    assert sentence in text
    assert "| 2 of 2 | 40 | 40.0% | 30 | 35 |" in text and "| If independent within subjects |" in text
    numbers = (
        f"(40 times two models miss the same question, 30 if mistakes were independent, permutation test, {p_value(p, 1999)}"
    )
    within = f"35 if independent within subjects, {p_value(p_within, 1999)}; within subjects and right answers"
    assert (f"{numbers}; {within}, {p_value(p_letters, 1999)})." in text) == (p is not None)


def test_models_that_nearly_always_choose_one_letter_are_named_and_left_out():
    text = section_6({"m": half_right(1), "n": half_right(2), "o": ALWAYS_A}, ("anatomy", "astronomy", "virology"))
    assert "\no nearly always chooses A: left out of the mean and of the tests, as such answers say nothing" in text
    assert "**Nearly always the same letter:** o (A, 100.0% of its answers). Such a model is right where this letter is" in text
    assert "| 2 of 2 |" in text and "of 3 |" not in text
    part = text[text.index("### Are Mistakes Random") : text.index("### Do All Models")]
    assert "\n| m | 0.0 (2)" in part and "\n| n | 0.0 (2)" in part and "\n| o |" not in part


@pytest.mark.parametrize(
    ("missed", "sentence"),
    [
        (
            8,
            "8 of the 8 questions that every model missed, starting with the lowest mean probability of the right letter.\n",
        ),
        (40, "of the right letter. `analysis.json` and the explorer of `report.html` have all of them.\n\n<details>"),
        (
            60,
            "right letter. `analysis.json` has the first 50 of them, and the explorer of `report.html` has all.\n\n<details>",
        ),
    ],
)
def test_the_report_says_where_the_other_missed_questions_are(missed, sentence):
    assert sentence in section_6(dict.fromkeys("mn", ALWAYS_WRONG[:missed] + RIGHT[missed:]))


def test_that_every_model_missed_a_question_may_be_chance():
    text = section_6({"m": half_right(1), "n": half_right(2)})
    chance = "That every model missed them may be chance: independent models would all miss 30."
    assert chance in text and chance not in section_6({"m": half_right(1), "n": half_right(1)})


def test_a_question_cannot_add_markup_to_the_report():
    hostile = HardQuestion(
        subject="anatomy",
        index=3,
        question="<script>alert(1)</script> | a\nb `c` [d](e)",
        choices=["<b>", "b", "c", "d"],
        gold="A",
        predicted={"m": "B", "n": "C"},
    )
    text = section_6({"m": ALWAYS_A, "n": ALWAYS_A}, hardest=[hostile])
    assert r"&lt;script&gt;alert(1)&lt;/script&gt; \| a b \`c\` \[d\](e) | A: &lt;b&gt; | m: B; n: C |" in text
    assert "<script>" not in text


def test_label_errors_are_shown_if_labels_were_checked():
    all_labels, clean, corrected = ([True] * right + [False] * (number - right) for right, number in LABELLED)
    model = LabelAccuracies(
        model="m",
        checked=Proportion(**paired.proportion(all_labels)),
        clean=Proportion(**paired.proportion(clean)),
        flagged=None,
        change=LabelChange(difference=0.05, low=0.01, high=0.08, p=0.01, p_holm=0.02),
        corrected=Proportion(**paired.proportion(corrected)),
        correction=None,
    )
    counts = {"checked": 90, "flagged": 10, "corrected": 4, "unread_corrections": 1, "unmatched": 2}
    text = section_6({"m": RIGHT}, label_errors=LabelErrors(**counts, by_type={"wrong groundtruth": 10}, models=[model]))
    assert "MMLU-Redux checked 90 of these questions and flagged 10 (wrong groundtruth: 10); 2 of its checks" in text
    assert "| m | 50.0% of 90 (39.9% to 60.1%) | 55.0% of 80 (44.1% to 65.4%) | +5.0 (1.0 to 8.0 points), p = 0.02 |" in text
    assert " | 53.6% of 84 (43.0% to 63.8%) | — |" in text
    assert "adds the 4 flagged questions" in text and "leaves out 5 questions without a right choice or not clear, and" in text
    assert "Labels were not checked" in section_6({"m": RIGHT})


def test_models_that_share_no_question_are_not_compared():
    study = results.study(["m", "n"], ["anatomy", "virology"])
    text = results.report(*results.merged(study, {"m": {"anatomy": RIGHT}, "n": {"virology": RIGHT}}))
    assert "No question was answered by every model, so models are not compared." in text
    assert "(figures/models_wrong.png)" not in text and "(figures/agreement.png)" not in text


def models_of(answers, subjects=("anatomy",), change=None):
    """Return a study's analysed models with these answers in each subject, changed in some fields."""
    study = results.study(list(answers), list(subjects))
    models = results.analysis(
        *results.merged(study, {model: dict.fromkeys(subjects, text) for model, text in answers.items()})
    ).models
    return [model.model_copy(update=change or {}) for model in models]


def test_that_a_model_always_answers_one_letter_comes_first():
    text = section_6({"m": ALWAYS_A, "n": RIGHT})
    assert (
        "- **m** answered A to 100.0% of the questions: its accuracy is the share of A among the right answers and says "
        "nothing about knowledge. It is not distinguishable from guessing"
    ) in text
    assert "**Nearly always the same choice:** m (A)." in text and "**m** nearly always chose A, so its confidence says" in text
    assert "m is not distinguishable from guessing: nothing" not in text


def test_a_model_that_always_answers_one_letter_is_not_called_better_than_guessing():
    """In each subject, A is right in 2 of 5 questions."""
    text = section_6({"m": "AAAAA"}, SUBJECTS[:40])
    assert "says nothing about knowledge. It is not distinguishable from always answering A (McNemar test, p = 1)." in text
    assert "It does better than guessing" not in text


def test_few_equal_answers_are_not_a_constant_letter():
    (nine,), (ten,) = models_of({"m": "A" * 9}), models_of({"m": "A" * 10})
    assert (nine.always, ten.always) == (None, "A")


def test_models_that_guess_are_named_once():
    guesses = "".join(random.Random(5).choices("ABCD", k=100))
    text = section_6({"m": guesses, "n": RIGHT, "o": guesses})
    assert text.count("m, o are not distinguishable from guessing: nothing is concluded from differences between their") == 1
    assert "nothing is concluded" not in section_6({"n": RIGHT})


def test_a_preference_for_letters_is_told_from_chance():
    leaning = "".join("A" if index % 5 < 2 else gold for index, gold in enumerate(RIGHT))
    text = section_6({"m": leaning, "n": half_right(3)})
    assert "**Letters are preferred beyond chance** by m (shares p ≤ 0.001, recalls p " in text
    assert "**No preference beyond chance is shown** for n (shares p = " in text
    assert "| D | Standard deviation (by chance) |" in text and "| Model | Recall of A |" in text


def gap(**changes):
    return ConfidenceGap(**{"difference": 0.0, "low": -0.031, "high": 0.03, "p": 0.98, "clustered": False} | changes)


@pytest.mark.parametrize(
    ("gap", "sentence"),
    [
        (gap(), "**m** is not shown to be over- or underconfident: its mean confidence is 71.1% and its accuracy 50.0%, which "
         "match within 3.1 points (difference 0.0 points, 95% interval -3.1 to 3.0 points; t-test over questions, p = 0.98)."),
        (gap(difference=0.1, low=0.05, high=0.15, p=0.001, clustered=True), "**m** is overconfident: its mean confidence is "
         "71.1% and its accuracy 50.0% (difference 10.0 points, 95% interval 5.0 to 15.0 points; t-test clustered by subject"),
        (gap(difference=-0.1, low=-0.15, high=-0.05, p=0.001), "**m** is underconfident: "),
        (gap(difference=0.04, low=-0.001, high=0.081, p=0.051), "**m** is not shown to be over- or underconfident: "),
        (None, "**m** is right or wrong too rarely for a test of its confidence: its mean confidence is 71.1%"),
    ],
)  # fmt: skip
def test_confidence_is_compared_with_accuracy_by_a_test(gap, sentence):
    (model,) = models_of({"m": half_right(1)}, change={"best_letter": models_of({"m": HALF_EXACTLY})[0].best_letter})
    calibration = model.calibration.model_copy(update={"gap": gap})
    assert confidence.confidence(model, calibration).startswith(sentence)


def test_the_confidence_of_few_questions_is_only_described():
    (model,) = models_of({"m": half_right(1)[:99]})
    assert confidence.confidence(model, model.calibration).startswith("**m** answered too few questions for a test: its mean")


def test_the_calibration_errors_table_has_its_interval_and_that_of_chance():
    text = section_6({"m": half_right(1)})
    assert "| Model | Mean confidence | Accuracy | Calibration error (95% interval) | Calibrated model |" in text
    assert "Its calibration error is larger than a calibrated model's (" in text and "by chance, p ≤ 0.0005)" in text


def test_a_model_asked_in_every_order_has_its_consistency_beside_its_letters():
    study = results.study(["m", "n"], ["anatomy"])
    analysis = results.analysis(*results.merged(study, {model: {"anatomy": half_right(1)} for model in "mn"}))
    # Always the letter A, which stands for another choice in each order; or always the first choice.
    records = [protocols.in_orders(protocols.question("anatomy", n), "AAAA" if n else "ADCB") for n in range(4)]
    effects = order_effects("m", records)
    orders = ProtocolAnalysis(families=[], cloze=[], orders=[effects])
    part = letters.part(analysis.model_copy(update={"protocols": orders}), ["m"], generated=True)
    assert part.recall_headings[-1] == "Same choice in every order"
    assert [row[-1] for row in part.recalls] == ["25.0%", "—"]
    assert "Same choice in every order" not in letters.part(analysis, ["m"], generated=True).recall_headings


def test_numbers_that_round_to_zero_have_no_sign():
    assert cells.points(-0.0004) == "0.0 points" and cells.decimals(2)(-0.001) == "0.00"
    assert points_range(-0.0004, 0.05) == "0.0 to 5.0 points"


def test_the_corrected_p_value_of_the_smallest_one_of_random_draws_is_a_bound():
    assert cells.corrected(0.0015, 1 / 2000, 1999) == "p ≤ 0.0015"
    assert cells.corrected(0.012, 0.004, 1999) == "p = 0.012" and cells.corrected(None, None, 1999) == "—"
    answers = {subject: RIGHT if place % 2 else half_right(place) for place, subject in enumerate(SUBJECTS[:4])}
    merged = results.merged(results.study(["m", "n"], list(answers)), {"m": answers, "n": answers})
    parts = tables(results.report(*merged), "### Are Mistakes Random, or Systematic?")
    (table,) = [rows for rows in parts if "(df)" in rows[0][1]]
    assert table[1][2:] == table[2][2:] == ["p ≤ 0.0005", "p ≤ 0.001"]


def test_recalls_alone_may_differ_beyond_chance():
    """A and D are always found, B and C never; each letter is chosen as often."""
    swapped = {"A": "A", "B": "C", "C": "B", "D": "D"}
    text = section_6({"m": "".join(swapped[letter] for letter in RIGHT)})
    assert "- **Right answers are found more often under some letters**, while none is chosen more often" in text
    assert "No preference beyond chance is shown" not in text


def test_copies_of_a_model_hide_whether_models_agree_on_subjects():
    answers = {"m": half_right(1), "n": half_right(1)}
    study = results.study(list(answers), list(SUBJECTS[:3]))
    by_subject = {
        model: {subject: letters[10 * place :][:60] for place, subject in enumerate(SUBJECTS[:3])}
        for model, letters in answers.items()
    }
    text = results.report(*results.merged(study, by_subject))
    assert "1.00 with shuffled subjects; permutation test, p = 1). These models answer so much alike that they would" in text


def test_the_alternative_text_of_how_many_models_missed_a_question_has_its_numbers():
    text = section_6({"m": HALF_1, "n": HALF_2})
    assert (
        "if mistakes were independent: 0 of 2 models 25; 1 of 2 models 75; 2 of 2 models 0](figures/models_wrong.png)" in text
    )
