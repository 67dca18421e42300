"""Sentences on mistakes: whether models find the same subjects hard, miss the same questions, choose the same letters."""

from collections.abc import Mapping, Sequence

from mmlu_kit.analysis.difficulty_document import CochranQ, Difficulty, ModelsWrong
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import listed
from mmlu_kit.statistics import ALPHA

SHOWN_HARDEST = 10
# With more letters, their table has a row for each letter instead of columns.
MOST_COLUMNS = 6


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


def models_wrong(counts: ModelsWrong) -> str:
    """Say whether models miss the same questions more often than independent models would."""
    if counts.p is None or counts.chi2 is None:
        return "Whether this differs from independent mistakes could not be tested."
    test = f"(chi-square = {counts.chi2:.1f}, {p_value(counts.p)})"
    if counts.p >= ALPHA:
        return (
            f"**No common pattern is shown:** the counts do not differ significantly from those of independent mistakes {test}."
        )
    observed, expected = counts.observed[-1], counts.expected[-1]
    if observed > expected:
        finding = "**Models fail on the same questions more often than their accuracies alone explain**"
    else:
        finding = "The counts differ from those of independent mistakes, but models do *not* fail together more often"
    independent = f"independent models with these accuracies would all miss {expected:.0f}"
    return f"{finding} {test}: all models missed {observed} questions; {independent}."


def same_wrong(pair: PairAnalysis, labels: Mapping[str, str], best: str) -> str | None:
    """Say whether two models choose the same wrong answer more often than unrelated ones; None if it could not be tested.

    `best` is what the models' answers are called, 'best letter' or 'best answer'.
    """
    rate, null, p = pair.same_wrong_rate, pair.same_wrong_null, pair.same_wrong_p
    if rate is None or null is None or p is None:
        return None
    often = "more often" if p < ALPHA and rate > null.mean else "no more often"
    names = " and ".join(labels[model] for model in pair.models)
    numbers = f"{percent(rate)} against {percent(null.mean)}, permutation test, {p_value(p)}"
    answer, bias = ("letter", "letter bias") if best == "best letter" else ("answer", "bias")
    return f"{names} choose the same wrong {answer} {often} than two unrelated models with the same {bias} would ({numbers})."


def left_out(analysis: AnalysisFile) -> str | None:
    """Say that unreadable answers are left out of tests; None if there are none."""
    if not any(model.best_letter.unparsed for model in analysis.models):
        return None
    return (
        "An answer that could not be read is not a wrong letter. The accuracies and intervals in the first table count it as "
        "not right; everything else in this section leaves it out: tests, comparisons, shares of letters, and accuracies by "
        "subject or label. Models are compared on the questions of which all their answers could be read; rows marked "
        "*unreadable as wrong* show what the test of two models would be if such answers were wrong."
    )


def letters(analysis: AnalysisFile, in_every_order: Sequence[str]) -> list[str]:
    """Say what the shares and recalls of letters are, and what a letter is to models whose prompts have none, or to those
    `in_every_order`, labels of models that were shown the choices in every order."""
    sentences = [
        "The first columns show how often each letter was chosen; *recall* is how often a letter was chosen when it was right."
        if max(len(model.letters) for model in analysis.models) <= MOST_COLUMNS
        else "*Right* is how often a letter is right; then follow how often each model chose it, and *recall*, how often it "
        "did so when the letter was right."
    ]
    if left_out(analysis):
        sentences.append("Both are of the answers that could be read.")
    if any(len(model.choices) > 1 for model in analysis.models):
        sentences.append(
            "As questions differ in their number of choices, the *standard deviation* of the shares is from those of a model "
            "that chooses every choice of a question equally often, and that of the recalls from the model's accuracy on "
            "questions with as many choices."
        )
    if in_every_order:
        sentences.append(
            f"{listed(in_every_order)} saw every choice under every letter: here a letter is a choice's place in the order "
            "given, so that a preference for a letter cancels out."
        )
    unlettered = [model.label for model in analysis.models if not model.generated]
    if unlettered:
        sentences.append(
            f"The prompts of {listed(unlettered)} have no letters: there A is the first choice, B the second and so on, and "
            "the model does not see their order."
        )
    return sentences


def accuracies_differ(q: CochranQ | None) -> str | None:
    """Say whether the models' accuracies differ at all; None if it could not be tested."""
    if q is None or q.p is None:
        return None
    finding = "The models' accuracies differ" if q.p < ALPHA else "No difference between the models' accuracies is shown"
    return f"{finding} (Cochran's Q = {q.statistic:.1f}, {p_value(q.p)})."


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


def label_errors(errors: LabelErrors | None) -> str:
    """Say how many questions MMLU-Redux checked and flagged."""
    if errors is None:
        return "Labels were not checked: config names no folder of MMLU-Redux's checks for these questions (`label_errors`)."
    kinds = listed(f"{kind}: {number}" for kind, number in errors.by_type.items())
    flagged = f"flagged {errors.flagged}{f' ({kinds})' if kinds else ''}"
    unmatched = f"{errors.unmatched} of its checks are of questions that are not in this study"
    return f"MMLU-Redux checked {errors.checked} of these questions and {flagged}; {unmatched}."
