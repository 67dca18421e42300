"""How a model treats the letters: how often it chooses each, and whether it prefers some beyond chance."""

from collections.abc import Mapping, Sequence

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit.analysis.model_document import LetterShares, ModelAnalysis, Spread
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import multiple
from mmlu_kit.statistics.draws import p_at_least
from mmlu_kit.statistics.letters import without_preference
from mmlu_kit.statistics.strata import accuracies


def letter_shares(
    gold: NDArray[numpy.object_], predicted: NDArray[numpy.object_], choices: NDArray[numpy.int64]
) -> dict[str, LetterShares]:
    """Return how a model treats each letter (Zheng et al. 2024, https://arxiv.org/abs/2309.03882), where it gave one.

    `choices` has each question's number of choices; letters are those of the question with the most.
    """
    lettered = numpy.isin(predicted.astype(str), list(LETTERS))
    shares = {}
    for place, letter in enumerate(LETTERS[: choices.max()]):
        right, chosen = gold == letter, predicted[lettered] == letter
        expected = numpy.where(choices > place, 1 / choices, 0)[lettered]
        read_where_right = right[lettered]
        shares[letter] = LetterShares(
            share=float(chosen.mean()) if len(chosen) else 0.0,
            expected_share=float(expected.mean()) if len(chosen) else 0.0,
            gold_share=float(right.mean()),
            recall=float(chosen[read_where_right].mean()) if read_where_right.any() else None,
        )
    return shares


def letter_spreads(letters: Mapping[str, LetterShares], rows: pandas.DataFrame) -> tuple[Spread, Spread | None]:
    """Return the standard deviations of the letters' shares and recalls beside those by chance; `rows` are the rows of
    questions.csv with a letter. p-values are not corrected."""
    gold = numpy.array([LETTERS.index(letter) for letter in rows["gold"]], int)
    choices = rows["choices"].to_numpy(int)
    accuracy = accuracies(rows["correct"].to_numpy(bool), choices)
    by_chance = without_preference(gold, choices, accuracy)
    share_sd = float(numpy.std([shares.share - shares.expected_share for shares in letters.values()]))
    recalls = recall_sd(letters, rows["gold"].to_numpy(), accuracy)
    return (
        _spread(share_sd, by_chance.shares),
        _spread(recalls, by_chance.recalls) if recalls is not None and by_chance.recalls is not None else None,
    )


def _spread(sd: float, by_chance: NDArray[numpy.float64]) -> Spread:
    p = p_at_least(sd, by_chance)
    return Spread(sd=sd, by_chance=float(by_chance.mean()), p=p, p_holm=p)


def recall_sd(
    letters: Mapping[str, LetterShares], gold: NDArray[numpy.object_], accuracy: NDArray[numpy.float64]
) -> float | None:
    """Return the standard deviation of the letters' recalls, each less the accuracy to be expected where the letter is right.

    `accuracy` has for each answer with a letter the model's accuracy on questions with as many choices. None if a letter is
    never right.
    """
    differences = [
        shares.recall - float(accuracy[gold == letter].mean())
        for letter, shares in letters.items()
        if shares.recall is not None
    ]
    return float(numpy.std(differences)) if len(differences) == len(letters) else None


def with_holm(models: Sequence[ModelAnalysis]) -> list[ModelAnalysis]:
    """Return the models with the p-values of their preferences for letters corrected for their number by Holm's method."""
    shares = multiple.holm([model.letter_spread.p for model in models])
    recalls = multiple.holm([model.recall_spread.p if model.recall_spread else None for model in models])
    return [
        model.model_copy(
            update={
                "letter_spread": model.letter_spread.model_copy(update={"p_holm": share}),
                "recall_spread": model.recall_spread and model.recall_spread.model_copy(update={"p_holm": recall}),
            }
        )
        for model, share, recall in zip(models, shares, recalls, strict=True)
    ]
