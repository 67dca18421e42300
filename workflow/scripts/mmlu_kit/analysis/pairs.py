"""Comparisons of every two models on the questions that all models answered: agreement, shared mistakes, which is better.

A question of which one of the two answers has no letter is left out, as an unreadable answer is not a wrong letter.
"""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import TypeVar

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit.analysis.one_model import FEWEST_SUBJECTS
from mmlu_kit.analysis.pair_document import (
    AccuracyDifference,
    AccuracyRatio,
    AgreementInterval,
    ClusteredTest,
    McNemar,
    NullRate,
    PairAnalysis,
)
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import ALPHA, DRAWS, agreement, comparisons, multiple
from mmlu_kit.statistics.intervals import Interval
from mmlu_kit.statistics.same_wrong import same_wrong
from mmlu_kit.statistics.strata import accuracies, strata

NO_LETTER = -1
# Warn of a common letter bias if it alone would give independent models a larger kappa than this.
LARGEST_KAPPA_OF_BIAS = 0.1
MOST_NAMED = 3  # pairs in a warning
# Draws grow with the pairs, so that a permutation test's smallest p-value stays below this after Holm's correction, but only up
# to 500 pairs: otherwise the work would grow with the square of the pairs.
SMALLEST_P_OF_ALL, MOST_DRAWS = ALPHA / 2, 19_999

Test = TypeVar("Test", McNemar, ClusteredTest)
Letters = NDArray[numpy.int64]  # 0 for A, 1 for B and so on, NO_LETTER where none could be parsed


def compare_models(shared: SharedQuestions, constant: Collection[str] = ()) -> tuple[list[PairAnalysis], list[str]]:
    """Compare every two models, and return warnings of letter bias and reasons why numbers are null.

    `constant` are the models that nearly always answer one letter: the number of pairs for which tests of agreement are
    corrected leaves them out.
    """
    if not len(shared):
        return [], []
    gold, choices = letters(shared.questions["gold"]), shared.questions["choices"].to_numpy(int)
    predicted = {model: letters(rows["predicted"]) for model, rows in shared.answers.items()}
    read = {
        models: (predicted[models[0]] != NO_LETTER) & (predicted[models[1]] != NO_LETTER)
        for models in combinations(shared.models, 2)
    }
    number = sum(bool(lettered.any()) for lettered in read.values())
    draws, level = min(MOST_DRAWS, max(DRAWS, round(number / SMALLEST_P_OF_ALL))), ALPHA / max(1, number)
    pairs: list[PairAnalysis] = []
    reasons: dict[str, list[str]] = {}
    biases: dict[str, float] = {}
    for models, lettered in read.items():
        names, (first, second) = " and ".join(models), (predicted[model] for model in models)
        if not lettered.any():
            reasons.setdefault("there is no question of which both answers could be read.", []).append(names)
            continue
        pairs.append(compare_pair(models, first, second, gold, shared.questions, level, draws))
        for reason in reasons_for_null(pairs[-1]):
            reasons.setdefault(reason, []).append(names)
        right = (first == gold)[lettered], (second == gold)[lettered]
        bias = agreement.kappa_of_bias(*right, gold[lettered], choices[lettered])
        if bias is not None and bias > LARGEST_KAPPA_OF_BIAS:
            biases[names] = bias
    if biases:
        lowest, highest = f"{min(biases.values()):.2f}", f"{max(biases.values()):.2f}"
        kappa = highest if lowest == highest else f"{lowest} to {highest}"
        reasons[f"their letter bias alone would give independent models a kappa of {kappa}."] = list(biases)
    warnings = [f"{_named(names)}: {reason}" for reason, names in reasons.items()]
    if number >= ALPHA * (MOST_DRAWS + 1):
        warnings.append(
            f"{number:,} pairs are too many for the permutation test of shared wrong answers: after Holm's correction, its "
            f"{MOST_DRAWS:,} draws cannot show any."
        )
    return with_holm(pairs, constant), warnings


def _named(pairs: Sequence[str]) -> str:
    """Return pairs of models for a warning, their number if they are many."""
    return "; ".join(pairs) if len(pairs) <= MOST_NAMED else f"{len(pairs)} pairs of models"


def compare_pair(
    models: tuple[str, str],
    first: Letters,
    second: Letters,
    gold: Letters,
    questions: pandas.DataFrame,
    level: float = ALPHA,
    draws: int = DRAWS,
) -> PairAnalysis:
    """Compare two models; p-values are not yet corrected for the number of pairs.

    `questions` has the columns subject and choices. The smallest difference is of a test at `level`; `draws` are those of the
    permutation test.
    """
    unread_wrong = _mcnemar(first == gold, second == gold)
    lettered = (first != NO_LETTER) & (second != NO_LETTER)
    unread = int((~lettered).sum())
    first, second, gold, questions = first[lettered], second[lettered], gold[lettered], questions[lettered]
    subjects, choices = questions["subject"].factorize(sort=True)[0], questions["choices"].to_numpy(int)
    right = first_right, second_right = first == gold, second == gold
    mcnemar = _mcnemar(*right)
    same = same_wrong(first, second, gold, subjects, choices, draws)
    clustered = comparisons.clustered_difference(*right, subjects) if len(set(subjects)) >= FEWEST_SUBJECTS else None
    intervals = agreement.intervals(first, second, gold, subjects, choices)
    return PairAnalysis(
        models=models,
        questions=len(gold),
        unread=unread,
        same=int((first == second).sum()),
        both_wrong=int((~first_right & ~second_right).sum()),
        both_wrong_expected=float((accuracies(~first_right, choices) * accuracies(~second_right, choices)).sum()),
        kappa=agreement.kappa(*right, choices),
        kappa_interval=_ends(intervals.kappa),
        kappa_max=agreement.kappa_max(*right, choices),
        kappa_within=agreement.kappa(*right, strata(subjects, choices)),
        kappa_within_interval=_ends(intervals.kappa_within),
        consistency_p_holm=None,  # corrected where the number of pairs is known
        consistency_p=comparisons.right_together(*right, strata(subjects, choices, gold)),
        capa=agreement.capa(first, second, gold, choices),
        capa_interval=_ends(intervals.capa),
        same_wrong=same.count,
        same_wrong_rate=same.rate,
        same_wrong_null=same.null and NullRate(**same.null._asdict()),
        same_wrong_p=same.p,
        same_wrong_p_holm=None,
        same_wrong_draws=draws,
        mcnemar=mcnemar,
        mcnemar_unread_wrong=unread_wrong if unread else None,
        clustered=ClusteredTest(**clustered.interval._asdict(), p=clustered.p, p_holm=clustered.p) if clustered else None,
        smallest_difference=comparisons.smallest_clustered_difference(clustered, level)
        if clustered
        else comparisons.smallest_difference(len(gold), (mcnemar.only_first + mcnemar.only_second) / len(gold), level),
        **_accuracies(*right, mcnemar),
    )


def _ends(interval: Interval | None) -> AgreementInterval | None:
    return interval and AgreementInterval(**interval._asdict())


def _accuracies(
    first_right: NDArray[numpy.bool_], second_right: NDArray[numpy.bool_], mcnemar: McNemar
) -> dict[str, AccuracyDifference | AccuracyRatio | None]:
    """Return the fields of a pair on the difference and the ratio of the two accuracies."""
    discordant = mcnemar.only_first, mcnemar.only_second
    both, questions = int((first_right & second_right).sum()), len(first_right)
    interval = comparisons.paired_interval(both, *discordant, questions - both - sum(discordant))
    ratio = comparisons.paired_ratio_interval(both, *discordant)
    return {
        "difference": AccuracyDifference(difference=(discordant[0] - discordant[1]) / questions, **interval._asdict()),
        "ratio": ratio and AccuracyRatio(ratio=(both + discordant[0]) / (both + discordant[1]), **ratio._asdict()),
    }


def _mcnemar(first_right: NDArray[numpy.bool_], second_right: NDArray[numpy.bool_]) -> McNemar:
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p = comparisons.mcnemar(only_first, only_second)
    return McNemar(only_first=only_first, only_second=only_second, p=p, p_holm=p)


def with_holm(pairs: Sequence[PairAnalysis], constant: Collection[str] = ()) -> list[PairAnalysis]:
    """Return the pairs with each test's p-values corrected for the number of pairs; tests of agreement without the models in
    `constant`."""
    mcnemar = multiple.holm([pair.mcnemar.p for pair in pairs])
    unread_wrong = multiple.holm([(pair.mcnemar_unread_wrong or pair.mcnemar).p for pair in pairs])
    clustered = multiple.holm([pair.clustered.p if pair.clustered else None for pair in pairs])
    informative = [not set(pair.models) & set(constant) for pair in pairs]
    consistency = multiple.holm([pair.consistency_p if some else None for pair, some in zip(pairs, informative, strict=True)])
    same_wrong = multiple.holm([pair.same_wrong_p if some else None for pair, some in zip(pairs, informative, strict=True)])
    return [
        pair.model_copy(
            update={
                "mcnemar": _with(pair.mcnemar, mcnemar[place]),
                "mcnemar_unread_wrong": _with(pair.mcnemar_unread_wrong, unread_wrong[place]),
                "clustered": _with(pair.clustered, clustered[place]),
                "consistency_p_holm": consistency[place],
                "same_wrong_p_holm": same_wrong[place],
            }
        )
        for place, pair in enumerate(pairs)
    ]


def _with(test: Test | None, p_holm: float | None) -> Test | None:
    return test and test.model_copy(update={"p_holm": p_holm})


def reasons_for_null(pair: PairAnalysis) -> list[str]:
    """Return the reasons why numbers of a pair are null, as sentences."""
    reasons = []
    if pair.kappa is None:
        reasons.append("both are always right or both always wrong, so agreement beyond chance is not defined.")
    if pair.same_wrong_rate is None:
        reasons.append("there is no question on which both chose a wrong letter, so their wrong letters cannot be compared.")
    elif pair.same_wrong_p is None:
        reasons.append(
            "one of them chose a single letter wherever both were wrong on questions of one subject and right letter, so their "
            "wrong letters cannot be tested."
        )
    if pair.kappa is not None and pair.consistency_p is None:
        reasons.append(
            "one of them is always right or always wrong on the questions of each subject and right letter, so their agreement "
            "within these cannot be tested."
        )
    if pair.smallest_difference is None:
        reasons.append("too few questions were right for only one of them to detect any difference with 80% power.")
    return reasons


def letters(column: pandas.Series) -> Letters:
    """Convert a column of letters to numbers, NO_LETTER where there is none."""
    numbers = column.map({letter: number for number, letter in enumerate(LETTERS)}).fillna(NO_LETTER)
    return numpy.asarray(numbers, numpy.int64)
