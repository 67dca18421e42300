"""Comparisons of every two models on the questions that all models answered: agreement, shared mistakes, which is better.

A question of which one of the two answers has no letter is left out, as an unreadable answer is not a wrong letter.
"""

from itertools import combinations

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit.analysis import agreement
from mmlu_kit.analysis.pair_document import McNemar, PairAnalysis
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons, multiple

NO_LETTER = -1
# Warn of a common letter bias if it alone would give independent models a larger kappa than this.
LARGEST_KAPPA_OF_BIAS = 0.1

Letters = NDArray[numpy.int64]  # 0 for A, 1 for B and so on, NO_LETTER where none could be parsed


def compare_models(shared: SharedQuestions) -> tuple[list[PairAnalysis], list[str]]:
    """Compare every two models, and return warnings of letter bias and reasons why numbers are null."""
    if not len(shared):
        return [], []
    gold, choices = letters(shared.questions["gold"]), shared.questions["choices"].to_numpy(int)
    predicted = {model: letters(rows["predicted"]) for model, rows in shared.answers.items()}
    pairs, warnings = [], []
    for models in combinations(shared.models, 2):
        first, second = (predicted[model] for model in models)
        lettered = (first != NO_LETTER) & (second != NO_LETTER)
        if not lettered.any():
            warnings.append(f"{' and '.join(models)}: there is no question of which both answers could be read.")
            continue
        pairs.append(compare_pair(models, first, second, gold, shared.questions))
        reasons = reasons_for_null(pairs[-1])
        right = (first == gold)[lettered], (second == gold)[lettered]
        bias = agreement.kappa_of_bias(*right, gold[lettered], choices[lettered])
        if bias is not None and bias > LARGEST_KAPPA_OF_BIAS:
            reasons.append(f"their letter bias alone would give independent models a kappa of {bias:.2f}.")
        warnings += [f"{' and '.join(models)}: {reason}" for reason in reasons]
    return with_holm(pairs), warnings


def compare_pair(
    models: tuple[str, str], first: Letters, second: Letters, gold: Letters, questions: pandas.DataFrame
) -> PairAnalysis:
    """Compare two models; the McNemar p-values are not yet corrected for the number of pairs.

    `questions` has the columns subject and choices.
    """
    unread_wrong = _mcnemar(first == gold, second == gold)
    lettered = (first != NO_LETTER) & (second != NO_LETTER)
    unread = int((~lettered).sum())
    first, second, gold, questions = first[lettered], second[lettered], gold[lettered], questions[lettered]
    choices = questions["choices"].to_numpy(int)
    first_right, second_right = first == gold, second == gold
    mcnemar = _mcnemar(first_right, second_right)
    same_wrong = agreement.same_wrong(first, second, gold, questions["subject"], choices)
    return PairAnalysis(
        models=models,
        questions=len(gold),
        unread=unread,
        both_wrong=int((~first_right & ~second_right).sum()),
        both_wrong_expected=float(
            (agreement.accuracies(~first_right, choices) * agreement.accuracies(~second_right, choices)).sum()
        ),
        kappa=agreement.kappa(first_right, second_right, choices),
        kappa_max=agreement.kappa_max(first_right, second_right, choices),
        capa=agreement.capa(first, second, gold, choices),
        same_wrong=same_wrong.count,
        same_wrong_rate=same_wrong.rate,
        same_wrong_null=same_wrong.null,
        same_wrong_p=same_wrong.p,
        mcnemar=mcnemar,
        mcnemar_unread_wrong=unread_wrong if unread else None,
        smallest_difference=comparisons.smallest_difference(len(gold), (mcnemar.only_first + mcnemar.only_second) / len(gold)),
    )


def _mcnemar(first_right: NDArray[numpy.bool_], second_right: NDArray[numpy.bool_]) -> McNemar:
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p = comparisons.mcnemar(only_first, only_second)
    return McNemar(only_first=only_first, only_second=only_second, p=p, p_holm=p)


def with_holm(pairs: list[PairAnalysis]) -> list[PairAnalysis]:
    """Return the pairs with their McNemar p-values corrected for the number of pairs."""
    corrected = multiple.holm([pair.mcnemar.p for pair in pairs])
    unread_wrong = multiple.holm([(pair.mcnemar_unread_wrong or pair.mcnemar).p for pair in pairs])
    return [
        pair.model_copy(
            update={"mcnemar": _with(pair.mcnemar, p), "mcnemar_unread_wrong": _with(pair.mcnemar_unread_wrong, p_unread)}
        )
        for pair, p, p_unread in zip(pairs, corrected, unread_wrong, strict=True)
    ]


def _with(test: McNemar | None, p_holm: float) -> McNemar | None:
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
    if pair.smallest_difference is None:
        reasons.append("too few questions were right for only one of them to detect any difference with 80% power.")
    return reasons


def letters(column: pandas.Series) -> Letters:
    """Convert a column of letters to numbers, NO_LETTER where there is none."""
    numbers = column.map({letter: number for number, letter in enumerate(LETTERS)}).fillna(NO_LETTER)
    return numpy.asarray(numbers, numpy.int64)
