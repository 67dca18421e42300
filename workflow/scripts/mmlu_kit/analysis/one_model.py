"""One model's statistics, over all questions of the study that it answered.

An imported answer that could not be read is not a wrong letter. The accuracy counts it among all questions; tests and shares of
letters are of the answers that have a letter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit import formatting
from mmlu_kit.analysis.agreement import accuracies
from mmlu_kit.analysis.calibration import SAME, calibration, letter_probabilities
from mmlu_kit.analysis.model_document import (
    FEWEST_QUESTIONS,
    Calibration,
    ConstantLetter,
    GeneratedShare,
    Guessing,
    LetterShares,
    ModelAnalysis,
    ReadableShare,
    Share,
    Spread,
)
from mmlu_kit.analysis.shared_questions import has_letter
from mmlu_kit.analysis.values import Interval
from mmlu_kit.results import repeats
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons, draws, multiple, proportions
from mmlu_kit.statistics.letters import without_preference

FEWEST_SUBJECTS = 10
LOWEST_PARSE_RATE = 0.95
# Warn of a letter that is chosen with three times the odds of guessing (over half of the answers if there are four choices),
# unless few questions have it.
LARGEST_ODDS, SMALLEST_SHARE = 3, 0.1


def analyse_model(model: str, label: str, rows: pandas.DataFrame) -> ModelAnalysis:
    """Return a model's statistics; `rows` are its rows of questions.csv that count in each subject."""
    by_subject = rows.groupby("subject", sort=False)["correct"].mean()
    rows = repeats.once(rows)
    gold, predicted = rows["gold"].to_numpy(), rows["predicted"].to_numpy()
    correct, lettered = rows["correct"].to_numpy(bool), has_letter(rows)
    choices = rows["choices"].to_numpy(int)
    chances = 1 / choices
    clusters = rows["subject"] if len(by_subject) >= FEWEST_SUBJECTS else None
    clustered = proportions.clustered_interval(correct, clusters) if clusters is not None else None
    if clustered and clustered.high - clustered.low < SAME:
        clustered = None  # the same accuracy on each subject
    letters = letter_shares(gold, predicted, choices)
    spreads = letter_spreads(letters, rows[lettered])
    analysis = ModelAnalysis(
        model=model,
        label=label,
        questions=len(rows),
        choices={int(number): int((choices == number).sum()) for number in numpy.unique(choices)},
        subjects=len(by_subject),
        best_letter=_best_letter(correct, lettered),
        generated=_generated(rows) if generates(rows) else None,
        macro_accuracy=float(by_subject.mean()),
        clustered=Interval(low=clustered.low, high=clustered.high) if clustered else None,
        guessing=Guessing(
            accuracy=float(chances.mean()),
            p=proportions.better_than_guessing(int(correct.sum()), chances[lettered].tolist()),
            p_below=proportions.worse_than_guessing(int(correct.sum()), chances[lettered].tolist()),
        ),
        constant_letter=constant_letter(gold[lettered], correct[lettered]),
        letters=letters,
        letter_spread=spreads[0],
        recall_spread=spreads[1],
        calibration=_calibration(rows, correct, clusters),
        warnings=[],
    )
    return analysis.model_copy(update={"warnings": warnings_on_model(analysis)})


def with_holm(models: Sequence[ModelAnalysis]) -> list[ModelAnalysis]:
    """Return the models with the p-values of their preferences for letters corrected for their number by Holm's method."""
    corrected = list(models)
    for field in ("letter_spread", "recall_spread"):
        spreads = {place: spread for place, model in enumerate(corrected) if (spread := getattr(model, field))}
        p_values = multiple.holm([spread.p for spread in spreads.values()])
        for (place, spread), p in zip(spreads.items(), p_values, strict=True):
            corrected[place] = corrected[place].model_copy(update={field: spread.model_copy(update={"p_holm": p})})
    return corrected


def warnings_on_model(analysis: ModelAnalysis) -> list[str]:
    """Return warnings about a model's numbers, as sentences."""
    sentences = []
    if analysis.questions < FEWEST_QUESTIONS:
        sentences.append(
            f"It answered {analysis.questions} questions, fewer than {FEWEST_QUESTIONS}: its numbers are descriptive only."
        )
    generated = analysis.generated
    if generated and generated.parse_rate < LOWEST_PARSE_RATE and not analysis.best_letter.unparsed:
        unparsed = formatting.percent(1 - generated.parse_rate)
        sentences.append(f"No letter could be parsed from {unparsed} of its answers.")
    for letter, shares in analysis.letters.items():
        share, expected = shares.share, shares.expected_share
        preferred = share * (1 - expected) > LARGEST_ODDS * expected * (1 - share) and share > SMALLEST_SHARE
        if preferred and letter != analysis.always:  # the report begins with a letter that is nearly always chosen
            of = "answers that could be read" if analysis.best_letter.unparsed else "questions"
            chose = f"answered {letter} to" if generated else f"chose choice {letter} for"
            sentences.append(f"It {chose} {formatting.percent(share)} of the {of}.")
    if analysis.subjects < FEWEST_SUBJECTS:
        subjects = formatting.plural(analysis.subjects, "subject")
        sentences.append(f"It has {subjects}, fewer than {FEWEST_SUBJECTS}: no interval clustered by subject.")
    elif not analysis.clustered:
        sentences.append("Its accuracy is the same on every subject: no interval clustered by subject.")
    if not analysis.calibration:
        reason = "answers were imported without letter probabilities" if generated else "choices are scored without letters"
        sentences.append(f"Its {reason}, so its confidence is not known.")
    return sentences


def constant_letter(gold: NDArray[numpy.object_], correct: NDArray[numpy.bool_]) -> ConstantLetter:
    """Return the letter that is right most often, and the McNemar test of the model against always choosing it."""
    right = {letter: gold == letter for letter in LETTERS}
    best = max(LETTERS, key=lambda letter: right[letter].sum())
    p = comparisons.mcnemar(int((correct & ~right[best]).sum()), int((right[best] & ~correct).sum()))
    return ConstantLetter(letter=best, accuracy=float(right[best].mean()) if len(gold) else 0.0, p=p)


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
    share_sd = proportions.std_dev([shares.share - shares.expected_share for shares in letters.values()])
    recalls = recall_sd(letters, rows["gold"].to_numpy(), accuracy)
    return (
        _spread(share_sd, by_chance.shares),
        _spread(recalls, by_chance.recalls) if recalls is not None and by_chance.recalls is not None else None,
    )


def _spread(sd: float, by_chance: NDArray[numpy.float64]) -> Spread:
    p = draws.p_at_least(sd, by_chance)
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
    return proportions.std_dev(differences) if len(differences) == len(letters) else None


def generates(rows: pandas.DataFrame) -> bool:
    """Return whether a model generates an answer, as it does with every preset but the cloze ones; `rows` are its rows."""
    return bool(rows["generated"].notna().any())


def _best_letter(correct: NDArray[numpy.bool_], lettered: NDArray[numpy.bool_]) -> Share:
    return Share(**_share(correct, lettered))


def _generated(rows: pandas.DataFrame) -> GeneratedShare:
    correct, parsed = rows["correct_generated"].to_numpy(bool), rows["parsed"].isin(list(LETTERS)).to_numpy(bool)
    return GeneratedShare(**_share(correct, parsed), parse_rate=float(parsed.mean()))


def _share(correct: NDArray[numpy.bool_], lettered: NDArray[numpy.bool_]) -> dict[str, Any]:
    """Return the fields of a Share by one reading of the answers."""
    count, questions, readable = int(correct.sum()), len(correct), int(lettered.sum())
    low, high = proportions.wilson(count, questions)
    return {
        "correct": count,
        "wrong": readable - count,
        "unparsed": questions - readable,
        "accuracy": count / questions,
        "low": low,
        "high": high,
        "readable": _readable(count, readable, questions) if 0 < readable < questions else None,
    }


def _readable(correct: int, readable: int, questions: int) -> ReadableShare:
    low, high = proportions.wilson(correct, readable)
    highest = (correct + questions - readable) / questions
    return ReadableShare(questions=readable, accuracy=correct / readable, low=low, high=high, highest=highest)


def _calibration(rows: pandas.DataFrame, correct: NDArray[numpy.bool_], clusters: pandas.Series | None) -> Calibration | None:
    probabilities = letter_probabilities(rows)
    if probabilities is None:
        return None
    gold = numpy.array([LETTERS.index(letter) for letter in rows["gold"]], int)
    return calibration(probabilities, gold, correct, clusters)
