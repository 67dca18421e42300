"""Every claim of the writeup judged twice: by the numbers that the writeup publishes, and by a run's."""

from collections.abc import Iterable

from mmlu_kit.claims import chats, hardware, models, subjects, times
from mmlu_kit.claims.verdicts import NOT_TESTABLE, Untestable, Verdict


def no_result_tells(evidence: dict, because: str) -> Verdict:
    """For a claim that neither published numbers nor a run's results can bear on."""
    raise Untestable(because)


PREDICATES = {
    predicate.__name__: predicate
    for predicate in (
        models.rises_with_size,
        models.ratios,
        models.at_chance,
        models.above_chance,
        models.is_often_unreadable,
        models.are_wrong_together,
        models.is_hard_for_both,
        subjects.has_subjects,
        subjects.is_lowest_everywhere,
        subjects.is_hardest_but,
        subjects.are_hardest_everywhere,
        subjects.is_below_average_everywhere,
        subjects.is_among_best,
        subjects.is_strong,
        subjects.subjects_agree,
        subjects.differ_systematically,
        subjects.is_the_exception,
        times.same_questions_each_run,
        times.same_answers_each_run,
        times.real_time_varies,
        times.waiting_explains_the_spread,
        times.user_time_is_steady,
        times.user_over_real,
        times.all_cores_busy,
        times.cpu_over_real,
        times.every_result_is_timed,
        hardware.ran_as,
        hardware.ran_as_setup,
        hardware.were_not_run,
        hardware.cannot_quantize_on_cpu,
        hardware.has_no_benefit,
        hardware.quantizing_gains,
        hardware.is_faster,
        hardware.are_alike_in_size,
        hardware.can_run,
        hardware.cannot_run_larger,
        chats.outgrows_context,
        chats.strategies_compared,
        chats.history_helps,
        chats.remembers,
        chats.tokens_grow,
        no_result_tells,
    )
}


def judge(claims: Iterable[dict], published: dict, run: dict) -> list[dict]:
    """`id, section, text, tested, published, run` of each claim; the last two have `verdict` and `evidence`, one line of
    numbers. `tested` is what of the claim they judge, None where no result bears on it.

    `published` and `run` are evidence, see evidence.py.
    """
    return [
        {
            **{key: claim[key] for key in ("id", "section", "text")},
            "tested": claim["tested"].format(**claim.get("with", {})) if "tested" in claim else None,
            "published": verdict_on(claim, published),
            "run": verdict_on(claim, run),
        }
        for claim in claims
    ]


def verdict_on(claim: dict, evidence: dict) -> dict[str, str]:
    """A claim's verdict by one kind of evidence; where that is of other models, the line says so."""
    try:
        verdict, line = PREDICATES[claim["predicate"]](evidence, **claim.get("with", {}))
    except Untestable as reason:
        return {"verdict": NOT_TESTABLE, "evidence": str(reason)}
    whose = "" if evidence["same_models"] else " (this study's own models, not the writeup's)"
    return {"verdict": verdict, "evidence": line + whose}
