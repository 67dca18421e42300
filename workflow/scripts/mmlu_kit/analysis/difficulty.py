"""Which subjects and questions are hard, and whether they are hard for all models."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy
import pandas

from mmlu_kit.analysis.calibration import letter_probabilities
from mmlu_kit.analysis.difficulty_document import (
    MOST_HARDEST,
    CochranQ,
    Difficulty,
    HardQuestion,
    ModelsWrong,
)
from mmlu_kit.analysis.discrimination import discrimination_of
from mmlu_kit.analysis.discrimination_document import Discrimination
from mmlu_kit.analysis.models_wrong import count_models_wrong
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.analysis.subject_order import SubjectOrder, order_of_subjects
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons


@dataclass(frozen=True)
class SharedDifficulty:
    """What the models find hard; fields as in AnalysisFile."""

    cochran_q: CochranQ | None
    difficulty: Difficulty
    models_wrong: ModelsWrong | None
    hardest: list[HardQuestion]
    discrimination: Discrimination | None
    warnings: list[str]


def analyse_difficulty(shared: SharedQuestions, questions: Sequence[Question], constant: Collection[str]) -> SharedDifficulty:
    """Return what the models find hard.

    `questions` are the questions of the study's subjects. `constant` are the models that nearly always choose one letter:
    nothing is concluded from what these get right or wrong, so they take no part in tests of what is hard.
    """
    if not len(shared):
        return SharedDifficulty(None, _difficulty([], {}, SubjectOrder(untested=None), all_wrong=0), None, [], None, [])
    varied = [model for model in shared.models if model not in constant]
    accuracy, guessing = subject_accuracies(shared), guessing_by_subject(shared)
    hidden = [name for name in dict.fromkeys(shared.questions["subject"]) if name not in accuracy.index]
    warnings = [f"No answer of a model could be read on {', '.join(hidden)}: not among the hard subjects."] if hidden else []
    order = subject_order(accuracy[varied] if varied else accuracy)
    # As the accuracies of subjects: a question that is in two subjects counts in both.
    in_subjects = shared.of(varied).with_letters() if varied else shared.of([])
    shared, tested = shared.once(), in_subjects.once()
    answered = len(shared)
    shared = shared.with_letters()
    if not len(shared):
        warnings.append("There is no question of which every model's answer could be read, so not all models are compared.")
        untested = _difficulty(order, guessing, SubjectOrder(untested=None), all_wrong=0)
        return SharedDifficulty(None, untested, None, [], None, warnings)
    cochran_q = comparisons.cochran_q(shared.correct)
    tests = order_of_subjects(in_subjects, len(shared.models) - len(varied))
    models_wrong = count_models_wrong(tested.correct, tested.questions) if varied else None
    if len(shared.models) > 1:
        warnings += _warnings_on_comparisons(answered, len(shared), cochran_q is None, tests, models_wrong)
    return SharedDifficulty(
        cochran_q=CochranQ(**cochran_q._asdict()) if cochran_q else None,
        difficulty=_difficulty(order, guessing, tests, all_wrong=int((~shared.correct.any(axis=1)).sum())),
        models_wrong=models_wrong,
        hardest=hardest_questions(shared, questions),
        discrimination=discrimination_of(tested, questions),
        warnings=warnings,
    )


def _difficulty(order: list[str], guessing: Mapping[str, float], tests: SubjectOrder, all_wrong: int) -> Difficulty:
    return Difficulty(
        order=order,
        guessing={subject: guessing[subject] for subject in order},
        draws=tests.draws,
        p_mean=tests.p_mean,
        kendall_w=tests.kendall_w,
        spearman=tests.spearman,
        differences=tests.differences,
        untested=tests.untested,
        all_wrong=all_wrong,
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


def subject_order(accuracy: pandas.DataFrame) -> list[str]:
    """Return the subjects from hardest to easiest by the mean of the models' accuracies, equally hard ones in alphabetical
    order. `accuracy` is subjects × models."""
    mean = accuracy.mean(axis=1)
    return sorted(accuracy.index, key=lambda subject: (mean[subject], subject))


def hardest_questions(shared: SharedQuestions, questions: Iterable[Question]) -> list[HardQuestion]:
    """Return questions that all models missed, starting with the lowest mean probability of the right letter.

    Probabilities are among the letters, averaged over the models whose probabilities are known. Raises UserError if
    `questions` are not those that were answered.
    """
    all_wrong = numpy.flatnonzero(~shared.correct.any(axis=1))
    gold = shared.questions["gold"].iloc[all_wrong].map(LETTERS.index).to_numpy(int)
    probability = numpy.zeros(len(all_wrong))
    for rows in shared.answers.values():
        probabilities = letter_probabilities(rows.iloc[all_wrong])
        if probabilities is not None:
            probability += probabilities[numpy.arange(len(all_wrong)), gold]
    places = all_wrong[numpy.argsort(probability, kind="stable")[:MOST_HARDEST]].tolist()
    hardest = []
    for place, question in zip(places, shared.texts(questions, places), strict=True):
        subject, index, _, _, right = shared.questions.iloc[place]
        predicted = {model: rows["predicted"].iloc[place] for model, rows in shared.answers.items()}
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


def _warnings_on_comparisons(
    answered: int, compared: int, alike: bool, tests: SubjectOrder, models_wrong: ModelsWrong | None
) -> list[str]:
    """Return sentences on what is left out of comparisons and why they cannot be tested."""
    warnings = []
    if compared < answered:
        warnings.append(
            f"{answered - compared} of the {answered} questions that every model answered have an answer that could not be "
            "read: comparisons leave these out, those of two models only where the answer is of one of the two."
        )
    if alike:
        warnings.append("The models are right on exactly the same questions, so Cochran's Q is not defined.")
    if tests.untested:
        warnings.append(tests.untested)
    if tests.flat:
        warnings.append(f"No rank correlation with {', '.join(tests.flat)}: the accuracy is the same on every subject.")
    if not models_wrong:
        reason = "there are no two models that do not nearly always choose one letter"
    elif models_wrong.p is None:
        reason = "fewer than two have both right and wrong answers"
    else:
        return warnings
    return [*warnings, f"Whether models miss the same questions cannot be tested: {reason}."]
