"""Which subjects and questions are hard, and whether they are hard for all models."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit import formatting
from mmlu_kit.analysis.calibration import letter_probabilities
from mmlu_kit.analysis.difficulty_document import (
    MOST_HARDEST,
    CochranQ,
    Difficulty,
    HardQuestion,
    KendallW,
    ModelsWrong,
    Spearman,
)
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons, counts, ranks
from mmlu_kit.user_errors import UserError

FEWEST_SUBJECTS = 3  # for Kendall's W and Spearman's correlation


@dataclass(frozen=True)
class SharedDifficulty:
    """What the models find hard; fields as in AnalysisFile."""

    cochran_q: CochranQ | None
    difficulty: Difficulty
    models_wrong: ModelsWrong | None
    hardest: list[HardQuestion]
    warnings: list[str]


def analyse_difficulty(shared: SharedQuestions, questions: Iterable[Question]) -> SharedDifficulty:
    """Return what the models find hard; `questions` are the questions of the study's subjects."""
    if not len(shared):
        nothing = Difficulty(order=[], guessing={}, kendall_w=None, spearman=[])
        return SharedDifficulty(cochran_q=None, difficulty=nothing, models_wrong=None, hardest=[], warnings=[])
    accuracy, guessing = subject_accuracies(shared), guessing_by_subject(shared)
    hidden = [name for name in dict.fromkeys(shared.questions["subject"]) if name not in accuracy.index]
    warnings = [f"No answer of a model could be read on {', '.join(hidden)}: not among the hard subjects."] if hidden else []
    shared = shared.once()
    answered = len(shared)
    shared = shared.with_letters()
    if not len(shared):
        warnings.append("There is no question of which every model's answer could be read, so not all models are compared.")
        return SharedDifficulty(None, rank_subjects(accuracy, guessing), None, [], warnings)
    cochran_q = comparisons.cochran_q(shared.correct)
    difficulty = rank_subjects(accuracy, guessing)
    models_wrong = count_models_wrong(shared.correct, shared.questions["choices"].to_numpy(int))
    if len(shared.models) > 1 and len(shared) < answered:
        warnings.append(
            f"{answered - len(shared)} of the {answered} questions that every model answered have an answer that could not be "
            "read: comparisons leave these out, those of two models only where the answer is of one of the two."
        )
    if len(shared.models) > 1 and not cochran_q:
        warnings.append("The models are right on exactly the same questions, so Cochran's Q is not defined.")
    if len(shared.models) > 1:
        warnings += _warnings_on_subjects(accuracy, difficulty)
    if models_wrong and models_wrong.p is None:
        warnings.append(
            "There are too few questions to test whether models miss the same ones: fewer than three expected counts reach 5."
        )
    return SharedDifficulty(
        cochran_q=CochranQ(**cochran_q._asdict()) if cochran_q else None,
        difficulty=difficulty,
        models_wrong=models_wrong,
        hardest=hardest_questions(shared, questions),
        warnings=warnings,
    )


def subject_accuracies(shared: SharedQuestions) -> pandas.DataFrame:
    """Return each model's accuracy on each subject, on its answers with a letter: subjects × models, without subjects on which
    a model has none."""
    subjects = shared.questions["subject"].to_numpy()
    correct = pandas.DataFrame(shared.correct, columns=shared.models, dtype=float)
    return correct.where(shared.lettered).groupby(subjects).mean().dropna()


def guessing_by_subject(shared: SharedQuestions) -> dict[str, float]:
    """Return the accuracy of guessing on each subject: the mean of one in the number of choices."""
    chances = 1 / shared.questions["choices"].astype(float)
    means = chances.groupby(shared.questions["subject"].to_numpy(str)).mean()
    return {str(subject): float(chance) for subject, chance in means.items()}


def rank_subjects(accuracy: pandas.DataFrame, guessing: dict[str, float]) -> Difficulty:
    """Order subjects from hardest to easiest by the mean of the models' accuracies, and test whether models order them alike.

    Equally hard subjects are in alphabetical order. `accuracy` is subjects × models.
    """
    mean = accuracy.mean(axis=1)
    kendall_w = ranks.kendall_w(accuracy.to_numpy().T)
    return Difficulty(
        order=sorted(accuracy.index, key=lambda subject: (mean[subject], subject)),
        guessing={subject: guessing[subject] for subject in accuracy.index},
        kendall_w=KendallW(**kendall_w._asdict()) if kendall_w else None,
        spearman=[
            Spearman(models=models, **ranks.spearman(*(accuracy[model] for model in models))._asdict())
            for models in combinations(accuracy.columns, 2)
        ],
    )


def count_models_wrong(correct: NDArray[numpy.bool_], choices: NDArray[numpy.int64]) -> ModelsWrong | None:
    """Count the questions missed by 0, 1, … all models, and the counts expected of independent models with these error rates
    on questions with as many choices; None for fewer than two models. `correct` is questions × models."""
    questions, models = correct.shape
    if models < 2:
        return None
    wrong = (~correct).sum(axis=1)
    observed = [int((wrong == number).sum()) for number in range(models + 1)]
    expected = numpy.zeros(models + 1)
    for number in numpy.unique(choices):
        wrong_of = ~correct[choices == number]
        expected += len(wrong_of) * numpy.asarray(counts.poisson_binomial(wrong_of.mean(axis=0)))
    fit = counts.goodness_of_fit(observed, list(expected))
    return ModelsWrong(models=models, questions=questions, observed=observed, expected=list(expected), **fit._asdict())


def hardest_questions(shared: SharedQuestions, questions: Iterable[Question]) -> list[HardQuestion]:
    """Return questions that all models missed, starting with the lowest mean probability of the right letter.

    Probabilities are among the letters, averaged over the models whose probabilities are known. Raises UserError if
    `questions` are not those that were answered.
    """
    texts = {question.sha256: question for question in questions}
    all_wrong = numpy.flatnonzero(~shared.correct.any(axis=1))
    missed = shared.questions.iloc[all_wrong]
    answers = {model: rows.iloc[all_wrong] for model, rows in shared.answers.items()}
    gold = missed["gold"].map(LETTERS.index).to_numpy(int)
    probability = numpy.zeros(len(missed))
    for rows in answers.values():
        probabilities = letter_probabilities(rows)
        if probabilities is not None:
            probability += probabilities[numpy.arange(len(missed)), gold]
    hardest = []
    for place in numpy.argsort(probability, kind="stable")[:MOST_HARDEST]:
        subject, index, sha256, _, right = missed.iloc[place]
        question = texts.get(sha256)
        if not question:
            raise UserError(f"{subject}/test/{index}: this question in --questions is not the one that was answered: run again")
        predicted = {model: rows["predicted"].iloc[place] for model, rows in answers.items()}
        hardest.append(
            HardQuestion(
                subject=subject,
                index=int(index),
                question=question.question,
                choices=list(question.choices),
                gold=right,
                predicted={model: letter if letter in tuple(LETTERS) else None for model, letter in predicted.items()},
            )
        )
    return hardest


def _warnings_on_subjects(accuracy: pandas.DataFrame, difficulty: Difficulty) -> list[str]:
    """Return sentences on why the models' rankings of subjects cannot be compared, for all or some models."""
    constant = [model for model in accuracy.columns if accuracy[model].nunique() == 1]
    if not difficulty.kendall_w:
        few = len(accuracy) < FEWEST_SUBJECTS
        reason = (
            f"the models share {formatting.plural(len(accuracy), 'subject')}, and the test needs {FEWEST_SUBJECTS}"
            if few
            else "each model has the same accuracy on every subject"
        )
        return [f"Whether models find the same subjects hard cannot be tested: {reason}."]
    return [f"No rank correlation with {', '.join(constant)}: the accuracy is the same on every subject."] if constant else []
