"""One model's statistics, over all questions of the study that it answered.

An imported answer that could not be read is not a wrong letter. The accuracy counts it among all questions; tests and shares of
letters are of the answers that have a letter.
"""

from typing import Any

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit import formatting
from mmlu_kit.analysis import letter_preferences
from mmlu_kit.analysis.calibration import calibration, letter_probabilities
from mmlu_kit.analysis.model_document import (
    FEWEST_QUESTIONS,
    Calibration,
    ConstantLetter,
    GeneratedShare,
    Guessing,
    ModelAnalysis,
    ReadableShare,
    Share,
)
from mmlu_kit.analysis.shared_questions import has_letter
from mmlu_kit.analysis.values import Interval
from mmlu_kit.results import repeats
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons, intervals, proportions
from mmlu_kit.statistics.clusters import clustered_interval

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
    clustered = clustered_interval(correct, clusters) if clusters is not None else None
    letters = letter_preferences.letter_shares(gold, predicted, choices)
    spreads = letter_preferences.letter_spreads(letters, rows[lettered])
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
        sentences.append(f"{unparsed} of its answers had no letter that could be parsed.")
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
    low, high = intervals.wilson(count, questions)
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
    low, high = intervals.wilson(correct, readable)
    highest = (correct + questions - readable) / questions
    return ReadableShare(questions=readable, accuracy=correct / readable, low=low, high=high, highest=highest)


def _calibration(rows: pandas.DataFrame, correct: NDArray[numpy.bool_], clusters: pandas.Series | None) -> Calibration | None:
    probabilities = letter_probabilities(rows)
    if probabilities is None:
        return None
    gold = numpy.array([LETTERS.index(letter) for letter in rows["gold"]], int)
    return calibration(probabilities, gold, correct, clusters)
