"""Sentences on what is hard: subjects, and questions that every model missed."""

from collections.abc import Mapping

from mmlu_kit import formatting
from mmlu_kit.analysis.difficulty_document import Difficulty
from mmlu_kit.analysis.discrimination_document import Discrimination
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import listed
from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.discrimination import DISCRIMINATION_DRAWS

SHOWN_HARDEST = 10
# Models with a larger Kendall's W on shuffled subjects are nearly copies of each other.
ALIKE = 0.8


def constant_models(analysis: AnalysisFile) -> str | None:
    """Say which models nearly always choose one letter, so that nothing is concluded from their mistakes; None if there are
    none."""
    return "; ".join(f"{model.label} nearly always chooses {model.always}" for model in analysis.constant_models) or None


def left_out(analysis: AnalysisFile) -> str | None:
    """Say which models take no part in the tests of what is hard; None if all do."""
    constant = constant_models(analysis)
    return constant and f"{constant}: left out of the mean and of the tests, as such answers say nothing about difficulty."


def subject_order(difficulty: Difficulty) -> str:
    """Say whether models agree on which subjects are hard, and which subjects are the hardest and the easiest."""
    w, p_mean = difficulty.kendall_w, difficulty.p_mean
    if not w:
        finding = difficulty.untested or "Whether models find the same subjects hard was not tested."
    else:
        p = p_value(w.p, difficulty.draws)
        test = f"Kendall's W = {w.w:.2f}, {w.expected:.2f} with shuffled subjects; permutation test, {p}"
        if w.p < ALPHA:
            finding = (
                "**Systematic:** the models agree on which subjects are hard, more than if the questions' subjects were "
                f"shuffled ({test})."
            )
        else:
            finding = (
                "**Not shown:** models do not agree on which subjects are hard significantly more than if the questions' "
                f"subjects were shuffled ({test})."
            )
            if w.expected > ALIKE:
                finding += " These models answer so much alike that they would rank any subjects alike, which hides agreement."
    if p_mean is None or not difficulty.order:
        return finding
    test = f"(permutation test, {p_value(p_mean, difficulty.draws)})"
    if p_mean < ALPHA:
        extremes = f"the hardest is {difficulty.order[0]}, the easiest {difficulty.order[-1]}"
        finding += f" Mean accuracy differs between subjects {test}: {extremes}."
    else:
        finding += f" No difference in mean accuracy between subjects is shown {test}."
    if len(set(map(percent, difficulty.guessing.values()))) > 1:
        finding += (
            " Guessing alone makes subjects with fewer choices easier, so subjects are shuffled among questions with as many "
            "choices."
        )
    return finding


def subjects_differ(difficulty: Difficulty, labels: Mapping[str, str]) -> str | None:
    """Say for which models some subjects are harder than others; None if that is not tested."""
    tests = difficulty.differences
    if not tests:
        return None
    differ = [labels[test.model] for test in tests if test.p_holm is not None and test.p_holm < ALPHA]
    others = [labels[test.model] for test in tests if test.p_holm is None or test.p_holm >= ALPHA]
    if not differ:
        return "It is not shown for any single model that some subjects are harder than others."
    sentence = f"Some subjects are harder than others for {listed(differ)}"
    return sentence + (f"; this is not shown for {listed(others)}." if others else ".")


def hardest(analysis: AnalysisFile) -> str:
    """Say which of the questions that every model missed are listed, and where the others are."""
    if len(analysis.compared) < 2:
        return "There is only one model; its mistakes are in `questions.csv`."
    if not analysis.hardest:
        return "There is no question that every model missed."
    missed, kept = analysis.difficulty.all_wrong, len(analysis.hardest)
    number = min(kept, SHOWN_HARDEST)
    sentence = f"{number} of the {missed} questions that every model missed"
    if any(model.calibration for model in analysis.models):
        sentence += ", starting with the lowest mean probability of the right letter"
    sentence += "."
    if number < missed == kept:
        sentence += " `analysis.json` and the explorer of `report.html` have all of them."
    elif kept < missed:
        sentence += f" `analysis.json` has the first {kept} of them, and the explorer of `report.html` has all."
    wrong = analysis.models_wrong
    if wrong and wrong.models == len(analysis.compared) and wrong.p is not None and wrong.p >= ALPHA:
        sentence += f" That every model missed them may be chance: independent models would all miss {wrong.expected[-1]:.0f}."
    return sentence


def discrimination(tested: Discrimination) -> str:
    """Say how well questions tell models apart."""
    test = f"permutation test, {p_value(tested.p, DISCRIMINATION_DRAWS)}"
    shares = f"{percent(tested.negative)} of {formatting.plural(tested.questions, 'question')}"
    sentence = (
        f"A question's discrimination is the correlation, over {tested.models} models, of being right on it with the number of "
        f"right answers to the other questions. Its mean is {tested.mean:z.2f} ({test}); it is below 0 for {shares}, against "
        f"{percent(tested.negative_expected)} if those right on a question were random models."
    )
    if tested.undefined:
        number = formatting.plural(tested.undefined, "question")
        sentence += f" {number} {'has' if tested.undefined == 1 else 'have'} none, as all models are right or all are wrong."
    if tested.p >= ALPHA:
        return f"{sentence} It is not shown that questions tell better models from worse ones, so no question stands out."
    return (
        f"{sentence} Over so few models a single correlation is uncertain: the questions with the lowest ones, on which worse "
        "models are right and better ones wrong, are candidates for a check of their labels, not known to be wrong."
    )
