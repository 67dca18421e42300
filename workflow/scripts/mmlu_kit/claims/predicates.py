"""The predicates that test claims, by name, and the check that a claim gives one the parameters that it takes."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from mmlu_kit.claims import chats, hardware, models, rankings, shared_mistakes, speed, subjects, times
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.reference_claims import Claim
from mmlu_kit.claims.verdicts import Untestable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain, suggestion


def cannot_be_tested(evidence: Evidence, because: str) -> Judgement:
    """Neither published numbers nor a run's results can test the claim; the reason is shown."""
    raise Untestable(because)


_ON_ANSWERS: tuple[Callable[..., Judgement], ...] = (
    models.rises_with_size,
    models.ratios,
    models.at_chance,
    models.above_chance,
    models.is_often_unparsed,
    shared_mistakes.are_wrong_together,
    shared_mistakes.is_hard_for_both,
    subjects.is_lowest_everywhere,
    subjects.has_rank_from_hardest,
    subjects.are_hardest_everywhere,
    subjects.are_easiest_everywhere,
    subjects.is_harder_than,
    subjects.is_below_average_everywhere,
    subjects.is_among_best,
    subjects.is_strong,
    rankings.subjects_agree,
    rankings.differ_systematically,
    rankings.is_the_exception,
)
_ON_SETUPS: tuple[Callable[..., Judgement], ...] = (
    times.same_questions_each_run,
    times.same_answers_each_run,
    times.configurations_run,
    times.real_time_varies,
    times.waiting_explains_variation,
    times.user_time_is_steady,
    times.user_over_real,
    times.all_cores_busy,
    hardware.ran_as_setup,
    hardware.were_not_run,
    hardware.every_run_ran_as,
    speed.has_no_benefit,
)
_OTHERS: tuple[Callable[..., Judgement], ...] = (
    subjects.has_subjects,
    times.cpu_over_real,
    times.every_result_is_timed,
    hardware.ran_as,
    hardware.gpu_is_named,
    hardware.effects_are_separated,
    hardware.cannot_quantize_on_cpu,
    hardware.are_similar_in_size,
    hardware.can_run,
    hardware.cannot_run_larger,
    speed.quantizing_gains,
    speed.is_faster,
    speed.is_much_faster,
    chats.outgrows_context,
    chats.strategies_compared,
    chats.history_helps,
    chats.remembers,
    chats.example_is_remembered,
    chats.tokens_grow,
    cannot_be_tested,
)
PREDICATES: Mapping[str, Callable[..., Judgement]] = {
    predicate.__name__: predicate for predicate in (*_ON_ANSWERS, *_ON_SETUPS, *_OTHERS)
}
# Those whose verdicts depend on which letter counts as an answer.
ON_ANSWERS = frozenset(predicate.__name__ for predicate in _ON_ANSWERS)
# Those that test timing runs alone.
ON_SETUPS = frozenset(predicate.__name__ for predicate in _ON_SETUPS)


@functools.cache
def parameters(name: str) -> type[BaseModel]:
    """Return the form of a predicate's parameters: all of its arguments but the evidence, by their types."""
    arguments = list(inspect.signature(PREDICATES[name]).parameters.values())[1:]
    fields: dict[str, Any] = {
        argument.name: (argument.annotation, ... if argument.default is argument.empty else argument.default)
        for argument in arguments
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False), **fields)


def check(claim: Claim, where: str = "claims.yaml") -> None:
    """Check that a claim's predicate exists and takes the claim's parameters. Raises UserError naming file and claim."""
    if claim.predicate not in PREDICATES:
        known = suggestion(claim.predicate, PREDICATES)
        raise UserError(f"{where}: {claim.id[:80]}: there is no predicate '{claim.predicate[:80]}'; {known}")
    form = parameters(claim.predicate)
    for name in claim.parameters:
        if name not in form.model_fields:
            known = suggestion(name, form.model_fields) if form.model_fields else "it takes none"
            raise UserError(f"{where}: {claim.id[:80]}: with: {claim.predicate} has no parameter '{name[:80]}'; {known}")
    try:
        form(**claim.parameters)
    except ValidationError as error:
        problem = explain(error, claim.parameters)
        raise UserError(f"{where}: {claim.id[:80]}: with: {claim.predicate}: {problem}") from None
