"""What the mistakes say: the content of analysis.json, from the answers to every question.

A model's own numbers are over all questions of the study that it answered. Comparisons of models are over the questions that
every model shown answered (matched by subject and index), so that each compares the same.
"""

from collections.abc import Iterable
from itertools import combinations

import numpy
import pandas
from scipy.special import softmax

from mmlu_kit import formatting, statistics
from mmlu_kit.analysis import difficulty, label_errors
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import summaries
from mmlu_kit.settings import LETTERS

FEWEST_QUESTIONS, FEWEST_SUBJECTS = 100, 10
NO_LETTER = -1
LOWEST_PARSE_RATE, LARGEST_SHARE, LARGEST_LEANING = 0.95, 0.5, 0.1


def analysis(merged: dict, table: pandas.DataFrame, questions: Iterable[Question], labels: dict | None = None) -> dict:
    """The content of analysis.json.

    `table` is questions.csv, an empty `parsed` where no letter could be read; `questions` are the texts of the study's
    subjects; `labels` is what label_errors.match found, None where no label check is configured.
    """
    study = merged["study"]
    chosen = table[table["subject"].isin(study["subjects"])]
    models = shown(merged, chosen)
    own = {model: chosen[chosen["model"] == model] for model in models}
    common = answered_by_all(chosen, models)
    warnings = []
    if not models:
        warnings.append("No model of the study's groups has results: there is nothing to analyse.")
    elif len(models) > 1 and common.empty:
        warnings.append("No question was answered by every model: models are not compared.")
    elif len(models) > 1 and len(common) < FEWEST_QUESTIONS:
        warnings.append(
            f"The models share {len(common)} questions, fewer than {FEWEST_QUESTIONS}: comparisons are descriptive only."
        )
    pairs, said = compared(common, models)
    between, more = difficulty.analysis(common, models, questions)
    return AnalysisFile(
        **{
            "study": study["name"],
            "questions": len(common),
            "models": [of_model(model, summaries.label(merged, model), own[model]) for model in models],
            "pairs": pairs,
            **between,
            "label_errors": label_errors.accuracies(labels, own) if labels else None,
            "warnings": warnings + said + more + (labels["warnings"] if labels else []),
        }
    )


def shown(merged: dict, table: pandas.DataFrame) -> list[str]:
    """The models of the study's groups that answered anything, in the report's order."""
    there = set(table["model"])
    return list(dict.fromkeys(m for group in merged["study"]["groups"] for m in group["models"] if m in there))


def answered_by_all(table: pandas.DataFrame, models: list[str]) -> pandas.DataFrame:
    """One row for each question that all of `models` answered, in the table's order: `subject, index, question_sha256, gold`,
    and a column of answers for each model, as `(model, column)`."""
    keys = ["subject", "index", "question_sha256", "gold"]
    columns = ["predicted", "correct", *(f"logprob_{letter}" for letter in LETTERS)]
    found = pandas.DataFrame(columns=keys)
    for number, model in enumerate(models):
        own = table[table["model"] == model]
        own = own[keys + columns].rename(columns={column: f"{model}/{column}" for column in columns})
        found = own if not number else found.merge(own, on=keys)
    return found.reset_index(drop=True)


def of_model(model: str, label: str, rows: pandas.DataFrame) -> dict:
    """A model's own numbers; `rows` are its questions."""
    gold, predicted = rows["gold"].to_numpy(), rows["predicted"].to_numpy()
    confidence = confidences(rows)
    correct, generated = rows["correct"].to_numpy(bool), rows["correct_generated"].to_numpy(bool)
    parsed = rows["parsed"].isin(list(LETTERS)).to_numpy()
    count, by_subject = len(rows), rows.groupby("subject", sort=False)["correct"].mean()
    clustered = statistics.clustered(correct, rows["subject"]) if len(by_subject) >= FEWEST_SUBJECTS else None
    found = {
        "model": model,
        "label": label,
        "questions": count,
        "subjects": len(by_subject),
        "best_letter": {"wrong": int((~correct).sum()), **_share(int(correct.sum()), count)},
        "generated": {
            "wrong": int((parsed & ~generated).sum()),
            "unparsed": int((~parsed).sum()),
            "parse_rate": float(parsed.mean()),
            **_share(int(generated.sum()), count),
        },
        "macro_accuracy": float(by_subject.mean()),
        "clustered": {"low": clustered[0], "high": clustered[1]} if clustered else None,
        "guessing": {
            "p": statistics.better_than_guessing(int(correct.sum()), count),
            "p_below": statistics.worse_than_guessing(int(correct.sum()), count),
        },
        "constant_letter": constant_letter(gold, correct),
        **letters(gold, predicted),
        "calibration": None if confidence is None else statistics.calibration(confidence, correct),
    }
    return {**found, "warnings": cautions(found)}


def cautions(found: dict) -> list[str]:
    """What must be said next to a model's numbers, in sentences."""
    said = []
    if found["questions"] < FEWEST_QUESTIONS:
        said.append(f"{found['questions']} questions, fewer than {FEWEST_QUESTIONS}: its numbers are descriptive only.")
    if found["generated"]["parse_rate"] < LOWEST_PARSE_RATE:
        unread = formatting.percent(1 - found["generated"]["parse_rate"])
        said.append(f"No letter could be read from {unread} of what it wrote: these count as unreadable, not as wrong letters.")
    for letter, entry in found["letters"].items():
        if entry["share"] > LARGEST_SHARE:
            said.append(f"It answered {letter} in {formatting.percent(entry['share'])} of cases, whatever was asked.")
    if found["subjects"] < FEWEST_SUBJECTS:
        number = "1 subject" if found["subjects"] == 1 else f"{found['subjects']} subjects"
        said.append(f"{number}, fewer than {FEWEST_SUBJECTS}: no interval clustered by subject.")
    elif not found["clustered"]:
        said.append("All answers are right, or all wrong: no interval clustered by subject.")
    if not found["calibration"]:
        said.append("Its answers were imported without the letters' probabilities: how sure it was is not known.")
    return said


def constant_letter(gold: numpy.ndarray, correct: numpy.ndarray) -> dict:
    """The letter that is right most often, how often, and the exact McNemar p-value of a model against always choosing it."""
    right = {letter: gold == letter for letter in LETTERS}
    best = max(LETTERS, key=lambda letter: right[letter].sum())
    p = statistics.mcnemar(int((correct & ~right[best]).sum()), int((right[best] & ~correct).sum()))
    return {"letter": best, "accuracy": float(right[best].mean()), "p": p}


def letters(gold: numpy.ndarray, predicted: numpy.ndarray) -> dict:
    """For each letter how often it was chosen, how often it is right, and how often it was chosen where it is right, with the
    standard deviations of shares and recalls over letters (Zheng et al. 2024, https://arxiv.org/abs/2309.03882)."""
    found = {}
    for letter in LETTERS:
        right, chosen = gold == letter, predicted == letter
        recall = float(chosen[right].mean()) if right.any() else None
        found[letter] = {"share": float(chosen.mean()), "gold_share": float(right.mean()), "recall": recall}
    recalls = [entry["recall"] for entry in found.values()]
    return {
        "letters": found,
        "share_sd": statistics.std_dev([entry["share"] for entry in found.values()]),
        "recall_sd": None if None in recalls else statistics.std_dev(recalls),
    }


def confidences(rows: pandas.DataFrame) -> numpy.ndarray | None:
    """The best letter's probability among the four letters, for each question; None where probabilities are not known."""
    logprobs = rows[[f"logprob_{letter}" for letter in LETTERS]].to_numpy(float)
    return None if numpy.isnan(logprobs).any() else softmax(logprobs, axis=1).max(axis=1)


def compared(common: pandas.DataFrame, models: list[str]) -> tuple[list[dict], list[str]]:
    """Every two models on the questions that all answered, and the reasons for what is None."""
    if common.empty:
        return [], []
    subjects, gold = common["subject"].to_numpy(), codes(common["gold"])
    answers = {model: codes(common[f"{model}/predicted"]) for model in models}
    found, said = [], []
    for first, second in combinations(models, 2):
        entry = pair(answers[first], answers[second], gold, subjects)
        found.append({"models": [first, second], **entry})
        more = reasons(entry)
        leaning = statistics.kappa_of_strata(answers[first] == gold, answers[second] == gold, gold)
        if leaning is not None and leaning > LARGEST_LEANING:
            more.append(f"their leanings to letters alone give independent models a kappa of {leaning:.2f}.")
        said += [f"{first} and {second}: {reason}" for reason in more]
    corrected = statistics.holm([entry["mcnemar"]["p"] for entry in found])
    for entry, p in zip(found, corrected, strict=True):
        entry["mcnemar"]["p_holm"] = p
    return found, said


def pair(first: numpy.ndarray, second: numpy.ndarray, gold: numpy.ndarray, subjects: numpy.ndarray) -> dict:
    """How alike two models are; answers as numbers of choices, NO_LETTER where none could be read."""
    one, other = first == gold, second == gold
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    read = (first != NO_LETTER) & (second != NO_LETTER)
    alike = statistics.same_wrong(first[read], second[read], gold[read], subjects[read])
    # Two answers without a letter are not the same answer.
    apart = numpy.where(second == NO_LETTER, NO_LETTER - 1, second)
    return {
        "questions": len(gold),
        "both_wrong": int((~one & ~other).sum()),
        "both_wrong_expected": float((1 - one.mean()) * (1 - other.mean()) * len(gold)),
        "kappa": statistics.kappa(one, other),
        "kappa_max": statistics.kappa_max(float(one.mean()), float(other.mean())),
        "capa": statistics.capa(first, apart, gold),
        "same_wrong": alike["count"],
        "same_wrong_rate": alike["rate"],
        "same_wrong_null": alike["null"],
        "same_wrong_p": alike["p"],
        "mcnemar": {"only_first": only_first, "only_second": only_second, "p": statistics.mcnemar(only_first, only_second)},
        "smallest_difference": statistics.smallest_difference(len(gold), (only_first + only_second) / len(gold)),
    }


def reasons(entry: dict) -> list[str]:
    """Why numbers of a pair are None, in sentences."""
    said = []
    if entry["kappa"] is None:
        said.append("both are always right or both always wrong, so there is no agreement beyond chance to measure.")
    if entry["same_wrong_rate"] is None:
        said.append("no question was answered with a wrong letter by both, so wrong letters are not compared.")
    elif entry["same_wrong_p"] is None:
        said.append("one of them chose a single letter wherever both were wrong, so their wrong answers cannot be tested.")
    if entry["smallest_difference"] is None:
        said.append("too few questions were right for one of them alone for any difference to be found with 80% power.")
    return said


def codes(letters: pandas.Series) -> numpy.ndarray:
    """Letters as numbers of choices, 0 to 3, NO_LETTER where there is none."""
    return letters.map({letter: number for number, letter in enumerate(LETTERS)}).fillna(NO_LETTER).to_numpy(int)


def _share(count: int, questions: int) -> dict:
    low, high = statistics.wilson(count, questions)
    return {"correct": count, "accuracy": count / questions, "low": low, "high": high}
