"""Sentences on what is hard: subjects, and questions that every model missed."""

from mmlu_kit.analysis.difficulty_document import Difficulty
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.statistics import ALPHA

SHOWN_HARDEST = 10


def subject_order(difficulty: Difficulty) -> str:
    """Say whether models agree on which subjects are hard."""
    w = difficulty.kendall_w
    if not w:
        return "Whether models agree on which subjects are hard can only be tested with at least two models and three subjects."
    if w.p is None:
        return "Agreement on the order of subjects could not be tested."
    test = f"(Kendall's W = {w.w:.2f} of at most 1, {p_value(w.p)})"
    if w.p >= ALPHA:
        return f"**Not shown:** no agreement beyond chance on which subjects are hard {test}."
    sentence = f"**Systematic:** the models agree on which subjects are hard more than by chance {test}."
    order = difficulty.order
    if order:
        sentence += f" The hardest is {order[0]}, the easiest {order[-1]}."
    if len(set(map(percent, difficulty.guessing.values()))) > 1:
        sentence += " Subjects differ in their number of choices, so guessing alone makes some easier."
    return sentence


def hardest(analysis: AnalysisFile) -> str:
    """Say which of the questions that every model missed are listed, and where the others are."""
    if len(analysis.compared) < 2:
        return "There is only one model; its mistakes are in `questions.csv`."
    if not analysis.hardest or not analysis.models_wrong:
        return "There is no question that every model missed."
    missed, kept = analysis.models_wrong.observed[-1], len(analysis.hardest)
    number = min(kept, SHOWN_HARDEST)
    sentence = f"{number} of the {missed} questions that every model missed"
    if any(model.calibration for model in analysis.models):
        sentence += ", starting with the lowest mean probability of the right letter"
    if missed == number:
        return f"{sentence}."
    if missed == kept:
        return f"{sentence}. `analysis.json` and the explorer of `report.html` have all of them."
    return f"{sentence}. `analysis.json` has the first {kept} of them, and the explorer of `report.html` has all."
