"""The audit: judges every claim of the writeup by the writeup's own published numbers and by a run's results."""

from collections.abc import Callable, Iterable, Mapping

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims import chats, hardware, models, rankings, speed, subjects, times
from mmlu_kit.claims.comparison import compare
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.published_evidence import published_evidence
from mmlu_kit.claims.reference import Claim, Claims, Published
from mmlu_kit.claims.run_evidence import run_evidence
from mmlu_kit.claims.verdicts import Untestable
from mmlu_kit.results.merged import Merged
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion


def cannot_be_tested(evidence: Evidence, because: str) -> Judgement:
    """Raise Untestable, for a claim that neither published numbers nor a run's results can test."""
    raise Untestable(because)


PREDICATES: Mapping[str, Callable[..., Judgement]] = {
    predicate.__name__: predicate
    for predicate in (
        models.rises_with_size,
        models.ratios,
        models.at_chance,
        models.above_chance,
        models.is_often_unparsed,
        models.are_wrong_together,
        models.is_hard_for_both,
        subjects.has_subjects,
        subjects.is_lowest_everywhere,
        subjects.has_rank_from_hardest,
        subjects.are_hardest_everywhere,
        subjects.is_below_average_everywhere,
        subjects.is_among_best,
        subjects.is_strong,
        rankings.subjects_agree,
        rankings.differ_systematically,
        rankings.is_the_exception,
        times.same_questions_each_run,
        times.same_answers_each_run,
        times.real_time_varies,
        times.waiting_explains_variation,
        times.user_time_is_steady,
        times.user_over_real,
        times.all_cores_busy,
        times.cpu_over_real,
        times.every_result_is_timed,
        hardware.ran_as,
        hardware.ran_as_setup,
        hardware.were_not_run,
        hardware.cannot_quantize_on_cpu,
        hardware.are_similar_in_size,
        hardware.can_run,
        hardware.cannot_run_larger,
        speed.has_no_benefit,
        speed.quantizing_gains,
        speed.is_faster,
        chats.outgrows_context,
        chats.strategies_compared,
        chats.history_helps,
        chats.remembers,
        chats.tokens_grow,
        cannot_be_tested,
    )
}


def audit(merged: Merged, analysis: AnalysisFile, published: Published, claims: Claims) -> ClaimsFile:
    """Return the content of claims.json, from a run's merged.json and analysis.json and the reference."""
    run = run_evidence(merged, analysis, published)
    return ClaimsFile(
        study=merged.study.name,
        same_models=run.same_models,
        claims=judge(claims.claims, published_evidence(published), run),
        numbers=compare(published, merged),
    )


def judge(claims: Iterable[Claim], published: Evidence, run: Evidence) -> list[ClaimResult]:
    """Return each claim with its verdicts by the published numbers and by the run's results."""
    return [
        ClaimResult(
            id=claim.id,
            section=claim.section,
            text=claim.text,
            tested=claim.tested_in_words(),
            published=judge_claim(claim, published),
            run=judge_claim(claim, run),
        )
        for claim in claims
    ]


def judge_claim(claim: Claim, evidence: Evidence) -> Judgement:
    """Return a claim's verdict by one kind of evidence; the line of evidence says if the models are not the writeup's.

    Raises UserError if the claim's predicate does not exist.
    """
    if claim.predicate not in PREDICATES:
        known = suggestion(claim.predicate, PREDICATES)
        raise UserError(f"claims.yaml: {claim.id}: there is no predicate '{claim.predicate}'; {known}")
    try:
        judgement = PREDICATES[claim.predicate](evidence, **claim.parameters)
    except Untestable as reason:
        return Judgement(verdict=ClaimVerdict.NOT_TESTABLE, evidence=str(reason))
    if evidence.same_models:
        return judgement
    return judgement.model_copy(update={"evidence": f"{judgement.evidence} (this study's own models, not the writeup's)"})
