"""Accuracies with intervals, and paired differences, from right and wrong answers."""

from collections.abc import Sequence
from typing import TypeVar

from mmlu_kit.analysis.values import PairedDifference
from mmlu_kit.statistics import comparisons, intervals, multiple

AnyDifference = TypeVar("AnyDifference", bound=PairedDifference)


def proportion(right: Sequence[bool]) -> dict[str, float]:
    """Return the fields of a Proportion: the share of these answers that are right; there must be one."""
    count, questions = sum(right), len(right)
    low, high = intervals.wilson(count, questions)
    return {"questions": questions, "count": count, "share": count / questions, "low": low, "high": high}


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> PairedDifference:
    """Return the accuracy of the first minus that of the second on the same questions, at least one; p is not corrected."""
    pairs = list(zip(first, second, strict=True))
    both, only_first, only_second = (pairs.count(pair) for pair in ((True, True), (True, False), (False, True)))
    low, high = comparisons.paired_interval(both, only_first, only_second, len(pairs) - both - only_first - only_second)
    p = comparisons.mcnemar(only_first, only_second)
    return PairedDifference(
        questions=len(pairs),
        both=both,
        only_first=only_first,
        only_second=only_second,
        difference=(only_first - only_second) / len(pairs),
        low=low,
        high=high,
        p=p,
        p_holm=p,
    )


def with_holm(differences: Sequence[AnyDifference]) -> list[AnyDifference]:
    """Return the differences with p-values corrected for their number by Holm's method."""
    corrected = multiple.holm([difference.p for difference in differences])
    return [difference.model_copy(update={"p_holm": p}) for difference, p in zip(differences, corrected, strict=True)]
