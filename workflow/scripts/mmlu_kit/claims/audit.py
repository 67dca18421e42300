"""The audit: judges every claim of a publication by its own published numbers and by a run's results."""

from collections.abc import Iterable

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims import predicates
from mmlu_kit.claims.comparison import compare
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.predicates import PREDICATES
from mmlu_kit.claims.published_evidence import published_evidence
from mmlu_kit.claims.reference import Claim, Claims, Published
from mmlu_kit.claims.run_evidence import run_evidence
from mmlu_kit.claims.verdicts import Untestable
from mmlu_kit.results.merged import Merged


def audit(merged: Merged, analysis: AnalysisFile, published: Published, claims: Claims) -> ClaimsFile:
    """Return the content of claims.json, from a run's merged.json and analysis.json and the reference."""
    run = run_evidence(merged, analysis, published)
    return ClaimsFile(
        study=merged.study.name,
        publication=published.publication,
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
    """Return a claim's verdict by one kind of evidence; the line of evidence says if the models are not the publication's.

    Raises UserError if the claim's predicate does not exist or takes other parameters.
    """
    predicates.check(claim)
    try:
        judgement = PREDICATES[claim.predicate](evidence, **claim.parameters)
    except Untestable as reason:
        return Judgement(verdict=ClaimVerdict.NOT_TESTABLE, evidence=str(reason))
    if evidence.same_models:
        return judgement
    note = f"(this study's own models, not {evidence.publication}'s)"
    return judgement.model_copy(update={"evidence": f"{judgement.evidence} {note}"})
