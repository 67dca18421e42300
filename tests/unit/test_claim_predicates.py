"""Predicates of claims on models, subjects and questions, tried on made-up runs that fit the claim and on others."""

import pytest
from mmlu_kit.analysis.pair_document import McNemar, PairAnalysis
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimVerdict
from mmlu_kit.user_errors import UserError

from tests.helpers import audits
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict


def correct(**counts):
    """Return the totals that change right answers by subject."""
    return {subject: {"correct": count} for subject, count in counts.items()}


def pair(first, second, kappa=0.5, both_wrong=40, expected=30.0, only_first=10, only_second=20):
    """Return the analysis of two of the writeup's models on 100 questions."""
    return PairAnalysis(
        models=(audits.model_name(first), audits.model_name(second)),
        questions=100,
        both_wrong=both_wrong,
        both_wrong_expected=expected,
        kappa=kappa,
        kappa_max=0.8,
        capa=None,
        same_wrong=0,
        same_wrong_rate=None,
        same_wrong_null=None,
        same_wrong_p=None,
        mcnemar=McNemar(only_first=only_first, only_second=only_second, p=1, p_holm=1),
        smallest_difference=None,
    )


@pytest.mark.parametrize(
    ("claim", "run", "verdict", "words"),
    [
        # Models
        ("scales-with-size", audits.run("0.5B", "1.5B", "3B"), HOLDS, "0.5B 9.1%"),
        ("scales-with-size", audits.run("0.5B", "3B", totals=correct(anatomy=80)), HOLDS, "3B"),
        ("3b-against-0.5b", audits.run("0.5B", "3B", real_s=100), DOES_NOT_HOLD, "1.7 min / 1.7 min = 1.00×"),
        ("3b-against-0.5b", audits.run("0.5B", "3B"), HOLDS, "= 6.89×"),
        ("3b-against-0.5b", audits.run("3B"), NOT_TESTABLE, "no result of Qwen2.5-0.5B-Instruct"),
        (
            "near-random",
            audits.run("0.5B", totals=correct(anatomy=60, clinical_knowledge=100, college_medicine=90)),
            HOLDS,
            "25.0%",
        ),
        ("near-random", audits.run("0.5B"), DOES_NOT_HOLD, "9.1%"),
        ("genuine-knowledge", audits.run("1.5B"), HOLDS, "p < 0.0001"),
        (
            "genuine-knowledge",
            audits.run("1.5B", totals=correct(**dict.fromkeys(audits.PUBLISHED.questions, 20))),
            DOES_NOT_HOLD,
            "14.6%",
        ),
        ("cannot-parse", audits.run("0.5B", totals={"anatomy": {"parsed": 10}}), HOLDS, "1244 of 1369"),
        ("cannot-parse", audits.run("0.5B"), DOES_NOT_HOLD, "1369 of 1369"),
        # Subjects
        ("ten-subjects", audits.run("0.5B", "3B"), HOLDS, "2 models on 10 subjects"),
        ("ten-subjects", audits.run("3B"), DOES_NOT_HOLD, "1 model on"),
        (
            "ten-subjects",
            audits.run("3B", totals={"anatomy": {"questions": 50, "correct": 5, "correct_generated": 5, "parsed": 50}}),
            NOT_TESTABLE,
            "50 questions here",
        ),
        ("mathematics-lowest", audits.run("3B", "7B"), HOLDS, "2 of 2 models"),
        ("mathematics-lowest", audits.run("0.5B", "7B"), DOES_NOT_HOLD, "1 of 2 models; 0.5B reaches 3.0% on abstract_algebra"),
        ("algebra-second", audits.run("3B"), HOLDS, "rank 2 from the hardest"),
        ("algebra-second", audits.run("1.5B"), DOES_NOT_HOLD, "rank 1 from the hardest"),
        ("hardest-three", audits.run("3B", "7B"), HOLDS, "2 of 2 models"),
        ("hardest-three", audits.run("0.5B", "7B"), DOES_NOT_HOLD, "college_chemistry has rank 8 for 0.5B"),
        ("chemistry-below-average", audits.run("3B", "7B"), HOLDS, "3B 46.0%, mean 60.0%"),
        ("chemistry-below-average", audits.run("0.5B"), DOES_NOT_HOLD, "11.0%, mean 8.9%"),
        ("ethics-near-highest", audits.run("1.5B", "3B"), HOLDS, "1 for 1.5B"),
        ("ethics-near-highest", audits.run("3B", "14B"), DOES_NOT_HOLD, "5 for 14B"),
        ("biology-high", audits.run("0.5B", "7B"), HOLDS, "1 for 7B"),
        ("biology-high", audits.run("7B", totals=correct(college_biology=30)), DOES_NOT_HOLD, "9 for 7B"),
        ("biology-high", audits.run("0.5B"), NOT_TESTABLE, "2.50 B or more parameters"),
        ("astronomy-strong", audits.run("1.5B", "3B"), HOLDS, "1.5B 59.2%"),
        ("astronomy-strong", audits.run("0.5B"), DOES_NOT_HOLD, "9.2%"),
        ("astronomy-strong", audits.run("7B"), NOT_TESTABLE, "0 models on cpu"),
        ("rank-order", audits.run("1.5B", "3B", "7B"), HOLDS, "over 3 models"),
        ("rank-order", audits.run("0.5B", "3B"), DOES_NOT_HOLD, "0.10"),
        ("rank-order", audits.run("3B"), NOT_TESTABLE, "1 model here"),
        ("systematic", audits.run("1.5B", "3B", "7B"), HOLDS, "3 models"),
        ("systematic", audits.run("0.5B", "3B"), DOES_NOT_HOLD, "p = "),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B", "3B"), HOLDS, "0.5B and 1.5B 0.15"),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B", "3B", totals=correct(anatomy=100)), HOLDS, "1.5B and 3B"),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B"), NOT_TESTABLE, "no other model"),
        # Questions
        ("greedy", audits.run("3B"), NOT_TESTABLE, "sampling"),
    ],
)
def test_a_claim_on_a_made_up_run(claim, run, verdict, words):
    judgement = judge(claim, run)
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


def test_models_whose_intervals_overlap_do_not_scale_strongly():
    larger = audits.model_name("1.5B")
    run = audits.with_counts(audits.run("0.5B", "1.5B"), lambda result: {"correct": 50 + (result.model == larger)})
    assert judge("scales-with-size", run).verdict == DOES_NOT_HOLD


def test_no_ratio_is_taken_to_a_model_without_a_right_answer():
    nothing = dict.fromkeys(audits.PUBLISHED.questions, 0)
    assert "no right answer" in judge("3b-against-0.5b", audits.run("0.5B", "3B", totals=correct(**nothing))).evidence


def test_another_step_with_a_different_ranking_is_an_exception_too():
    largest = audits.model_name("3B")
    places = {subject: place for place, subject in enumerate(audits.PUBLISHED.questions)}

    def counts(result):
        place = places[result.subject]
        return {"correct": 10 * (place % 3) + place} if result.model == largest else {}

    run = audits.with_counts(audits.run("0.5B", "1.5B", "3B"), counts)
    assert judge("jump-is-the-exception", run).verdict == DOES_NOT_HOLD


def test_shared_mistakes_are_measured_by_kappa_relative_to_its_maximum():
    run = audits.run("1.5B", "3B", "7B")
    agreeing = [pair("1.5B", "3B", 0.5), pair("3B", "7B", 0.6)]
    judgement = judge("same-questions", run, agreeing)
    assert judgement.verdict == HOLDS
    assert "both wrong on 40 of 100 questions, 30 if independent; kappa 0.50 of at most 0.80" in judgement.evidence
    assert judge("same-questions", run, [*agreeing, pair("1.5B", "7B", 0.39)]).verdict == DOES_NOT_HOLD
    assert judge("same-questions", run, [pair("1.5B", "3B", None)]).verdict == NOT_TESTABLE


def test_questions_hard_for_the_smaller_model_may_be_hard_for_the_larger():
    run = audits.run("1.5B", "3B")
    judgement = judge("hard-for-both", run, [pair("1.5B", "3B")])  # 40 of 60 missed, 30 expected
    assert judgement.verdict == HOLDS
    assert "of 60 questions that 1.5B misses, 3B misses 66.7%, 50.0% if" in judgement.evidence
    judgement = judge("hard-for-both", run, [pair("3B", "1.5B")])  # now the first of the pair is the larger: 40 of 50
    assert "of 50 questions that 1.5B misses, 3B misses 80.0%" in judgement.evidence
    assert judge("hard-for-both", run, [pair("1.5B", "3B", both_wrong=10)]).verdict == DOES_NOT_HOLD
    assert judge("hard-for-both", run, [pair("1.5B", "3B", expected=45.0)]).verdict == DOES_NOT_HOLD
    assert judge("hard-for-both", run, []).verdict == NOT_TESTABLE


def test_a_claim_with_an_unknown_predicate_is_refused():
    claim = audits.CLAIMS["near-random"].model_copy(update={"predicate": "at_chanse"})
    with pytest.raises(UserError, match="near-random: there is no predicate 'at_chanse'; did you mean 'at_chance'"):
        audit.judge_claim(claim, audits.evidence(audits.run("0.5B")))
