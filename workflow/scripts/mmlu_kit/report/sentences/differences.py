"""Sentences on which of two models is better, with subjects and with questions as the sample, and whether any differ."""

from collections.abc import Collection, Mapping, Sequence

from mmlu_kit.analysis.difficulty_document import CochranQ
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.formatting import p_value
from mmlu_kit.report.cells import points, points_range
from mmlu_kit.report.sentences.pairs import MOST_ROWS
from mmlu_kit.statistics import ALPHA, POWER


def finding(pairs: Sequence[PairAnalysis], labels: Mapping[str, str], constant: Collection[str] = ()) -> str:
    """Say which of two models is better, or how many pairs differ; there must be a pair.

    Two models in `constant`, which nearly always choose one letter, differ as the shares of their letters do: nothing is
    concluded from that.
    """
    pairs = [pair for pair in pairs if not set(pair.models) <= set(constant)]
    if not pairs:
        return "Nothing is concluded from differences in accuracy, as every model nearly always chooses one letter."
    return _of_two(pairs[0], labels) if len(pairs) == 1 else _of_many(pairs)


def _of_two(pair: PairAnalysis, labels: Mapping[str, str]) -> str:
    questions, clustered, mcnemar = pair.difference, pair.clustered, pair.mcnemar
    sign = 1 if pair.advantage >= 0 else -1
    better, worse = (labels[model] for model in pair.models[::sign])
    difference = points(abs(pair.advantage))
    by_questions = f"95% interval {_ends(questions.low, questions.high, sign)}; McNemar test, {p_value(mcnemar.p)}"
    if not clustered:
        if mcnemar.p < ALPHA:
            return f"**{better} is better than {worse}** by {difference} ({by_questions})."
        return f"**No difference in accuracy is shown** between {better} and {worse} ({difference}; {by_questions})."
    by_subjects = f"95% interval {_ends(clustered.low, clustered.high, sign)}; t-test, {p_value(clustered.p)}"
    both = f"with subjects as the sample: {by_subjects}; with questions as the sample: {by_questions}"
    if clustered.p < ALPHA:
        return f"**{better} is better than {worse}** by {difference} ({both})."
    if mcnemar.p < ALPHA:
        return (
            f"**{better} is better than {worse} on these subjects** by {difference} ({by_questions}). That it would be "
            f"better on other subjects is not shown (with subjects as the sample: {by_subjects})."
        )
    return f"**No difference in accuracy is shown** between {better} and {worse} ({difference}; {both})."


def _ends(low: float, high: float, sign: int) -> str:
    return points_range(low, high) if sign > 0 else points_range(-high, -low)


def _of_many(pairs: Sequence[PairAnalysis]) -> str:
    number = len(pairs)
    by_questions = sum(pair.mcnemar.p_holm < ALPHA for pair in pairs)
    clustered = [pair.clustered for pair in pairs if pair.clustered]
    if not clustered:
        return f"{_differ(by_questions, number)} (McNemar tests, Holm's correction)."
    by_subjects = sum(test.p_holm < ALPHA for test in clustered)
    if not by_subjects and not by_questions:
        return (
            f"{_differ(0, number)}, neither with subjects as the sample (t-tests by standard errors clustered by subject) nor "
            "with questions as the sample (McNemar tests), after Holm's correction."
        )
    return (
        f"{_differ(by_subjects, number)} with subjects as the sample (t-tests by standard errors clustered by subject), and "
        f"{by_questions} with questions as the sample (McNemar tests), both after Holm's correction. {_expected(by_subjects)}"
    )


def _expected(by_subjects: int) -> str:
    """Say where differences are expected: with or without some that are shown with subjects as the sample."""
    if not by_subjects:
        return (
            "Differences are expected on other questions of these subjects; that there are any on other subjects is not shown."
        )
    return "The first are expected to differ on other subjects too, the second on other questions of these subjects."


def _differ(count: int, number: int) -> str:
    if not count:
        return f"**None of {number} pairs of models** is shown to differ in accuracy"
    return f"**{count} of {number} pairs of models** {'differs' if count == 1 else 'differ'} in accuracy"


def listed_pairs(pairs: Sequence[PairAnalysis]) -> list[PairAnalysis]:
    """Return the pairs of the table: all, or if they are many, the closest that differ after Holm's correction."""
    if len(pairs) <= MOST_ROWS:
        return list(pairs)
    differing = [pair for pair in pairs if pair.test.p_holm < ALPHA]
    return sorted(differing, key=lambda pair: abs(pair.advantage))[:MOST_ROWS]


def which_rows(pairs: Sequence[PairAnalysis]) -> str | None:
    """Say which of many pairs are in the table, and where the others are; None if all are."""
    rows = len(listed_pairs(pairs))
    if rows == len(pairs):
        return None
    everything = f"`analysis.json` has all {len(pairs)} pairs."
    if not rows:
        return everything
    differing = sum(pair.test.p_holm < ALPHA for pair in pairs)
    which = "pairs that differ" if rows == differing else f"{rows} closest of the {differing} pairs that differ"
    return f"The table has the {which}; {everything}"


def smallest_difference(pairs: Sequence[PairAnalysis]) -> str:
    """Say what the smallest detectable difference is a number of."""
    test = "t-test with subjects as the sample" if any(pair.clustered for pair in pairs) else "McNemar test"
    level = f"{ALPHA:.0%}" if len(pairs) == 1 else f"{ALPHA:.0%} divided by the number of pairs"
    return (
        f"*Smallest detectable difference* is how far two such accuracies must be apart for the {test} at a level of {level} "
        f"to find a difference in {POWER:.0%} of studies like this one."
    )


def accuracies_differ(q: CochranQ | None) -> str | None:
    """Say whether the accuracies of three or more models differ at all; None if it could not be tested, or of two models, for
    which it is McNemar's test."""
    if q is None or q.p is None or q.df == 1:
        return None
    finding = "The models' accuracies differ" if q.p < ALPHA else "No difference between the models' accuracies is shown"
    return f"{finding} (Cochran's Q = {q.statistic:.1f} with questions as the sample, {p_value(q.p)})."
