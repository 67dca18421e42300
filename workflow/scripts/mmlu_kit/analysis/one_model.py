"""One model's statistics, over all questions of the study that it answered."""

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit import formatting, statistics
from mmlu_kit.analysis.calibration import calibration, letter_probabilities
from mmlu_kit.analysis.document import (
    Calibration,
    ConstantLetter,
    GeneratedShare,
    Guessing,
    Interval,
    LetterShares,
    ModelAnalysis,
    Share,
)
from mmlu_kit.results import repeats
from mmlu_kit.settings import LETTERS

FEWEST_QUESTIONS, FEWEST_SUBJECTS = 100, 10
LOWEST_PARSE_RATE, LARGEST_SHARE = 0.95, 0.5


def analyse_model(model: str, label: str, rows: pandas.DataFrame) -> ModelAnalysis:
    """Return a model's statistics; `rows` are its rows of questions.csv that count in each subject."""
    by_subject = rows.groupby("subject", sort=False)["correct"].mean()
    rows = repeats.once(rows)
    gold, predicted = rows["gold"].to_numpy(), rows["predicted"].to_numpy()
    correct = rows["correct"].to_numpy(bool)
    clustered = statistics.clustered_interval(correct, rows["subject"]) if len(by_subject) >= FEWEST_SUBJECTS else None
    letters = letter_shares(gold, predicted)
    recalls = [shares.recall for shares in letters.values() if shares.recall is not None]
    analysis = ModelAnalysis(
        model=model,
        label=label,
        questions=len(rows),
        subjects=len(by_subject),
        best_letter=_best_letter(correct),
        generated=_generated(rows),
        macro_accuracy=float(by_subject.mean()),
        clustered=Interval(low=clustered.low, high=clustered.high) if clustered else None,
        guessing=Guessing(
            p=statistics.better_than_guessing(int(correct.sum()), len(rows)),
            p_below=statistics.worse_than_guessing(int(correct.sum()), len(rows)),
        ),
        constant_letter=constant_letter(gold, correct),
        letters=letters,
        share_sd=statistics.std_dev([shares.share for shares in letters.values()]),
        recall_sd=statistics.std_dev(recalls) if len(recalls) == len(letters) else None,
        calibration=_calibration(rows, correct),
        warnings=[],
    )
    return analysis.model_copy(update={"warnings": warnings_on_model(analysis)})


def warnings_on_model(analysis: ModelAnalysis) -> list[str]:
    """Return warnings about a model's numbers, as sentences."""
    sentences = []
    if analysis.questions < FEWEST_QUESTIONS:
        sentences.append(
            f"It answered {analysis.questions} questions, fewer than {FEWEST_QUESTIONS}: its numbers are descriptive only."
        )
    if analysis.generated.parse_rate < LOWEST_PARSE_RATE:
        unparsed = formatting.percent(1 - analysis.generated.parse_rate)
        sentences.append(f"No letter could be parsed from {unparsed} of its answers: these count as unparsed, not as wrong.")
    for letter, shares in analysis.letters.items():
        if shares.share > LARGEST_SHARE:
            sentences.append(f"It answered {letter} to {formatting.percent(shares.share)} of the questions.")
    if analysis.subjects < FEWEST_SUBJECTS:
        subjects = formatting.plural(analysis.subjects, "subject")
        sentences.append(f"It has {subjects}, fewer than {FEWEST_SUBJECTS}: no interval clustered by subject.")
    elif not analysis.clustered:
        sentences.append("All answers are right or all are wrong: no interval clustered by subject.")
    if not analysis.calibration:
        sentences.append("Its answers were imported without letter probabilities, so its confidence is not known.")
    return sentences


def constant_letter(gold: NDArray[numpy.object_], correct: NDArray[numpy.bool_]) -> ConstantLetter:
    """Return the letter that is right most often, and the McNemar test of the model against always choosing it."""
    right = {letter: gold == letter for letter in LETTERS}
    best = max(LETTERS, key=lambda letter: right[letter].sum())
    p = statistics.mcnemar(int((correct & ~right[best]).sum()), int((right[best] & ~correct).sum()))
    return ConstantLetter(letter=best, accuracy=float(right[best].mean()), p=p)


def letter_shares(gold: NDArray[numpy.object_], predicted: NDArray[numpy.object_]) -> dict[str, LetterShares]:
    """Return how a model treats each letter (Zheng et al. 2024, https://arxiv.org/abs/2309.03882)."""
    shares = {}
    for letter in LETTERS:
        right, chosen = gold == letter, predicted == letter
        shares[letter] = LetterShares(
            share=float(chosen.mean()),
            gold_share=float(right.mean()),
            recall=float(chosen[right].mean()) if right.any() else None,
        )
    return shares


def _best_letter(correct: NDArray[numpy.bool_]) -> Share:
    count, questions = int(correct.sum()), len(correct)
    low, high = statistics.wilson(count, questions)
    return Share(correct=count, wrong=questions - count, accuracy=count / questions, low=low, high=high)


def _generated(rows: pandas.DataFrame) -> GeneratedShare:
    correct, parsed = rows["correct_generated"].to_numpy(bool), rows["parsed"].isin(list(LETTERS)).to_numpy()
    count, questions = int(correct.sum()), len(rows)
    low, high = statistics.wilson(count, questions)
    return GeneratedShare(
        correct=count,
        wrong=int((parsed & ~correct).sum()),
        unparsed=int((~parsed).sum()),
        parse_rate=float(parsed.mean()),
        accuracy=count / questions,
        low=low,
        high=high,
    )


def _calibration(rows: pandas.DataFrame, correct: NDArray[numpy.bool_]) -> Calibration | None:
    probabilities = letter_probabilities(rows)
    return None if probabilities is None else calibration(probabilities.max(axis=1), correct)
