"""Which subjects and questions are hard, and whether they are hard for all models."""

from collections.abc import Iterable
from itertools import combinations

import numpy
import pandas
from scipy.special import softmax

from mmlu_kit import statistics
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

MOST_HARDEST = 50


def analysis(common: pandas.DataFrame, models: list[str], questions: Iterable[Question]) -> tuple[dict, list[str]]:
    """`cochran_q, difficulty, models_wrong, hardest` of the questions that all models answered (errors.answered_by_all), and
    the reasons for what is None."""
    nothing = {"order": [], "kendall_w": None, "spearman": []}
    if common.empty:
        return {"cochran_q": None, "difficulty": nothing, "models_wrong": None, "hardest": []}, []
    correct = common[[f"{model}/correct" for model in models]].to_numpy(bool)
    said = []
    cochran_q = statistics.cochran_q(correct) if len(models) > 1 else None
    if len(models) > 1 and not cochran_q:
        said.append("The models are right and wrong on the same questions: Cochran's Q is not defined.")
    by_subject, more = subjects(common["subject"], correct, models)
    said += more
    wrong, more = models_wrong(correct)
    found = {
        "cochran_q": cochran_q,
        "difficulty": by_subject,
        "models_wrong": wrong,
        "hardest": hardest(common, models, questions),
    }
    return found, said + more


def subjects(names: pandas.Series, correct: numpy.ndarray, models: list[str]) -> tuple[dict, list[str]]:
    """Subjects from hardest to easiest by the mean of the models' accuracies, and whether models order them alike.

    Subjects that are equally hard stand in alphabetical order. `correct` is questions × models.
    """
    accuracy = pandas.DataFrame(correct, columns=models).groupby(names.to_numpy()).mean()
    mean = accuracy.mean(axis=1)
    order = sorted(accuracy.index, key=lambda subject: (mean[subject], subject))
    kendall_w = statistics.kendall_w(accuracy.to_numpy().T)
    found = []
    for first, second in combinations(models, 2):
        rho, p = statistics.spearman(accuracy[first], accuracy[second])
        found.append({"models": [first, second], "rho": rho, "p": p})
    said = []
    if len(models) > 1 and not kendall_w:
        few = len(order) < 3
        reason = f"{len(order)} of at least 3 subjects" if few else "each model does as well on every subject"
        said.append(f"Whether models find the same subjects hard cannot be tested: {reason}.")
    flat = [model for model in models if accuracy[model].nunique() == 1]
    if len(models) > 1 and kendall_w and flat:
        said.append(f"No rank correlation with {', '.join(flat)}, which does as well on every subject.")
    return {"order": order, "kendall_w": kendall_w, "spearman": found}, said


def models_wrong(correct: numpy.ndarray) -> tuple[dict | None, list[str]]:
    """How many questions were missed by 0, 1, … all models, and how many would be if models erred independently at their own
    error rates; None under two models."""
    models = correct.shape[1]
    if models < 2:
        return None, []
    wrong = (~correct).sum(axis=1)
    observed = [int((wrong == number).sum()) for number in range(models + 1)]
    expected = [share * len(correct) for share in statistics.independent((~correct).mean(axis=0))]
    found = {"models": models, "questions": len(correct), "observed": observed, "expected": expected}
    fit = statistics.goodness_of_fit(observed, expected)
    said = []
    if fit["p"] is None:
        said.append(
            "Too few questions to test whether models miss the same ones: fewer than three counts are expected above 5."
        )
    return {**found, **fit}, said


def hardest(common: pandas.DataFrame, models: list[str], questions: Iterable[Question]) -> list[dict]:
    """Questions that all models missed, with their text: those first whose right letter models found least probable (by the
    mean of its probability among the four, over models whose probabilities are known)."""
    texts = {question.sha256: question for question in questions}
    missed = common[~common[[f"{model}/correct" for model in models]].any(axis=1)]
    probability = numpy.zeros(len(missed))
    place = missed["gold"].map(LETTERS.index).to_numpy(int)
    for model in models:
        logprobs = missed[[f"{model}/logprob_{letter}" for letter in LETTERS]].to_numpy(float)
        if not numpy.isnan(logprobs).any():
            probability += softmax(logprobs, axis=1)[numpy.arange(len(missed)), place]
    found = []
    for number in numpy.argsort(probability, kind="stable")[:MOST_HARDEST]:
        row = missed.iloc[number]
        question = texts.get(row["question_sha256"])
        if not question:
            raise UserError(
                f"{row['subject']}/test/{row['index']}: the questions given are not those that were answered: run again"
            )
        found.append(
            {
                "subject": row["subject"],
                "index": int(row["index"]),
                "question": question.question,
                "choices": list(question.choices),
                "gold": row["gold"],
                "predicted": {model: _letter(row[f"{model}/predicted"]) for model in models},
            }
        )
    return found


def _letter(value: object) -> str | None:
    """A letter of the table, None where there is none."""
    return value if value in tuple(LETTERS) else None
