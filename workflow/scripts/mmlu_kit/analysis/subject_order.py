"""Whether subjects differ in difficulty, and whether models agree on which are hard."""

from dataclasses import dataclass, field, replace
from itertools import combinations
from math import ceil

import numpy

from mmlu_kit import formatting
from mmlu_kit.analysis.difficulty_document import KendallW, Spearman, SubjectDifferences
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.statistics import ALPHA, DRAWS, multiple
from mmlu_kit.statistics.shuffled_subjects import SubjectCounts, count_by_subject

FEWEST_SUBJECTS = 3  # for Kendall's W and Spearman's correlation
MOST_DRAWS = 9_999


@dataclass(frozen=True)
class SubjectOrder:
    """Tests of the order of subjects; fields as in Difficulty, and `flat` are models as accurate on each subject."""

    untested: str | None
    draws: int = DRAWS
    p_mean: float | None = None
    kendall_w: KendallW | None = None
    spearman: list[Spearman] = field(default_factory=list)
    differences: list[SubjectDifferences] = field(default_factory=list)
    flat: list[str] = field(default_factory=list)


def order_of_subjects(shared: SharedQuestions, others: int) -> SubjectOrder:
    """Test whether subjects differ and whether models agree on which are hard.

    `shared` are the questions to which each model gave a letter, without the models that nearly always choose one letter, of
    which there are `others`.
    """
    subjects = shared.questions["subject"]
    number = int(subjects.nunique())
    reason = _too_few(len(shared.models), others, number)
    if number < 2 or not shared.models:
        return SubjectOrder(untested=_untested(reason))
    if shared.questions.groupby("choices")["subject"].nunique().max() < 2:
        return SubjectOrder(untested=_untested("each subject has its own number of choices"))
    draws = draws_for(len(shared.models))
    choices = shared.questions["choices"].to_numpy(numpy.int64)
    counts = count_by_subject(shared.correct, subjects.factorize()[0].astype(numpy.int64), choices, draws)
    differ = SubjectOrder(
        untested=_untested(reason), draws=draws, p_mean=counts.mean_differs().p, differences=_differences(shared.models, counts)
    )
    if reason:
        return differ
    flat = [model for model, ranked in zip(shared.models, counts.ranked(), strict=True) if not ranked]
    if len(flat) > len(shared.models) - 2:
        same = "each model has" if len(flat) == len(shared.models) else "all models but one have"
        return replace(differ, untested=_untested(f"{same} the same accuracy on every subject"))
    w = counts.concordance()
    return replace(
        differ,
        kendall_w=KendallW(w=w.value, expected=w.expected, p=w.p),
        spearman=_correlations(shared.models, counts),
        flat=flat,
    )


def draws_for(models: int) -> int:
    """Return a number of draws with which the smallest p-value, corrected for every pair of models, is half the level or less;
    of more than 22 models it is larger."""
    pairs = models * (models - 1) / 2
    return min(MOST_DRAWS, max(DRAWS, ceil(2 * pairs / ALPHA) - 1))


def _too_few(models: int, others: int, subjects: int) -> str | None:
    if not models:
        return "every model nearly always chooses one letter" if others > 1 else "the model nearly always chooses one letter"
    if subjects < FEWEST_SUBJECTS:
        return f"there {_are(subjects, 'subject')}, and the test needs {FEWEST_SUBJECTS}"
    if models < 2:
        return f"there {_are(models, 'model')}{' that does not nearly always choose one letter' if others else ''}"
    return None


def _are(count: int, thing: str) -> str:
    return f"is only one {thing}" if count == 1 else f"are {formatting.plural(count, thing)}"


def _untested(reason: str | None) -> str | None:
    return reason and f"Whether models find the same subjects hard cannot be tested: {reason}."


def _differences(models: list[str], counts: SubjectCounts) -> list[SubjectDifferences]:
    varies = counts.variance.sum(axis=0) > 0
    tests = [test if varies[place] else None for place, test in enumerate(counts.differences())]
    return [
        SubjectDifferences(
            model=model,
            chi2=test.value if test else 0,
            df=len(counts.questions) - 1,
            p=test and test.p,
            p_holm=p_holm,
        )
        for model, test, p_holm in zip(models, tests, multiple.holm([test and test.p for test in tests]), strict=True)
    ]


def _correlations(models: list[str], counts: SubjectCounts) -> list[Spearman]:
    ranked, table = counts.ranked(), counts.correlations()
    pairs = list(combinations(range(len(models)), 2))
    tests = [table[one][other] if ranked[one] and ranked[other] else None for one, other in pairs]
    return [
        Spearman(
            models=(models[one], models[other]),
            rho=test and test.value,
            expected=test and test.expected,
            p=test and test.p,
            p_holm=p_holm,
        )
        for (one, other), test, p_holm in zip(pairs, tests, multiple.holm([test and test.p for test in tests]), strict=True)
    ]
