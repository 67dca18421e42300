"""Predicates of claims on models, subjects and questions: on runs in which a claim plainly holds, plainly does not, and on runs
that are too small or too close to tell."""

from dataclasses import replace

import numpy
import pytest
from mmlu_kit.claims import audit, comparison, run_evidence
from mmlu_kit.claims.document import ClaimVerdict, NumberVerdict, Reading
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.statistics.two_by_two import NONE
from mmlu_kit.user_errors import UserError

from tests.helpers import audits
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict
SUBJECTS = list(audits.PUBLISHED.questions)
HARD, EASY = (
    ["college_mathematics", "abstract_algebra", "college_chemistry"],
    ["business_ethics", "astronomy", "college_biology"],
)
RISING = dict(zip(SUBJECTS, numpy.linspace(0.1, 0.9, 10), strict=True))
GENTLY = dict(zip(SUBJECTS, numpy.linspace(0.4, 0.6, 10), strict=True))
FALLING = dict(zip(SUBJECTS, numpy.linspace(0.9, 0.1, 10), strict=True))


def made(shares, real_s=None, questions=None, parsed=1.0):
    """Return a run of the writeup's models with these shares of right answers: for each model one, or one by subject.

    `parsed` is the share of readable answers, `questions` the number of each subject.
    """
    by_name = {audits.model_name(short): share for short, share in shares.items()}

    def counts(result):
        number = questions or result.totals.questions
        share = by_name[result.model]
        right = round(number * (share if isinstance(share, float) else share[result.subject]))
        return {"questions": number, "correct": right, "correct_generated": right, "parsed": max(right, round(number * parsed))}

    return audits.with_counts(audits.run(*shares, real_s=real_s), counts)


def but(share, **others):
    """Return one share for all subjects but some."""
    return {**dict.fromkeys(SUBJECTS, share), **others}


def of(subjects, share, rest):
    """Return one share for some subjects, and another for the rest."""
    return {subject: share if subject in subjects else rest for subject in SUBJECTS}


def slower(factor):
    """Return a run with the published answers in which 0.5B took this many times as long."""
    name = audits.model_name("0.5B")
    run = audits.run("0.5B", "3B")
    return audits.with_results(run, lambda result: {"real_s": result.real_s * (factor if result.model == name else 1)})


def on(subjects, run):
    """Return a run on some subjects alone."""
    study = run.study.model_copy(update={"subjects": subjects})
    results = [result for result in run.results if result.subject in subjects]
    return run.model_copy(update={"study": study, "results": results})


def with_another_subject(run, share):
    """Return a run with one more subject, which the writeup lacks, with this share of right answers."""
    totals = Totals(questions=300, guessed=75.0, correct=0, correct_generated=0, parsed=300)
    right = round(300 * share)
    totals = totals.model_copy(update={"correct": right, "correct_generated": right})
    others = [
        result.model_copy(update={"subject": "virology", "totals": totals})
        for result in run.results
        if result.subject == "anatomy"
    ]
    study = run.study.model_copy(update={"subjects": [*run.study.subjects, "virology"]})
    return run.model_copy(update={"study": study, "results": [*run.results, *others]})


CASES = [
    # Section 3
    ("ten-subjects", audits.run("0.5B", "3B"), {}, HOLDS, "2 models on 10 subjects"),
    ("ten-subjects", audits.run("3B"), {}, DOES_NOT_HOLD, "1 model on"),
    ("ten-subjects", made({"3B": 0.5}, questions=50), {}, NOT_TESTABLE, "50 questions here"),
    # Accuracy
    ("scales-with-size", made({"0.5B": 0.3, "1.5B": 0.45, "7B": 0.6}), {}, HOLDS, "+15.0 points"),
    ("scales-with-size", made({"0.5B": 0.3, "3B": 0.6, "7B": 0.5}), {}, DOES_NOT_HOLD, "-10.0 points from 3B to 7B (4-bit)"),
    ("scales-with-size", made({"0.5B": 0.3, "3B": 0.50, "7B": 0.51}), {"shared": 0}, CANNOT_BE_TOLD, "from 3B to 7B (4-bit)"),
    ("scales-with-size", made({"0.5B": 0.3, "3B": 0.51, "7B": 0.50}), {"shared": 0}, CANNOT_BE_TOLD, "from 3B to 7B (4-bit)"),
    ("scales-with-size", made({"3B": 0.3}), {}, NOT_TESTABLE, "1 model here"),
    ("3b-against-0.5b", audits.run("0.5B", "3B"), {}, HOLDS, "= 6.89× (5.85× to 8.10×); 145.2 min / 20.3 min = 7.15×"),
    ("3b-against-0.5b", made({"0.5B": 0.4, "3B": 0.6}), {}, DOES_NOT_HOLD, "= 1.50×"),
    ("3b-against-0.5b", audits.run("0.5B", "3B", real_s=100), {}, DOES_NOT_HOLD, "1.7 min / 1.7 min = 1.00×"),
    ("3b-against-0.5b", slower(1.3), {}, CANNOT_BE_TOLD, "145.2 min / 26.4 min = 5.50×"),  # a ratio that is reproduced
    ("3b-against-0.5b", slower(1.6), {}, DOES_NOT_HOLD, "= 4.47×"),
    ("3b-against-0.5b", made({"0.5B": 0.1, "3B": 0.7}, questions=10), {}, CANNOT_BE_TOLD, "= 7.00× ("),
    ("3b-against-0.5b", made({"0.5B": 0.0, "3B": 0.7}), {}, NOT_TESTABLE, "0.5B has no right answer"),
    ("3b-against-0.5b", audits.run("3B"), {}, NOT_TESTABLE, "no result of Qwen2.5-0.5B-Instruct"),
    ("near-random", made({"0.5B": 0.25}), {}, HOLDS, "without regard to the question 25.0%"),
    ("near-random", made({"0.5B": 0.4}), {}, DOES_NOT_HOLD, "25.0% (p ≤ 0.001)"),
    ("near-random", made({"0.5B": 0.3}, questions=10), {}, CANNOT_BE_TOLD, "30.0%"),
    ("near-random", audits.run("3B"), {}, NOT_TESTABLE, "no result of Qwen2.5-0.5B-Instruct"),
    ("genuine-knowledge", audits.run("3B"), {}, NOT_TESTABLE, "no result of Qwen2.5-1.5B-Instruct"),
    ("genuine-knowledge", audits.run("1.5B"), {}, HOLDS, "above guessing p < 0.0001"),
    ("genuine-knowledge", made({"1.5B": 0.1}), {}, DOES_NOT_HOLD, "9.9%"),
    ("genuine-knowledge", made({"1.5B": 0.25}), {}, DOES_NOT_HOLD, "25.0%"),
    ("genuine-knowledge", made({"1.5B": 0.3}, questions=10), {}, CANNOT_BE_TOLD, "30.0%"),
    ("cannot-parse", made({"0.5B": 0.1}, parsed=0.4), {}, HOLDS, "40.0%"),
    ("cannot-parse", made({"0.5B": 0.1}, parsed=0.94), {}, DOES_NOT_HOLD, "94."),
    ("cannot-parse", made({"0.5B": 0.1}, parsed=0.8), {}, CANNOT_BE_TOLD, "80."),
    ("cannot-parse", audits.run("3B"), {}, NOT_TESTABLE, "no result of Qwen2.5-0.5B-Instruct"),
    # Subjects
    ("hardest-three", made({"3B": of(HARD, 0.2, 0.6), "7B": of(HARD, 0.3, 0.7)}), {}, HOLDS, "hardest for 2 of 2 models"),
    ("hardest-three", made({"3B": of(HARD, 0.2, 0.6), "7B": of(HARD, 0.6, 0.3)}), {}, DOES_NOT_HOLD, "untrue of 7B (4-bit)"),
    ("hardest-three", audits.run("3B"), {}, CANNOT_BE_TOLD, "hardest for 1 of 1 model"),
    ("mathematics-lowest", made({"3B": but(0.6, college_mathematics=0.2)}), {}, HOLDS, "true of 1 of 1 model"),
    ("mathematics-lowest", made({"3B": but(0.6, anatomy=0.2)}), {}, DOES_NOT_HOLD, "3B reaches"),
    ("mathematics-lowest", audits.run("3B"), {}, CANNOT_BE_TOLD, "lowest for 1 of 1 model"),
    ("algebra-second", made({"3B": but(0.8, abstract_algebra=0.4, anatomy=0.1)}), {}, HOLDS, "2 (2 to 2) for 3B"),
    ("algebra-second", made({"3B": but(0.8, abstract_algebra=0.1, anatomy=0.4)}), {}, DOES_NOT_HOLD, "1 (1 to 1) for 3B"),
    ("algebra-second", audits.run("3B"), {}, CANNOT_BE_TOLD, "2 (1 to "),
    ("chemistry-below-average", made({"3B": but(0.6, college_chemistry=0.3)}), {}, HOLDS, "3B 30.0% against 60.0%"),
    ("chemistry-below-average", made({"3B": but(0.6, college_chemistry=0.9)}), {}, DOES_NOT_HOLD, "untrue of 3B"),
    ("chemistry-below-average", made({"3B": but(0.6, college_chemistry=0.55)}), {}, CANNOT_BE_TOLD, "true of 0 of 1 model"),
    ("easiest-three", made({"3B": of(EASY, 0.9, 0.5)}), {}, HOLDS, "easiest for 1 of 1 model"),
    ("easiest-three", made({"3B": of(EASY, 0.5, 0.9)}), {}, DOES_NOT_HOLD, "untrue of 3B"),
    ("easiest-three", audits.run("3B"), {}, CANNOT_BE_TOLD, "easiest for 1 of 1 model"),
    ("ethics-near-highest", made({"3B": of(EASY, 0.9, 0.5)}), {}, HOLDS, "3 (1 to 3) for 3B"),
    ("ethics-near-highest", made({"3B": but(0.8, business_ethics=0.3)}), {}, DOES_NOT_HOLD, "10 (10 to 10) for 3B"),
    ("ethics-near-highest", made({"3B": 0.6}), {}, CANNOT_BE_TOLD, " to 10) for 3B"),
    ("astronomy-strong", made({"3B": but(0.5, astronomy=0.8)}), {}, HOLDS, "others 50"),
    ("astronomy-strong", audits.run("0.5B"), {}, DOES_NOT_HOLD, "0.5B 9.2%"),
    ("astronomy-strong", made({"3B": but(0.5, astronomy=0.51)}), {}, CANNOT_BE_TOLD, "3B 51."),
    ("astronomy-strong", audits.run("7B"), {}, NOT_TESTABLE, "0 models on cpu"),
    ("biology-high", made({"0.5B": 0.1, "7B": of(EASY, 0.9, 0.5)}), {}, HOLDS, "for 7B (4-bit); beyond chance, true of 1 of 1"),
    ("biology-high", made({"7B": but(0.8, college_biology=0.3)}), {}, DOES_NOT_HOLD, "10 (10 to 10)"),
    ("biology-high", audits.run("3B"), {}, CANNOT_BE_TOLD, "3 (1 to "),
    ("biology-high", audits.run("0.5B"), {}, NOT_TESTABLE, "2.50 B or more parameters"),
    # Rankings of subjects
    ("rank-order", made({"1.5B": RISING, "3B": RISING}), {}, HOLDS, "over 2 models"),
    ("rank-order", made({"0.5B": FALLING, "1.5B": RISING, "3B": RISING}), {}, HOLDS, "without 0.5B, which the claim exempts"),
    ("rank-order", made({"1.5B": RISING, "3B": FALLING}), {}, DOES_NOT_HOLD, "-1.00"),
    ("rank-order", made({"1.5B": RISING, "3B": GENTLY}, questions=20), {}, CANNOT_BE_TOLD, "from"),
    ("rank-order", audits.run("3B"), {}, NOT_TESTABLE, "1 model here"),
    ("systematic", made({"1.5B": RISING, "3B": RISING}), {}, HOLDS, "p ≤ 0.0005"),
    ("systematic", made({"1.5B": FALLING, "3B": RISING}), {}, DOES_NOT_HOLD, "Kendall's W 0.00"),
    (
        "systematic",
        made({"1.5B": GENTLY, "3B": GENTLY}, questions=8),
        {"shared": 0},
        CANNOT_BE_TOLD,
        "mean accuracy of 2 models: p = 0.",
    ),
    ("systematic", made({"1.5B": 0.5, "3B": 0.5}), {}, CANNOT_BE_TOLD, "W 1.00, 1.00 with shuffled subjects"),  # copies
    ("systematic", audits.run("3B"), {}, NOT_TESTABLE, "1 model here"),
    ("jump-is-the-exception", made({"0.5B": FALLING, "1.5B": RISING, "3B": RISING}), {}, HOLDS, "0.5B and 1.5B -1.00"),
    ("jump-is-the-exception", made({"0.5B": RISING, "1.5B": RISING, "3B": FALLING}), {}, DOES_NOT_HOLD, "1.5B and 3B -1.00"),
    ("jump-is-the-exception", made({"0.5B": GENTLY, "1.5B": RISING, "3B": RISING}, questions=20), {}, CANNOT_BE_TOLD, ""),
    ("jump-is-the-exception", audits.run("0.5B", "1.5B"), {}, NOT_TESTABLE, "no other model"),
    # Questions
    (
        "same-questions",
        audits.run("1.5B", "3B", "7B"),
        {},
        HOLDS,
        "3 pairs of models on 1369 questions: kappa is on average 0.97",
    ),
    ("same-questions", made({"1.5B": 0.5, "3B": 0.5}), {"shared": 0}, DOES_NOT_HOLD, "1 pair"),
    ("same-questions", made({"1.5B": 0.5, "3B": 0.5}, questions=4), {"shared": 0.6}, CANNOT_BE_TOLD, "40 questions"),
    ("same-questions", made({"1.5B": 1.0, "3B": 1.0}), {}, NOT_TESTABLE, "always right"),
    ("same-questions", audits.run("3B"), {}, NOT_TESTABLE, "1 model here to compare"),
    ("hard-for-both", made({"1.5B": 0.4, "3B": 0.5}), {}, HOLDS, "misses 83"),
    ("hard-for-both", made({"1.5B": 0.4, "3B": 0.9}), {}, DOES_NOT_HOLD, "misses 16"),
    ("hard-for-both", made({"1.5B": 0.4, "3B": 0.4}), {"shared": 0}, CANNOT_BE_TOLD, "independent within subject"),
    ("hard-for-both", made({"1.5B": 1.0, "3B": 0.4}), {}, NOT_TESTABLE, "misses no question"),
    ("reasoning-against-recall", made({"3B": of(HARD, 0.3, 0.7)}), {}, HOLDS, "3B 30.0% against 69.9%"),
    ("reasoning-against-recall", made({"3B": of(HARD, 0.7, 0.3)}), {}, DOES_NOT_HOLD, "untrue of 3B"),
    ("reasoning-against-recall", made({"3B": of(HARD, 0.5, 0.52)}), {}, CANNOT_BE_TOLD, "true of 0 of 1 model"),
    ("intrinsic-difficulty", audits.run("3B"), {}, NOT_TESTABLE, "one family"),
]


@pytest.mark.parametrize(
    ("claim", "run", "made_up", "verdict", "words"),
    CASES,
    ids=[f"{case[0]}: {case[3]} {number}" for number, case in enumerate(CASES)],
)
def test_a_claim_on_a_made_up_run(claim, run, made_up, verdict, words):
    judgement = judge(claim, run, **made_up)
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


def test_every_claim_on_answers_has_a_run_in_which_it_holds_does_not_and_is_not_shown():
    verdicts = {claim: {verdict for name, _, _, verdict, _ in CASES if name == claim} for claim in audits.CLAIMS}
    on_times = {"cpu-time-8-times", "comparable-size", "gpu-26-times"}
    for claim in audits.CLAIMS.values():
        if claim.section in {"4", "5", "6"} and claim.id not in on_times and claim.predicate != "cannot_be_tested":
            assert {HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD} <= verdicts[claim.id], claim.id


FEW = ["college_mathematics", "abstract_algebra", "college_chemistry", "business_ethics", "astronomy", "college_biology"]


@pytest.mark.parametrize(
    "claim",
    [
        "hardest-three",
        "mathematics-lowest",
        "algebra-second",
        "chemistry-below-average",
        "easiest-three",
        "ethics-near-highest",
        "astronomy-strong",
        "biology-high",
    ],
)
def test_some_of_the_subjects_do_not_tell_which_are_the_hardest_or_easiest_of_all(claim):
    judgement = judge(claim, on(FEW, made({"3B": of(HARD, 0.2, 0.9)})))
    assert judgement.verdict == NOT_TESTABLE
    lacking = "anatomy, clinical_knowledge, college_computer_science, college_medicine"
    assert judgement.evidence.startswith(f"no result here on {lacking}, with which ")


def test_a_model_that_lacks_subjects_is_left_out_by_name():
    run = made({"1.5B": of(HARD, 0.2, 0.6), "3B": of(HARD, 0.2, 0.6)})
    name = audits.model_name("1.5B")
    run = run.model_copy(update={"results": [each for each in run.results if (each.model, each.subject) != (name, "anatomy")]})
    judgement = judge("hardest-three", run)
    assert judgement.verdict == HOLDS
    assert judgement.evidence.startswith(
        "the hardest for 1 of 1 model; without models that lack some of the publication's subjects: 1.5B; beyond chance, "
    )
    # What compares these subjects alone needs no others.
    assert "2 of 2 models" in judge("reasoning-against-recall", run).evidence


def test_the_baseline_is_no_model_of_claims_on_all_models():
    run, more = audits.run("0.5B", "1.5B", "3B"), audits.run("0.5B", "1.5B", "3B", "Llama")
    for claim in ("ten-subjects", "scales-with-size", "systematic", "rank-order", "same-questions", "times-recorded"):
        assert judge(claim, more) == judge(claim, run), claim


def test_a_study_of_its_own_subjects_is_tested_on_all_of_them():
    run = on(SUBJECTS[:5], with_another_subject(audits.run("0.5B", "3B"), 0.5))
    assert judge("ten-subjects", run).evidence == "2 models on 5 subjects each"
    more = with_another_subject(on(SUBJECTS[:5], audits.run("0.5B", "3B")), 0.5)
    assert judge("ten-subjects", more).evidence == "2 models on 6 subjects each"


@pytest.mark.parametrize("claim", ["systematic", "rank-order", "same-questions", "jump-is-the-exception"])
def test_a_model_with_two_subjects_leaves_the_others_comparable(claim):
    run, few = audits.run("0.5B", "1.5B", "3B", "7B"), audits.model_name("7B")
    kept = [result for result in run.results if result.model != few or result.subject in SUBJECTS[:2]]
    judgement = judge(claim, run.model_copy(update={"results": kept}))
    expected = judge(claim, audits.run("0.5B", "1.5B", "3B"))
    assert judgement.verdict == expected.verdict != NOT_TESTABLE
    left_out = "; without models that lack some of the publication's subjects: 7B (4-bit)"
    assert judgement.evidence == expected.evidence + left_out


def test_subjects_that_the_publication_lacks_do_not_count():
    run = audits.run("0.5B", "3B")
    more = with_another_subject(run, 0.0)
    for claim in ("3b-against-0.5b", "ten-subjects", "mathematics-lowest", "rank-order", "genuine-knowledge", "near-random"):
        assert judge(claim, more) == judge(claim, run), claim
    ratio = next(number for number in comparison.compare(audits.PUBLISHED, more) if number.id.endswith("ratio of accuracies"))
    assert ratio.verdict == NumberVerdict.REPRODUCED


def test_a_model_with_other_questions_that_no_claim_is_about_leaves_the_claims_testable():
    run = audits.run("3B", "7B")
    few = audits.with_counts(run, lambda result: {"questions": 200, "correct": 9, "correct_generated": 9, "parsed": 200})
    other = audits.model_name("7B")
    mixed = [here if here.model == other else there for here, there in zip(few.results, run.results, strict=True)]
    groups = [group.model_copy(update={"models": [audits.model_name("3B")]}) for group in run.study.groups]
    study = run.study.model_copy(update={"groups": groups})
    judgement = judge("chemistry-below-average", run.model_copy(update={"results": mixed, "study": study}))
    assert judgement.verdict == HOLDS and judgement.evidence.startswith("3B 46.0% against 63.7%")


def test_models_that_answered_different_questions_are_not_compared():
    run = audits.run("0.5B", "3B")
    small, large = (audits.model_name(short) for short in ("0.5B", "3B"))
    halves = {small: SUBJECTS[:5], large: SUBJECTS[5:]}
    run = run.model_copy(update={"results": [each for each in run.results if each.subject in halves[each.model]]})
    judgement = judge("scales-with-size", run)
    assert judgement.verdict == NOT_TESTABLE and "no question in common" in judgement.evidence
    assert judge("3b-against-0.5b", run).evidence == "the two times are of 617 and 752 questions"


CONSTANT = {audits.model_name(short): "D" for short in ("0.5B", "1.5B", "3B")}


@pytest.mark.parametrize("claim", ["hardest-three", "rank-order", "same-questions", "hard-for-both", "chemistry-below-average"])
def test_nothing_follows_from_models_that_always_choose_one_letter(claim):
    judgement = judge(claim, made({"1.5B": 0.25, "3B": 0.25}), always=CONSTANT)
    assert judgement.verdict == NOT_TESTABLE and "one letter: 1.5B (D), 3B (D)" in judgement.evidence


@pytest.mark.parametrize("claim", ["rank-order", "same-questions", "hard-for-both"])
def test_nothing_follows_from_what_models_miss_that_guess_at_random(claim):
    run, random = audits.run("1.5B", "3B", "7B"), numpy.random.default_rng(2)
    judgement = audit.judge_claim(audits.CLAIMS[claim], audits.evidence_of_letters(run, random))
    assert judgement.verdict == CANNOT_BE_TOLD
    assert "chosen its letters without regard to the question: 1.5B, 3B" in judgement.evidence


def test_a_model_that_guesses_is_left_out_by_name():
    run, random = audits.run("1.5B", "3B", "7B"), numpy.random.default_rng(2)
    evidence = audits.evidence_of_letters(run, random, audits.model_name("1.5B"))
    judgement = audit.judge_claim(audits.CLAIMS["same-questions"], evidence)
    assert judgement.verdict == HOLDS and judgement.evidence.startswith("1 pair of models")
    assert judgement.evidence.endswith("; without models that may be guessing: 1.5B")
    assert audit.judge_claim(audits.CLAIMS["hard-for-both"], evidence).verdict == CANNOT_BE_TOLD


def test_a_model_that_nearly_always_answers_wrongly_does_not_guess():
    low, fair = (audits.evidence(made({"3B": share})).models[0].may_be_guessing for share in (0.1, 0.25))
    assert (low, fair) == (False, True)


@pytest.mark.parametrize(("share", "verdict"), [(1.0, HOLDS), (0.4, HOLDS), (0.01, CANNOT_BE_TOLD), (0.0, NOT_TESTABLE)])
def test_a_model_without_readable_answers_does_not_guess(share, verdict):
    random = numpy.random.default_rng(4)
    evidence = audits.evidence(audits.run("0.5B"))
    (model,) = evidence.models
    letters = numpy.where(random.random(1369) < share, random.integers(0, 4, 1369), NONE)
    answers = replace(model.answers, letters=letters)
    model = replace(model, answers=answers, total=replace(model.total, correct=int(answers.right.sum())))
    judgement = audit.judge_claim(audits.CLAIMS["near-random"], replace(evidence, models=(model,)))
    assert judgement.verdict == verdict
    assert ("answers with a letter, " in judgement.evidence) == (0 < share < 1)
    assert "no answer of 0.5B has a letter" in judgement.evidence or share


def test_models_left_out_are_named_where_too_few_are_left():
    judgement = judge("rank-order", audits.run("0.5B", "3B"))
    assert judgement.verdict == NOT_TESTABLE
    assert judgement.evidence == "1 model here, and a comparison needs two; without 0.5B, which the claim exempts"


def test_models_that_share_a_difficulty_by_subject_are_systematic_and_others_seldom_are():
    claim, random = audits.CLAIMS["systematic"], numpy.random.default_rng(5)
    run = made({"1.5B": 0.5, "3B": 0.5}, questions=20)
    verdicts = [audit.judge_claim(claim, audits.evidence_of_letters(run, random)).verdict for _ in range(200)]
    assert max(verdicts.count(HOLDS), verdicts.count(DOES_NOT_HOLD)) <= 14
    assert judge("systematic", made({"1.5B": RISING, "3B": RISING}), shared=0).verdict == HOLDS


def test_a_model_that_always_chooses_one_letter_has_no_knowledge_and_is_left_out_by_name():
    run = made({"1.5B": 0.25, "3B": RISING, "7B": RISING})
    knowledge = judge("genuine-knowledge", run, always=CONSTANT | {audits.model_name("3B"): "A"})
    assert knowledge.verdict == DOES_NOT_HOLD
    assert "25.0% (22.8% to 27.3%), nearly always D; guessing gives 25.0%, the same letters" in knowledge.evidence
    assert "regard to the question 24.9% (p = 1)" in knowledge.evidence
    few = judge("genuine-knowledge", made({"1.5B": 0.3}, questions=10), always=CONSTANT)
    assert few.verdict == CANNOT_BE_TOLD
    rising = {"0.5B": 0.1, "1.5B": 0.25}
    assert judge("scales-with-size", made(rising)).verdict == HOLDS
    scaling = judge("scales-with-size", made(rising), always={audits.model_name("1.5B"): "D"})
    assert scaling.verdict == CANNOT_BE_TOLD and "nearly always D" in scaling.evidence
    order = judge("rank-order", run, always={audits.model_name("1.5B"): "D"})
    assert order.verdict == HOLDS and "over 2 models" in order.evidence
    assert order.evidence.endswith("without models that nearly always choose one letter: 1.5B (D)")


def test_a_claim_is_judged_in_the_reading_in_which_it_was_made_and_the_other_is_beside_it():
    run = audits.with_counts(audits.run("0.5B", "3B"), lambda result: {"correct": round(0.6 * result.totals.questions)})
    generated, best = (audits.evidence(run, reading=reading) for reading in (Reading.GENERATED, Reading.BEST))
    claim = audits.CLAIMS["3b-against-0.5b"]
    judgement = audit.judge_claim(claim, generated, best)
    assert judgement.verdict == HOLDS and judgement.evidence.startswith("62.4% / 9.1% = 6.89×")
    assert "(by the best letter: does not hold, 60.0% / 60.0% = 1.00×" in judgement.evidence
    other = audit.judge_claim(claim, best, generated)
    assert other.verdict == DOES_NOT_HOLD and "(by the generated letter: holds, " in other.evidence
    assert "best letter" not in audit.judge_claim(audits.CLAIMS["comparable-size"], generated, best).evidence


def test_answers_are_read_as_published_first_and_by_the_best_letter_if_nothing_is_generated():
    def readings(run):
        return list(run_evidence.readings(run, audits.PUBLISHED, ()))

    assert readings(audits.run("3B")) == [Reading.GENERATED, Reading.BEST]
    cloze = audits.run("1.5B", preset="cloze")
    assert readings(cloze) == [Reading.BEST]
    assert judge("genuine-knowledge", cloze, reading=Reading.BEST).evidence.startswith("1.5B: 45.8%")
    (evidence,) = run_evidence.readings(cloze, audits.PUBLISHED, ()).values()
    assert audit.judge_claim(audits.CLAIMS["genuine-knowledge"], evidence).evidence.endswith(
        " (by the best letter, as models here generate none)"
    )
    assert "letter" not in audit.judge_claim(audits.CLAIMS["times-recorded"], evidence).evidence
    # Beside models that generate letters, a model without any is named so.
    assert judge("genuine-knowledge", cloze).evidence.startswith("1.5B (by the best answer): 45.8%")


def test_without_single_answers_counts_are_compared_and_shared_mistakes_are_not_tested():
    evidence = audits.published_counts(audits.run("0.5B", "3B"))
    assert audit.judge_claim(audits.CLAIMS["scales-with-size"], evidence).verdict == HOLDS
    judgement = audit.judge_claim(audits.CLAIMS["same-questions"], evidence)
    assert judgement.verdict == NOT_TESTABLE and "answers to single questions are not known" in judgement.evidence


def test_claims_seldom_hold_by_chance():
    """Where nothing is there: models that ignore the questions, that are independent, or equally accurate."""
    random = numpy.random.default_rng(11)
    run = made({"1.5B": 0.4, "3B": 0.4}, questions=20)
    alarms = dict.fromkeys(("hard-for-both", "genuine-knowledge", "scales-with-size"), 0)
    for _ in range(300):
        evidence = audits.evidence_of_letters(run, random)
        for claim in alarms:
            alarms[claim] += audit.judge_claim(audits.CLAIMS[claim], evidence).verdict == HOLDS
    assert max(alarms.values()) <= 21, alarms


def test_subjects_that_are_equally_hard_seldom_give_a_verdict():
    random = numpy.random.default_rng(12)
    run = audits.run("1.5B", "3B")
    claims = [
        "hardest-three",
        "mathematics-lowest",
        "algebra-second",
        "ethics-near-highest",
        "reasoning-against-recall",
        "rank-order",
    ]
    alarms = dict.fromkeys(((claim, verdict) for claim in claims for verdict in (HOLDS, DOES_NOT_HOLD)), 0)
    for _ in range(200):
        evidence = audits.evidence_of_counts(run, random, 0.6)
        for claim in claims:
            verdict = audit.judge_claim(audits.CLAIMS[claim], evidence).verdict
            if verdict != CANNOT_BE_TOLD:
                alarms[claim, verdict] += 1
    # That models do not rank equal subjects alike is no false alarm.
    del alarms["rank-order", DOES_NOT_HOLD]
    assert max(alarms.values()) <= 14, alarms


def test_of_many_exceptions_a_few_are_named():
    flat = dict.fromkeys(("0.5B", "1.5B", "3B"), of(HARD, 0.9, 0.5))
    line = judge("hardest-three", made(flat)).evidence
    assert line.count("has rank") == 5 and "college_chemistry has rank 8 for 0.5B" in line and "; and 4 more; beyond" in line


def test_no_subject_is_harder_than_itself():
    claim = audits.CLAIMS["reasoning-against-recall"]
    claim = claim.model_copy(update={"parameters": {**claim.parameters, "easier": ["college_chemistry"]}})
    judgement = audit.judge_claim(claim, audits.evidence(audits.run("3B")))
    assert judgement.verdict == NOT_TESTABLE and judgement.evidence == "college_chemistry cannot be harder than itself"


def test_a_claim_with_an_unknown_predicate_is_refused():
    claim = audits.CLAIMS["near-random"].model_copy(update={"predicate": "at_chanse"})
    with pytest.raises(UserError, match="near-random: there is no predicate 'at_chanse'; did you mean 'at_chance'"):
        audit.judge_claim(claim, audits.evidence(audits.run("0.5B")))
