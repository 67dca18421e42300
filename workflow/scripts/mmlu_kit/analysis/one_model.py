"""One model's statistics, over all questions of the study that it answered.

An imported answer that could not be read is not a wrong letter. The accuracy counts it among all questions; tests and shares of
letters are of the answers that have a letter.
"""

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
    ReadableShare,
    Share,
)
from mmlu_kit.analysis.shared_questions import has_letter
from mmlu_kit.results import repeats
from mmlu_kit.settings import LETTERS

FEWEST_QUESTIONS, FEWEST_SUBJECTS = 100, 10
LOWEST_PARSE_RATE, LARGEST_SHARE = 0.95, 0.5


def analyse_model(model: str, label: str, rows: pandas.DataFrame) -> ModelAnalysis:
    """Return a model's statistics; `rows` are its rows of questions.csv that count in each subject."""
    by_subject = rows.groupby("subject", sort=False)["correct"].mean()
    rows = repeats.once(rows)
    gold, predicted = rows["gold"].to_numpy(), rows["predicted"].to_numpy()
    correct, lettered = rows["correct"].to_numpy(bool), has_letter(rows)
    clustered = statistics.clustered_interval(correct, rows["subject"]) if len(by_subject) >= FEWEST_SUBJECTS else None
    letters = letter_shares(gold, predicted)
    recalls = [shares.recall for shares in letters.values() if shares.recall is not None]
    analysis = ModelAnalysis(
        model=model,
        label=label,
        questions=len(rows),
        subjects=len(by_subject),
        best_letter=_best_letter(correct, lettered),
        readable=_readable(correct, lettered),
        generated=_generated(rows),
        macro_accuracy=float(by_subject.mean()),
        clustered=Interval(low=clustered.low, high=clustered.high) if clustered else None,
        guessing=Guessing(
            p=statistics.better_than_guessing(int(correct.sum()), int(lettered.sum())),
            p_below=statistics.worse_than_guessing(int(correct.sum()), int(lettered.sum())),
        ),
        constant_letter=constant_letter(gold[lettered], correct[lettered]),
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
    if analysis.generated.parse_rate < LOWEST_PARSE_RATE and not analysis.best_letter.unparsed:
        unparsed = formatting.percent(1 - analysis.generated.parse_rate)
        sentences.append(f"No letter could be parsed from {unparsed} of its answers: these count as unparsed, not as wrong.")
    for letter, shares in analysis.letters.items():
        if shares.share > LARGEST_SHARE:
            of = "answers that could be read" if analysis.best_letter.unparsed else "questions"
            sentences.append(f"It answered {letter} to {formatting.percent(shares.share)} of the {of}.")
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
    return ConstantLetter(letter=best, accuracy=float(right[best].mean()) if len(gold) else 0.0, p=p)


def letter_shares(gold: NDArray[numpy.object_], predicted: NDArray[numpy.object_]) -> dict[str, LetterShares]:
    """Return how a model treats each letter (Zheng et al. 2024, https://arxiv.org/abs/2309.03882), where it gave one."""
    lettered = numpy.isin(predicted.astype(str), list(LETTERS))
    shares = {}
    for letter in LETTERS:
        right, chosen = gold == letter, predicted[lettered] == letter
        read_where_right = right[lettered]
        shares[letter] = LetterShares(
            share=float(chosen.mean()) if len(chosen) else 0.0,
            gold_share=float(right.mean()),
            recall=float(chosen[read_where_right].mean()) if read_where_right.any() else None,
        )
    return shares


def _best_letter(correct: NDArray[numpy.bool_], lettered: NDArray[numpy.bool_]) -> Share:
    count, questions, unparsed = int(correct.sum()), len(correct), int((~lettered).sum())
    low, high = statistics.wilson(count, questions)
    wrong = questions - count - unparsed
    return Share(correct=count, wrong=wrong, unparsed=unparsed, accuracy=count / questions, low=low, high=high)


def _readable(correct: NDArray[numpy.bool_], lettered: NDArray[numpy.bool_]) -> ReadableShare | None:
    count, questions = int(correct.sum()), int(lettered.sum())
    if questions in (0, len(correct)):
        return None
    low, high = statistics.wilson(count, questions)
    highest = (count + len(correct) - questions) / len(correct)
    return ReadableShare(questions=questions, accuracy=count / questions, low=low, high=high, highest=highest)


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
