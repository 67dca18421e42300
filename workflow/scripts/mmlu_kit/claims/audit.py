"""The audit: judges every claim of a publication by its own published numbers and by a run's results."""

from collections.abc import Iterable

from mmlu_kit.claims import predicates
from mmlu_kit.claims.comparison import compare
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.predicates import ON_ANSWERS, ON_SETUPS, PREDICATES
from mmlu_kit.claims.published_evidence import published_evidence
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.reference_claims import Claim, Claims
from mmlu_kit.claims.run_evidence import readings
from mmlu_kit.claims.verdicts import Untestable
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.results.merged import Merged


def audit(
    merged: Merged,
    published: Published,
    claims: Claims,
    outcomes: Iterable[Evaluation | NotRun] = (),
) -> ClaimsFile:
    """Return the content of claims.json, from a run's merged.json and the reference.

    `outcomes` are what merged.json is of; without them, no claim on single questions can be tested.
    """
    run, *other = readings(merged, published, outcomes).values()
    return ClaimsFile(
        study=merged.study.name,
        publication=published.publication,
        same_models=run.same_models,
        claims=judge(claims.claims, published_evidence(published), run, *other),
        numbers=compare(published, merged),
    )


def judge(claims: Iterable[Claim], published: Evidence, run: Evidence, other: Evidence | None = None) -> list[ClaimResult]:
    """Return each claim with its verdicts by the published numbers and by the run's results; `other` are these in another
    reading."""
    return [
        ClaimResult(
            id=claim.id,
            section=claim.section,
            text=claim.text,
            tested=claim.tested_in_words(),
            published=judge_claim(claim, published),
            run=judge_claim(claim, run, other),
        )
        for claim in claims
    ]


def judge_claim(claim: Claim, evidence: Evidence, other: Evidence | None = None) -> Judgement:
    """Return a claim's verdict by one kind of evidence; the line of evidence says if the models are not the publication's, and
    what `other`, the same evidence in another reading, says if that differs.

    Raises UserError if the claim's predicate does not exist or takes other parameters.
    """
    predicates.check(claim)
    judgement = _judge(claim, evidence)
    line, beside = judgement.evidence, _judge(claim, other) if other else judgement
    if other and beside != judgement:
        line += f" (by the {other.reading} letter: {beside.verdict}, {beside.evidence})"
    judged = judgement.verdict != ClaimVerdict.NOT_TESTABLE
    if judged and not other and not evidence.as_published and claim.predicate in ON_ANSWERS:
        line += f" (by the {evidence.reading} letter, as models here generate none)"
    timed = evidence.setups.other_model if evidence.setups and claim.predicate in ON_SETUPS else None
    if judged and evidence.same_models and timed:
        line += f" (timed: {timed}, which is not {evidence.publication}'s model)"
    if judged and not evidence.same_models:
        line += f" (this study's own models, not {evidence.publication}'s)"
    return judgement.model_copy(update={"evidence": line})


def _judge(claim: Claim, evidence: Evidence) -> Judgement:
    try:
        return PREDICATES[claim.predicate](evidence, **claim.parameters)
    except Untestable as reason:
        return Judgement(verdict=reason.verdict, evidence=str(reason))
